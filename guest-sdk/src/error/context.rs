use std::fmt::Display;

use super::{Error, Result};

/// Adds context to the error of a [`Result`], or turns [`None`] into an error.
///
/// ```
/// use stillbox_sdk::{Context, Result};
///
/// fn year(date: &str) -> Result<u16> {
///     let (year, _) = date.split_once('-').context("a date has a `-`")?;
///     year.parse::<u16>().with_context(|| format!("reading the year of {date:?}"))
/// }
///
/// assert_eq!(format!("{:#}", year("x-1").unwrap_err()), "reading the year of \"x-1\": invalid digit found in string");
/// ```
pub trait Context<T> {
    /// Replaces the error's message. The old message becomes the nearest cause.
    ///
    /// # Errors
    /// The original error with the context, or a new error for [`None`].
    fn context(self, message: impl Display) -> Result<T>;

    /// Like [`context`](Self::context), with a message that is evaluated only for an error.
    ///
    /// # Errors
    /// The original error with the context, or a new error for [`None`].
    fn with_context<M: Display>(self, message: impl FnOnce() -> M) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    #[track_caller]
    fn context(self, message: impl Display) -> Result<T> {
        self.with_context(|| message)
    }

    // Not `map_err`, because `#[track_caller]` does not work through closures.
    #[track_caller]
    fn with_context<M: Display>(self, message: impl FnOnce() -> M) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into().context(message())),
        }
    }
}

impl<T> Context<T> for Option<T> {
    #[track_caller]
    fn context(self, message: impl Display) -> Result<T> {
        self.with_context(|| message)
    }

    #[track_caller]
    fn with_context<M: Display>(self, message: impl FnOnce() -> M) -> Result<T> {
        match self {
            Some(value) => Ok(value),
            None => Err(Error::new(message())),
        }
    }
}
