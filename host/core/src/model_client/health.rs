//! Whether the server answers, and when to give up.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::model::{ModelFailure, ModelSettings};
use crate::units::format_duration;

/// The successes of one model.
#[derive(Debug)]
pub(super) struct Health {
    name: String,
    give_up_after: Duration,
    state: Mutex<HealthState>,
}

#[derive(Debug, Default)]
struct HealthState {
    last_success: Option<Instant>,
    /// When the latest request that succeeded was sent.
    last_sent: Option<Instant>,
    /// The first request that ended without success since the last success.
    failing_since: Option<Instant>,
    /// Set when no request can succeed.
    failure: Option<ModelFailure>,
}

impl Health {
    pub(super) fn new(settings: &ModelSettings) -> Self {
        Self { name: settings.name.clone(), give_up_after: settings.give_up_after, state: Mutex::default() }
    }

    /// Returns whether a request that was sent after this time has succeeded.
    pub(super) fn has_succeeded_since(&self, time: Instant) -> bool {
        self.state.lock().last_sent.is_some_and(|sent| sent > time)
    }

    /// Returns why no request can succeed, if that is known.
    pub(super) fn check(&self) -> Result<(), ModelFailure> {
        self.state.lock().failure.clone().map_or(Ok(()), Err)
    }

    /// Returns why no request can succeed, which is known.
    pub(super) fn failure(&self) -> ModelFailure {
        self.state.lock().failure.clone().expect("places are closed after a failure")
    }

    /// Notes that the server answered a request that was sent at this time.
    pub(super) fn succeeded(&self, sent: Instant) {
        let mut state = self.state.lock();
        state.last_success = Some(Instant::now());
        state.last_sent = state.last_sent.max(Some(sent));
        state.failing_since = None;
    }

    /// Notes an error that may pass. `sent` is when the request was sent.
    ///
    /// # Errors
    /// There was no success for too long.
    pub(super) fn failed(&self, sent: Instant, problem: &str) -> Result<(), ModelFailure> {
        let mut state = self.state.lock();
        if state.last_success.is_some_and(|success| success > sent) {
            return Ok(());
        }
        let since = *state.failing_since.get_or_insert(sent);
        let time = since.elapsed();
        if time < self.give_up_after {
            return Ok(());
        }
        let limit = format_duration(self.give_up_after);
        let failure = ModelFailure {
            message: format!("model \"{}\" answered no request within {limit}", self.name),
            causes: vec![problem.to_owned()],
            hint: format!(
                "the limit is `give-up-after = \"{limit}\"`; when the server answers again, continue with `--resume`"
            ),
        };
        Err(state.failure.get_or_insert(failure).clone())
    }

    /// Notes that no request can succeed.
    pub(super) fn fail(&self, failure: ModelFailure) -> ModelFailure {
        self.state.lock().failure.get_or_insert(failure).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_given_up_after_a_time_without_success() {
        let mut settings = ModelSettings::new("writer", "http://localhost/", "m");
        settings.give_up_after = Duration::from_mins(1);
        let health = Health::new(&settings);
        let now = Instant::now();
        let Some(before) = now.checked_sub(Duration::from_secs(30)) else { return };
        let Some(long_before) = now.checked_sub(Duration::from_secs(90)) else { return };
        health.failed(before, "down").unwrap();
        health.succeeded(now);
        // The success came later than this request was sent.
        health.failed(long_before, "down").unwrap();
        assert!(health.has_succeeded_since(before) && !health.has_succeeded_since(now));
        health.check().unwrap();

        let health = Health::new(&settings);
        let failure = health.failed(long_before, "down").unwrap_err();
        assert_eq!(failure.message, "model \"writer\" answered no request within 1m");
        assert_eq!((failure.causes, health.check().is_err()), (vec!["down".to_owned()], true));
    }
}
