//! The lock of a pipeline that is run or checked.

use stillbox::lockfile::LockError;
use stillbox::text::shell_word;
use stillbox::{Lock, Pipeline, RunOptions};

use crate::args;
use crate::ci;
use crate::output::render;

/// The part of a pipeline that is compared with its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LockCheck {
    /// Nothing.
    #[default]
    Off,
    /// The components and what they are granted.
    On,
    /// The components, because nothing is granted.
    Components,
}

impl LockCheck {
    pub(super) fn new(arguments: &args::Run) -> Self {
        match (arguments.untrusted, arguments.locked) {
            (true, _) => Self::Components,
            (false, true) => Self::On,
            (false, false) => Self::Off,
        }
    }
}

/// Adds the lock of the pipeline to the options, if it is to be checked.
///
/// # Errors
/// The lock cannot be read.
pub(crate) fn with_lock(options: RunOptions, pipeline: &Pipeline, check: LockCheck) -> Result<RunOptions, LockError> {
    Ok(match check {
        LockCheck::Off => options,
        LockCheck::On => options.locked(Lock::read(&pipeline.lock_path())?),
        LockCheck::Components => options.locked(Lock::read(&pipeline.lock_path())?.without_grants()),
    })
}

/// Returns the warning of a run in continuous integration that checks no lock although it runs components that are not built
/// from source.
fn warning(pipeline: &Pipeline, check: LockCheck) -> Option<String> {
    if check != LockCheck::Off || !ci::is_ci() {
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
pub(super) fn warn(pipeline: &Pipeline, check: LockCheck) {
    if let Some(text) = warning(pipeline, check) {
        render::warning(&text);
    }
}
