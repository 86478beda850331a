//! What the host knows about the requests of a call.

use std::collections::VecDeque;

use parking_lot::Mutex;
use wasmtime_wasi_http::Error as Code;

use super::error::RequestError;
use crate::grants::Denial;

/// What the host knows about the requests of a call, beyond the code that the guest gets.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    state: Mutex<NoticeState>,
}

#[derive(Debug, Default)]
struct NoticeState {
    /// The first denied request, which is reported for a failure that names none.
    first_denied: Option<Denial>,
    recent: VecDeque<Notice>,
}

/// A request that failed.
#[derive(Debug, Clone)]
pub(crate) enum Notice {
    /// It is not granted.
    Denied(Denial),
    /// The request, such as `GET https://example.org/`, and what went wrong.
    Failed(String, String),
}

/// The most requests that are remembered. The rows of a batch may each send one.
const MAX_RECENT: usize = 256;

impl Notice {
    fn request(&self) -> &str {
        match self {
            Self::Denied(denial) => denial.attempt.strip_prefix("send ").unwrap_or(&denial.attempt),
            Self::Failed(request, _) => request,
        }
    }
}

impl Notices {
    /// Returns the request of the call that led to a failure with this message: the last one that the message names. Without
    /// one, the first that was denied, or else the only one that failed.
    pub(crate) fn cause_of(&self, message: &str) -> Option<Notice> {
        self.named_in(message).or_else(|| {
            let state = self.state.lock();
            let only = || state.recent.front().filter(|_| state.recent.len() == 1).cloned();
            state.first_denied.clone().map(Notice::Denied).or_else(only)
        })
    }

    /// Returns the last request of the call that failed and that this message names.
    pub(crate) fn named_in(&self, message: &str) -> Option<Notice> {
        let state = self.state.lock();
        state.recent.iter().rev().find(|notice| message.contains(notice.request())).cloned()
    }

    /// Starts a call.
    pub(crate) fn begin(&self) {
        *self.state.lock() = NoticeState::default();
    }

    pub(super) fn add(&self, method: &str, url: &str, error: RequestError) -> Code {
        let RequestError { code, detail, denial } = error;
        let mut state = self.state.lock();
        if state.recent.len() == MAX_RECENT {
            state.recent.pop_front();
        }
        let notice = match denial {
            Some(denial) => {
                state.first_denied.get_or_insert_with(|| (*denial).clone());
                Notice::Denied(*denial)
            }
            None => Notice::Failed(format!("{method} {url}"), detail),
        };
        state.recent.push_back(notice);
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(notice: Option<Notice>) -> String {
        notice.map_or_else(|| "nothing".into(), |notice| notice.request().to_owned())
    }

    #[test]
    fn a_failure_is_explained_by_the_request_that_it_names() {
        let notices = Notices::default();
        let failed = || RequestError::new(Code::ConnectionRefused, "refused");
        notices.add("GET", "https://a.example/1", failed());
        assert_eq!(text(notices.cause_of("it failed")), "GET https://a.example/1");
        notices.add("GET", "https://a.example/2", failed());
        assert_eq!(text(notices.cause_of("GET https://a.example/1 failed")), "GET https://a.example/1");
        assert_eq!(text(notices.cause_of("it failed")), "nothing");
        let denial = Denial::never("send GET https://b.example/", "it is not granted");
        notices.add("GET", "", RequestError::denied(Code::HttpRequestDenied, denial));
        assert_eq!(text(notices.cause_of("GET https://a.example/1 failed")), "GET https://a.example/1");
        assert_eq!(text(notices.cause_of("it failed")), "GET https://b.example/");
        assert_eq!(text(notices.named_in("it failed")), "nothing");
        for id in 0..2 * MAX_RECENT {
            notices.add("GET", &format!("https://c.example/{id}"), failed());
        }
        assert_eq!(text(notices.cause_of("it failed")), "GET https://b.example/");
        notices.begin();
        assert_eq!(text(notices.cause_of("GET https://a.example/1 failed")), "nothing");
    }
}
