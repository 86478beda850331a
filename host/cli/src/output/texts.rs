//! Errors as the command prints them, for other programs: several lines without colours.

use std::error::Error;

use anstream::adapter::strip_str;
use stillbox::config::{ConfigError, Diagnostics};
use stillbox::{Failure, RunError};

use crate::output::{diagnostics, failure};

/// Returns a failure as the command prints it, without the newline at the end.
pub fn failure_text(failure: &Failure) -> String {
    plain(&failure::failure_text(failure))
}

/// Returns an error and its causes as the command prints them, without the newline at the end.
pub fn error_text(error: &(dyn Error + 'static)) -> String {
    if let Some(ConfigError::Invalid(wrong)) = error.downcast_ref::<ConfigError>() {
        return diagnostics_text(wrong);
    }
    match error.downcast_ref::<Diagnostics>() {
        Some(wrong) => diagnostics_text(wrong),
        None => plain(&failure::error_text(error)),
    }
}

/// Returns the error of a run as the command prints it, without the newline at the end. Of several failures it is the
/// first one.
pub fn run_error_text(error: &RunError) -> String {
    match error {
        RunError::Config(wrong) => diagnostics_text(wrong),
        RunError::Runs(error) => error_text(error),
        other => other.failures().first().map_or_else(|| other.to_string(), failure_text),
    }
}

fn diagnostics_text(wrong: &Diagnostics) -> String {
    plain(&diagnostics::render(wrong, diagnostics::Colour::Off))
}

fn plain(text: &str) -> String {
    strip_str(text).to_string().trim_end().to_owned()
}
