//! What went wrong, in the step's own words.

mod context;
mod macros;

use std::fmt;
use std::panic::Location;
use std::time::Duration;

pub use context::Context;

use crate::contract::{self, ErrorKind, StepError};

/// What a step returns: a value, or an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error, with its causes and the place where it was made.
///
/// Any [`std::error::Error`] becomes one with `?`, and keeps its chain of sources as causes. [`error!`](crate::error!),
/// [`bail!`](crate::bail!) and [`ensure!`](crate::ensure!) make one of a message.
///
/// An error says of what kind it is, so that the host knows whether another try makes sense. One that doesn't say is about
/// the parameters while the step is bound to them, and about the input afterwards.
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
    /// An error that doesn't say of what kind it is.
    #[track_caller]
    pub fn new(message: impl fmt::Display) -> Self {
        Self::with_kind(None, message)
    }

    /// The parameters are wrong; no input would do.
    #[track_caller]
    pub fn parameters(message: impl fmt::Display) -> Self {
        Self::with_kind(Some(ErrorKind::Parameters), message)
    }

    /// This input is wrong; another would do.
    #[track_caller]
    pub fn input(message: impl fmt::Display) -> Self {
        Self::with_kind(Some(ErrorKind::Input), message)
    }

    /// It may work another time. [`retry_after`](Self::retry_after) says when.
    #[track_caller]
    pub fn transient(message: impl fmt::Display) -> Self {
        Self::with_kind(Some(ErrorKind::Transient), message)
    }

    /// The step is at fault.
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

    /// Puts a message before the error's own, which becomes the nearest cause.
    #[must_use]
    pub fn context(mut self, message: impl fmt::Display) -> Self {
        let cause = std::mem::replace(&mut self.0.message, message.to_string());
        self.0.causes.insert(0, cause);
        self
    }

    /// Says what to do about it. The last hint counts.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.0.hint = Some(hint.to_string());
        self
    }

    /// Says how long to wait before another try, which makes the error a transient one. The host counts milliseconds.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.kind = Some(ErrorKind::Transient);
        self.0.retry_after = Some(delay);
        self
    }

    /// Adds a cause, behind those there are.
    pub(crate) fn caused_by(mut self, cause: String) -> Self {
        self.0.causes.push(cause);
        self
    }

    /// Says of what kind the error is, unless it does so by itself.
    pub(crate) fn or_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind.get_or_insert(kind);
        self
    }

    /// What happened, without its causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What caused it, the nearest cause first.
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// The error as the contract has it. `kind` is for an error that doesn't say of what kind it is.
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
        let mut made = Self::new(&error);
        let mut source = error.source();
        while let Some(cause) = source {
            made.0.causes.push(cause.to_string());
            source = cause.source();
        }
        made
    }
}

/// The message; with `{:#}` its causes, too, on the same line.
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

/// What a failed `unwrap` in a unit test shows: the message, its causes, and where it was made.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#} ({})", self.0.location)
    }
}

/// A place as the contract has it.
pub(crate) fn location(location: &Location<'_>) -> contract::Location {
    contract::Location { file: location.file().to_owned(), line: location.line(), column: Some(location.column()) }
}
