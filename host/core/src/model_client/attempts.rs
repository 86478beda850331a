//! One request, sent until it has an answer or cannot have one.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt as _;
use serde_json::Value;
use tokio::sync::SemaphorePermit;
use tokio::time::Instant;

use super::budget::ReservedTokens;
use super::client::SharedModel;
use super::journal::JournalKey;
use super::outcome::{Outcome, PassingError};
use crate::grants::HttpUrl;
use crate::model::{AnswerError, AnswerErrorKind, ModelFailure, tokens};
use crate::units::counted;

/// The wait before the first retry. It doubles with each one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// A request that waits notices within this time that no request can succeed.
const CHECK_EVERY: Duration = Duration::from_millis(100);

/// The value that was read from a response, and the attempts that it took.
pub(super) struct Received<T> {
    pub(super) value: T,
    pub(super) attempts: u32,
}

/// The tokens of responses, also of those that are no answers, as the server counts them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UsedTokens {
    pub(super) input: u64,
    pub(super) output: u64,
}

impl UsedTokens {
    pub(super) fn add(&mut self, response: &Value) {
        let (input, output) = tokens(response);
        self.input = self.input.saturating_add(input);
        self.output = self.output.saturating_add(output);
    }
}

/// A request as it is sent.
#[derive(Clone)]
pub(super) struct Outgoing<'a> {
    pub(super) url: &'a HttpUrl,
    pub(super) body: &'a Bytes,
    pub(super) max_tokens: Option<u32>,
    /// Where its answer is stored.
    pub(super) place: JournalKey,
    /// A short request to the same URL, which shows whether the server answers.
    pub(super) probe: &'a Value,
}

/// Why a request has no answer.
pub(super) enum NoAnswer {
    /// It is the request's fault, or the attempts are used up.
    Error(AnswerError),
    /// The run ends.
    Fatal(ModelFailure),
    /// It is part of a batch, or of the next one.
    Deferred,
}

impl NoAnswer {
    /// Marks an error after requests that were paid for.
    pub(super) fn after(self, attempts: u32) -> Self {
        match self {
            Self::Error(error) if attempts > 0 && error.kind == AnswerErrorKind::Rejected => Self::Error(error.paid()),
            other => other,
        }
    }
}

impl From<ModelFailure> for NoAnswer {
    fn from(failure: ModelFailure) -> Self {
        Self::Fatal(failure)
    }
}

impl SharedModel {
    /// Waits for a place. It is held until the answer is stored, so that no more than `concurrency` answers can be lost.
    pub(super) async fn place(&self) -> Result<SemaphorePermit<'_>, ModelFailure> {
        self.places.acquire().await.map_err(|_| self.health.failure())
    }

    /// Sends a request until it has an answer that can be read. Adds the tokens of all responses.
    ///
    /// A request is given up after its retries only if the server answers another one that was sent later; if there is none, a short
    /// one is sent. While the server is down, no request is given up, until the model is. A server that takes no more requests at
    /// the moment does not use up retries either.
    ///
    /// # Errors
    /// The request is rejected, its retries are used up, or no request can succeed.
    pub(super) async fn send<T>(
        &self,
        outgoing: Outgoing<'_>,
        used: &mut UsedTokens,
        read: impl Fn(&Value) -> Result<T, AnswerError> + Send,
    ) -> Result<Received<T>, NoAnswer> {
        if self.settings.batch {
            return self.batched(&outgoing, used, read);
        }
        let (mut attempts, mut failures, mut wait) = (0, 0, FIRST_WAIT);
        loop {
            let sent = Instant::now();
            attempts += 1;
            if attempts > 1 {
                self.counts.retries.fetch_add(1, Ordering::Relaxed);
            }
            let outcome = self.attempt(&outgoing).await?;
            if let Outcome::Answer(json) = &outcome {
                used.add(json);
            }
            let (problem, is_limited) = match outcome {
                Outcome::Answer(json) => match read(&json) {
                    Ok(value) => {
                        self.health.succeeded(sent);
                        return Ok(Received { value, attempts });
                    }
                    Err(error) if error.kind == AnswerErrorKind::Transient => {
                        (PassingError { message: error.message, pause: None }, false)
                    }
                    Err(error) => {
                        self.health.succeeded(sent);
                        return Err(NoAnswer::Error(error));
                    }
                },
                Outcome::Rejected(error) => {
                    self.health.succeeded(sent);
                    return Err(NoAnswer::Error(error));
                }
                Outcome::Fatal(failure) => return Err(NoAnswer::Fatal(self.fail(failure))),
                Outcome::Limited(problem) => (problem, true),
                Outcome::Failed(problem) => (problem, false),
            };
            self.health.failed(sent, &problem.message).map_err(|failure| self.fail(failure))?;
            if is_limited {
                // Without a time, only this request waits.
                problem.pause.into_iter().for_each(|pause| self.pace.pause(pause));
            } else {
                failures += 1;
                if failures > self.settings.retries && self.is_alive(&outgoing, sent).await? {
                    return Err(NoAnswer::Error(used_up(&problem, attempts)));
                }
            }
            tracing::debug!("model \"{}\": attempt {attempts}: {}", self.settings.name, problem.message);
            // At random, so that requests that failed together are not repeated together.
            let shortened = wait.mul_f64(rand::rng().random_range(0.5..=1.0));
            self.rest(shortened.max(problem.pause.unwrap_or_default().min(LONGEST_WAIT))).await?;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Returns whether the server has answered a request that was sent after this time, or answers a short one now.
    async fn is_alive(&self, outgoing: &Outgoing<'_>, time: Instant) -> Result<bool, ModelFailure> {
        // One short request is enough for all that ask.
        let _probing = self.probing.lock().await;
        if self.health.has_succeeded_since(time) {
            return Ok(true);
        }
        let (sent, body) = (Instant::now(), Bytes::from(outgoing.probe.to_string()));
        let probe = Outgoing { body: &body, max_tokens: Some(1), ..outgoing.clone() };
        let is_alive = matches!(self.attempt(&probe).await?, Outcome::Answer(_) | Outcome::Rejected(_));
        if is_alive {
            self.health.succeeded(sent);
        }
        Ok(is_alive)
    }

    /// Sends a request once, when its turn has come.
    async fn attempt(&self, outgoing: &Outgoing<'_>) -> Result<Outcome, ModelFailure> {
        let Outgoing { url, body, max_tokens, .. } = outgoing;
        self.health.check()?;
        let reserved = self.spending.reserve(body.len(), *max_tokens).map_err(|failure| self.fail(failure))?;
        self.turn(reserved).await?;
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        let outcome = Outcome::of(self.caller.post_json(url, Bytes::clone(body)).await, &self.settings);
        let used = match &outcome {
            Outcome::Answer(json) => Some(tokens(json)),
            _ => None,
        };
        self.spending.settle(reserved, used);
        self.pace.settle(reserved.total(), used.map_or(0, |(input, output)| input.saturating_add(output)));
        Ok(outcome)
    }
}

impl SharedModel {
    /// Notes that no request can succeed. Requests that wait for a place end.
    pub(super) fn fail(&self, failure: ModelFailure) -> ModelFailure {
        let first = self.health.fail(failure);
        self.places.close();
        first
    }

    /// Waits until a request with these tokens may be sent.
    async fn turn(&self, reserved: ReservedTokens) -> Result<(), ModelFailure> {
        let start = Instant::now();
        while let Some(wait) = self.pace.take(reserved.total(), Instant::now()) {
            let rested = self.rest(wait).await;
            rested.inspect_err(|_| self.spending.settle(reserved, None))?;
        }
        *self.counts.rate_limited.lock() += start.elapsed();
        Ok(())
    }

    /// Waits for a time, or until no request can succeed.
    async fn rest(&self, time: Duration) -> Result<(), ModelFailure> {
        let end = Instant::now() + time;
        loop {
            self.health.check()?;
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            tokio::time::sleep_until(end.min(now + CHECK_EVERY)).await;
        }
    }
}

fn used_up(problem: &PassingError, attempts: u32) -> AnswerError {
    let message = format!("the model did not answer in {}", counted(attempts.into(), "attempt", "attempts"));
    AnswerError::transient(message).cause(problem.message.clone())
}
