//! Errors of steps: messages, causes, kinds and hints.

mod context;
mod macros;

use std::fmt;
use std::panic::Location;
use std::time::Duration;

pub use context::Context;

use crate::contract::{self, ErrorKind, StepError};

/// The result of a step: a value, or an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error, with its causes and the source location where it was created.
///
/// `?` converts any [`std::error::Error`], and its chain of sources becomes the causes. [`error!`](crate::error!),
/// [`bail!`](crate::bail!) and [`ensure!`](crate::ensure!) create an error from a message.
///
/// The host decides by an error's kind whether to retry. An error without a kind is one of the parameters while the step is
/// bound to them, and one of the input afterwards.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Option<ErrorKind>,
    message: String,
    causes: Vec<String>,
    location: &'static Location<'static>,
    hint: Option<String>,
    retry_after: Option<Duration>,
}

impl Error {
    /// Creates an error without a kind.
    #[track_caller]
    pub fn new(message: impl fmt::Display) -> Self {
        Self::with_kind(None, message)
    }

    /// Creates an error in the parameters: the step fails for every input.
    #[track_caller]
    pub fn parameters(message: impl fmt::Display) -> Self {
        Self::with_kind(Some(ErrorKind::Parameters), message)
    }

    /// Creates an error in this input: another input may succeed.
    #[track_caller]
    pub fn input(message: impl fmt::Display) -> Self {
        Self::with_kind(Some(ErrorKind::Input), message)
    }

    /// Creates a temporary error: a retry may succeed, after the delay that [`retry_after`](Self::retry_after) sets.
    #[track_caller]
    pub fn transient(message: impl fmt::Display) -> Self {
        Self::with_kind(Some(ErrorKind::Transient), message)
    }

    /// Creates an error that is a bug of the step.
    #[track_caller]
    pub fn internal(message: impl fmt::Display) -> Self {
        Self::with_kind(Some(ErrorKind::Internal), message)
    }

    #[track_caller]
    fn with_kind(kind: Option<ErrorKind>, message: impl fmt::Display) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.to_string(),
            causes: Vec::new(),
            location: Location::caller(),
            hint: None,
            retry_after: None,
        }))
    }

    /// Replaces the message. The old message becomes the nearest cause.
    #[must_use]
    pub fn context(mut self, message: impl fmt::Display) -> Self {
        let cause = std::mem::replace(&mut self.0.message, message.to_string());
        self.0.causes.insert(0, cause);
        self
    }

    /// Sets the hint, which is advice on how to fix the error. It replaces an earlier hint.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.0.hint = Some(hint.to_string());
        self
    }

    /// Sets the delay before the next attempt, in whole milliseconds, and makes the error a transient one.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.kind = Some(ErrorKind::Transient);
        self.0.retry_after = Some(delay);
        self
    }

    /// Sets the source location.
    pub(crate) fn at(mut self, location: &'static Location<'static>) -> Self {
        self.0.location = location;
        self
    }

    /// Appends a cause.
    pub(crate) fn caused_by(mut self, cause: String) -> Self {
        self.0.causes.push(cause);
        self
    }

    /// Sets the kind of an error that has none.
    pub(crate) fn or_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind.get_or_insert(kind);
        self
    }

    /// Returns the message, without the causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the causes, the nearest one first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// Converts an error of the host. Its place is that of the call.
    #[cfg(target_arch = "wasm32")]
    #[track_caller]
    pub(crate) fn from_step_error(error: StepError) -> Self {
        let StepError { kind, message, causes, hint, retry_after_ms, location: _, trace: _ } = error;
        let retry_after = retry_after_ms.map(Duration::from_millis);
        Self(Box::new(Inner { kind: Some(kind), message, causes, location: Location::caller(), hint, retry_after }))
    }

    /// Converts the error to the contract's type. `kind` is the default for an error without a kind.
    pub(crate) fn into_step_error(self, kind: ErrorKind) -> StepError {
        let inner = *self.0;
        StepError {
            kind: inner.kind.unwrap_or(kind),
            message: inner.message,
            causes: inner.causes,
            location: Some(location(inner.location)),
            trace: Vec::new(),
            hint: inner.hint,
            retry_after_ms: inner.retry_after.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl<E: std::error::Error> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Self {
        let mut converted = Self::new(&error);
        let mut source = error.source();
        while let Some(cause) = source {
            converted.0.causes.push(cause.to_string());
            source = cause.source();
        }
        converted
    }
}

/// Writes the message; `{:#}` appends the causes on the same line.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if f.alternate() {
            for cause in &self.0.causes {
                write!(f, ": {cause}")?;
            }
        }
        Ok(())
    }
}

/// Writes the message, the causes and the source location, as a failed `unwrap` in a unit test shows them.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#} ({})", self.0.location)
    }
}

/// Converts a location to the contract's type.
pub(crate) fn location(location: &Location<'_>) -> contract::Location {
    contract::Location { file: location.file().to_owned(), line: location.line(), column: Some(location.column()) }
}
