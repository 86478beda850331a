//! The lock of a pipeline that is run or checked.

use stillbox::lockfile::LockError;
use stillbox::text::shell_word;
use stillbox::{Lock, Pipeline, RunOptions};

use crate::ci;
use crate::output::render;

/// Adds the lock of the pipeline to the options, if it is to be checked.
///
/// # Errors
/// The lock cannot be read.
pub(crate) fn with_lock(options: RunOptions, pipeline: &Pipeline, is_locked: bool) -> Result<RunOptions, LockError> {
    if !is_locked {
        return Ok(options);
    }
    Ok(options.locked(Lock::read(&pipeline.lock_path())?))
}

/// Returns the warning of a run in continuous integration that checks no lock although it runs components that are not built
/// from source.
fn warning(pipeline: &Pipeline, is_locked: bool) -> Option<String> {
    if is_locked || !ci::is_ci() {
        return None;
    }
    let components = pipeline.compiled_components();
    let [first, rest @ ..] = components.as_slice() else { return None };
    let others = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    let what = if pipeline.lock_path().exists() {
        "add `--locked`".to_owned()
    } else {
        let file = pipeline.file().display().to_string();
        format!("review it, run `stillbox lock {}`, and add `--locked`", shell_word(&file))
    };
    Some(format!("`{}`{others} is not built from source, and no lock is checked; {what}", first.display()))
}

/// Prints the warning, if there is one.
pub(super) fn warn(pipeline: &Pipeline, is_locked: bool) {
    warning(pipeline, is_locked).iter().for_each(|text| render::warning(text));
}
