//! Failures of stops, limits, errors and panics.

use super::bounds::WHOLE;
use super::record::{Failure, FailureKind, LimitHit};
use crate::corrupt::{CorruptFile, RESTART_HINT};
use crate::interrupt::StopReason;
use crate::model::ModelFailure;
use crate::text::causes;

/// The hint of failures for a lack of memory or threads.
pub(crate) const SHORTAGE_HINT: &str =
    "raise the limits of the process (`ulimit -v`, `-d`, `-u`, or those of its container), or use fewer `--threads`";

/// Parts of the texts of errors of the system that mean a lack of memory or threads: `EAGAIN` and `ENOMEM`, and the words of Rust for
/// them. Libraries report them as panics, and as errors without a type.
const SHORTAGES: [&str; 6] =
    ["(os error 11)", "(os error 12)", "code: 11,", "code: 12,", "memory allocation of ", "out of memory"];

/// Returns whether the text of an error of the host means that the system gives this process no more memory or threads. It must not
/// have text of a guest.
pub(crate) fn is_shortage(text: &str) -> bool {
    SHORTAGES.iter().any(|part| text.contains(part))
}

impl From<ModelFailure> for Failure {
    fn from(ModelFailure { message, causes, hint }: ModelFailure) -> Self {
        let mut failure = Self::new(FailureKind::Model, message).with_hint(hint);
        failure.causes = causes;
        failure
    }
}

impl Failure {
    /// Returns the failure of a batch that was stopped.
    pub(crate) fn stopped(reason: StopReason) -> Self {
        let message = match reason {
            StopReason::Cancelled(reason) => reason.to_string(),
            StopReason::Sibling => "stopped because another batch failed".into(),
        };
        Self::new(FailureKind::Interrupted, message)
    }

    /// Returns the failure of a call whose answers are those of a batch. Like a call that was stopped, it is not the fault of any row.
    pub(crate) fn deferred() -> Self {
        Self::new(FailureKind::Interrupted, "the answers of a model are those of a batch")
    }

    /// Returns the failure of a call that exceeded the limit with this name and value.
    pub fn limit(kind: FailureKind, message: impl Into<String>, name: &str, value: String) -> Self {
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        let quoted = if is_number { value.clone() } else { format!("\"{value}\"") };
        let hint = format!("the limit is `{name} = {quoted}`; raise it in the step's `limits` if the step needs more");
        let mut failure = Self::new(kind, message).with_hint(hint);
        failure.limit = Some(LimitHit { name: name.into(), value });
        failure
    }

    /// Creates the failure for a panic of the host.
    pub(crate) fn from_panic(panic: &(dyn std::any::Any + Send)) -> Self {
        let words = panic
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".into());
        if is_shortage(&words) {
            return Self::shortage(vec![words]);
        }
        let mut failure = Self::new(FailureKind::Host, "a part of Stillbox panicked; this is a bug in Stillbox");
        failure.causes.push(words);
        WHOLE.keep(&mut failure);
        failure.with_hint("`-v` shows where in Stillbox it happened")
    }

    /// Creates the failure for memory or a thread that the system does not give to this process.
    pub(crate) fn shortage(causes: Vec<String>) -> Self {
        let mut failure = Self::new(FailureKind::Host, "the system gives this process no more memory or threads");
        failure.causes = causes;
        WHOLE.keep(&mut failure);
        failure.with_hint(SHORTAGE_HINT)
    }

    /// Creates a failure of kind `host` from an error and its chain of causes, with a hint if one of them is a corrupt
    /// file.
    pub(crate) fn host(error: &dyn std::error::Error) -> Self {
        // An error of the system alone, such as of a thread that cannot be started.
        let text = error.to_string();
        if error.source().is_none() && is_shortage(&text) && text.contains("(os error ") {
            return Self::shortage(vec![text]);
        }
        let failure = Self::from_error(FailureKind::Host, error);
        if CorruptFile::is_cause_of(error) { failure.with_hint(RESTART_HINT) } else { failure }
    }

    /// Creates a failure of this kind from an error and its chain of causes, within the bounds for guests' texts.
    pub(crate) fn from_error(kind: FailureKind, error: &dyn std::error::Error) -> Self {
        let mut failure = Self::new(kind, error.to_string());
        failure.causes = causes(error).map(ToString::to_string).collect();
        WHOLE.keep(&mut failure);
        failure
    }
}
