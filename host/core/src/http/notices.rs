//! What the host knows about the requests of a call.

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
    denial: Option<Denial>,
    failed: Option<String>,
}

impl Notices {
    /// Returns the first request of the call that was denied.
    pub(crate) fn denial(&self) -> Option<Denial> {
        self.state.lock().denial.clone()
    }

    /// Returns what went wrong with the last request of the call that failed.
    pub(crate) fn failed(&self) -> Option<String> {
        self.state.lock().failed.clone()
    }

    /// Starts a call.
    pub(crate) fn begin(&self) {
        *self.state.lock() = NoticeState::default();
    }

    pub(super) fn add(&self, method: &str, url: &str, error: RequestError) -> Code {
        let RequestError { code, detail, denial } = error;
        let mut state = self.state.lock();
        match denial {
            Some(denial) => {
                state.denial.get_or_insert(*denial);
            }
            None => state.failed = Some(format!("{method} {url}: {detail}")),
        }
        code
    }
}
