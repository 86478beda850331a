//! Instance logs: everything that the host returned to one instance, so that a replay returns the same.
//!
//! Random numbers depend on the seed of the instance alone and are not part of a log. Values of clocks, responses and answers of models
//! are recorded in the order in which the instance asked for them. In a replay, requests are recognised by their content, so a
//! component that asks in another order still gets its responses.

mod bytes;
mod clocks;
mod content;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;

pub(crate) use clocks::{MonotonicLog, WallLog};
pub(crate) use content::{
    AnswerOutcome, LogContent, LoggedAnswer, LoggedCode, LoggedError, LoggedRequest, LoggedResponse,
};

use clocks::Readings;

/// Values of each clock that are recorded. A guest that waits in a loop reads millions; a replay continues from the last one.
const MAX_READINGS: usize = 1 << 16;

/// Bytes that are recorded for an instance, of requests, responses and answers, as they are in memory.
const MAX_BYTES: usize = 12 << 20;

/// Bytes of the bodies of requests that a replay holds at the same time, to compare them with the recorded ones. A recorded call has sent no
/// more than [`MAX_BYTES`].
const MAX_HELD: usize = 64 << 20;

/// The log of one instance. Clones are the same log.
#[derive(Debug, Clone)]
pub(crate) struct InstanceLog {
    is_replay: bool,
    state: Arc<Mutex<LogState>>,
    /// The bytes of bodies that a replay holds.
    held: Arc<AtomicUsize>,
}

/// The part of the body of a request that a replay holds until this is dropped.
#[derive(Debug)]
pub(crate) struct HeldBody {
    all: Arc<AtomicUsize>,
    own: AtomicUsize,
}

impl HeldBody {
    /// Takes room for more bytes. Returns whether there is any.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.own.fetch_add(bytes, Ordering::Relaxed);
        self.all.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= MAX_HELD
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

#[derive(Debug, Default)]
struct LogState {
    content: LogContent,
    wall: Readings<Duration>,
    monotonic: Readings<u64>,
    /// The requests and answers that were given in the replay.
    used_requests: BTreeSet<usize>,
    used_answers: BTreeSet<usize>,
    /// The bytes that are recorded so far.
    bytes: usize,
    /// The number of restarts.
    generation: u64,
}

/// A request that is being recorded. A restart of the log makes it invalid.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestNumber {
    generation: u64,
    index: usize,
}

impl InstanceLog {
    /// Creates an empty log to record into.
    pub(crate) fn record() -> Self {
        Self { is_replay: false, state: Arc::default(), held: Arc::default() }
    }

    /// Creates a log that is replayed.
    pub(crate) fn replay(content: LogContent) -> Self {
        let (wall, monotonic) = (content.wall.clone(), content.monotonic.clone());
        let state = LogState {
            wall: Readings::replay(wall),
            monotonic: Readings::replay(monotonic),
            content,
            ..LogState::default()
        };
        Self { is_replay: true, state: Arc::new(Mutex::new(state)), held: Arc::default() }
    }

    /// Starts to hold the body of a request of a replay.
    pub(crate) fn hold_bodies(&self) -> Arc<HeldBody> {
        Arc::new(HeldBody { all: Arc::clone(&self.held), own: AtomicUsize::new(0) })
    }

    pub(crate) fn is_replay(&self) -> bool {
        self.is_replay
    }

    /// Removes everything that was recorded, before an instance processes another batch.
    pub(crate) fn restart(&self) {
        if !self.is_replay {
            let mut state = self.state.lock();
            *state = LogState { generation: state.generation + 1, ..LogState::default() };
        }
    }

    /// Returns what was recorded.
    pub(crate) fn content(&self) -> LogContent {
        let state = self.state.lock();
        let (wall, monotonic) = (state.wall.values().to_vec(), state.monotonic.values().to_vec());
        LogContent { wall, monotonic, ..state.content.clone() }
    }

    /// Returns the time of the wall clock: `now`, or the one of the replay.
    fn wall(&self, now: Duration) -> Duration {
        self.state.lock().wall.next(self.is_replay, now)
    }

    /// Returns the time of the monotonic clock: `now`, or the one of the replay.
    fn monotonic(&self, now: u64) -> u64 {
        self.state.lock().monotonic.next(self.is_replay, now)
    }

    /// Starts to record a request, and returns its number. `None` if the log is full.
    pub(crate) fn add_request(&self, method: &str, url: &str) -> Option<RequestNumber> {
        let mut state = self.state.lock();
        if !state.count(size_of::<LoggedRequest>() + method.len() + url.len()) {
            return None;
        }
        state.content.requests.push(LoggedRequest::new(method, url));
        Some(RequestNumber { generation: state.generation, index: state.content.requests.len() - 1 })
    }

    /// Reserves bytes for a later update of a request. Returns whether there is room for them.
    pub(crate) fn reserve(&self, number: Option<RequestNumber>, bytes: usize) -> bool {
        let mut state = self.state.lock();
        number.is_some_and(|number| number.generation == state.generation) && state.count(bytes)
    }

    /// Changes a request that is being recorded, by `bytes` more bytes. Nothing more is recorded once a log is full. A request of before
    /// a restart is left alone.
    pub(crate) fn update_request(
        &self,
        number: Option<RequestNumber>,
        bytes: usize,
        update: impl FnOnce(&mut LoggedRequest),
    ) {
        let mut state = self.state.lock();
        if let Some(number) = number.filter(|number| number.generation == state.generation)
            && state.count(bytes)
            && let Some(request) = state.content.requests.get_mut(number.index)
        {
            update(request);
        }
    }

    /// Returns whether a replay has this request, whatever its body is.
    pub(crate) fn has_request(&self, method: &str, url: &str) -> bool {
        self.state.lock().content.requests.iter().any(|request| request.is_for(method, url))
    }

    /// Returns the next recorded request like this one, or the last one if all were given before. `body` is `None` for those that the
    /// host did not read the body of.
    pub(crate) fn request(&self, method: &str, url: &str, body: Option<&[u8]>) -> Option<LoggedRequest> {
        let mut state = self.state.lock();
        let LogState { content, used_requests, .. } = &mut *state;
        let fits = |request: &LoggedRequest| {
            request.is_for(method, url)
                && match body {
                    None => request.body.is_none() && request.error.is_some(),
                    Some(body) => request.body.as_deref().is_none_or(|own| own == body),
                }
        };
        let number = next_or_last(&content.requests, used_requests, fits)?;
        Some(content.requests[number].clone())
    }

    /// Records the answer of the model that plays a part in the step.
    pub(crate) fn add_answer(&self, role: &str, request: &Value, outcome: AnswerOutcome) {
        let mut state = self.state.lock();
        let request = request.to_string();
        if state.count(size_of::<LoggedAnswer>() + role.len() + request.len() + outcome.bytes()) {
            state.content.answers.push(LoggedAnswer { role: role.to_owned(), request, outcome });
        }
    }

    /// Records that a model plays a part in the step.
    pub(crate) fn add_role(&self, role: &str) {
        let mut state = self.state.lock();
        if !state.content.roles.contains(role) {
            state.content.roles.insert(role.to_owned());
        }
    }

    /// Returns whether a replay has answers of the model that plays this part.
    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.state.lock().content.roles.contains(role)
    }

    /// Returns the next recorded answer to a request, or the last one if all were given before.
    pub(crate) fn answer(&self, role: &str, request: &Value) -> Option<AnswerOutcome> {
        let request = request.to_string();
        let mut state = self.state.lock();
        let LogState { content, used_answers, .. } = &mut *state;
        let fits = |answer: &LoggedAnswer| answer.role == role && answer.request == request;
        let number = next_or_last(&content.answers, used_answers, fits)?;
        Some(content.answers[number].outcome.clone())
    }
}

impl LogState {
    /// Counts bytes to be recorded. Returns whether there is room for them.
    fn count(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        let fits = self.bytes <= MAX_BYTES;
        self.content.is_incomplete |= !fits;
        fits
    }
}

/// Returns the first entry that fits and was not used, and marks it as used; without one, the last entry that fits.
fn next_or_last<T>(entries: &[T], used: &mut BTreeSet<usize>, fits: impl Fn(&T) -> bool) -> Option<usize> {
    let mut last = None;
    for (number, _) in entries.iter().enumerate().filter(|(_, entry)| fits(entry)) {
        last = Some(number);
        if used.insert(number) {
            break;
        }
    }
    last
}

/// Returns the time since an instant, in nanoseconds.
fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_requests_get_their_responses_in_order_and_then_the_last_one() {
        let log = InstanceLog::record();
        for status in [500, 200] {
            let number = log.add_request("GET", "https://a.example/");
            log.update_request(number, 0, |request| {
                request.body = Some(Vec::new());
                request.response = Some(LoggedResponse { status, headers: Vec::new(), body: b"\xff".to_vec() });
            });
        }
        let json = serde_json::to_string(&log.content()).unwrap();
        let log = InstanceLog::replay(serde_json::from_str(&json).unwrap());
        let status = || log.request("GET", "https://a.example/", Some(b"")).map(|request| request.response.unwrap());
        let statuses = [status(), status(), status()].map(|response| response.unwrap().status);
        assert_eq!(statuses, [500, 200, 200]);
        assert_eq!(status().unwrap().body, b"\xff");
        assert!(log.request("GET", "https://a.example/", Some(b"x")).is_none());
        assert!(!log.has_request("POST", "https://a.example/"));
    }

    #[test]
    fn a_log_is_bounded_and_says_so() {
        let log = InstanceLog::record();
        let number = log.add_request("GET", "https://a.example/");
        log.update_request(number, MAX_BYTES, |request| request.body = Some(Vec::new()));
        let content = log.content();
        assert!(content.is_incomplete && content.requests[0].body.is_none());
        let number = log.add_request("GET", "https://a.example/");
        assert!(number.is_none() && !log.reserve(number, 0));
        log.update_request(number, 0, |_| panic!("it is not recorded"));
        log.restart();
        for _ in 0..MAX_BYTES / size_of::<LoggedRequest>() {
            log.add_request("GET", "https://a.example/");
        }
        let content = log.content();
        let bytes: usize = content.requests.iter().map(|request| size_of_val(request) + request.url.len()).sum();
        assert!(content.is_incomplete && bytes <= MAX_BYTES, "{bytes}");
        for _ in 0..2 * MAX_READINGS {
            log.monotonic(1);
        }
        assert_eq!(log.content().monotonic.len(), MAX_READINGS);
    }

    #[test]
    fn a_request_from_before_a_restart_does_not_change_a_later_one() {
        let log = InstanceLog::record();
        let earlier = log.add_request("GET", "https://a.example/1");
        log.restart();
        let later = log.add_request("GET", "https://a.example/2");
        log.update_request(earlier, 0, |request| request.is_complete = true);
        assert!(!log.reserve(earlier, 1) && log.reserve(later, 1));
        assert!(!log.content().requests[0].is_complete);
        log.update_request(later, 0, |request| request.is_complete = true);
        assert!(log.content().requests[0].is_complete);
    }

    #[test]
    fn clocks_are_replayed_and_then_continue() {
        let log = InstanceLog::record();
        assert_eq!(
            [log.wall(Duration::from_secs(7)), log.wall(Duration::from_secs(9))].map(|time| time.as_secs()),
            [7, 9]
        );
        let replay = InstanceLog::replay(log.content());
        let now = Duration::from_secs(1000);
        assert_eq!([replay.wall(now), replay.wall(now)].map(|time| time.as_secs()), [7, 9]);
        assert_eq!(replay.wall(now + Duration::from_secs(5)).as_secs(), 9 + 5);
    }
}
