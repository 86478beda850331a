//! `stillbox lock`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use stillbox::config::nearest;
use stillbox::lockfile::{LockError, LockedStep};
use stillbox::{Lock, Overrides, RunOptions};

use crate::args::{self, Global};
use crate::commands::run::{load, report_error, report_wrong};
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::failure;
use crate::output::progress::show_preparation;
use crate::output::render;
use crate::output::summary::counted;
use crate::signals::Signals;

/// The steps of a pipeline, by name.
type Steps = BTreeMap<String, LockedStep>;

/// Describes the steps of the pipeline, and writes them to its lock. Prints what has changed.
pub(crate) fn execute(arguments: &args::Lock, global: &Global, signals: &Signals) -> Exit {
    let pipeline = match load(&arguments.changes, Overrides::new()) {
        Ok(pipeline) => pipeline,
        Err(error) => return report_wrong(&error),
    };
    let path = pipeline.lock_path();
    let lock = match read(&path, arguments.update.is_empty()) {
        Ok(lock) => lock,
        Err(error) => return usage(&error),
    };
    let options = RunOptions::new()
        .no_build(arguments.changes.no_build)
        .interrupt(&signals.interrupt_within(Duration::ZERO))
        .cleanup(&signals.cleanup())
        .on_event(show_preparation);
    let now = match pipeline.locked_steps(&engine(global, None, &signals.cleanup()), &options) {
        Ok(now) => now,
        Err(error) => return report_error(&error),
    };
    let before = lock.steps(pipeline.file());
    let steps = match updated(&before, now, &arguments.update) {
        Ok(steps) => steps,
        Err(message) => {
            render::message(&message);
            return Exit::Usage;
        }
    };
    print_changes(&before, &steps);
    let number = counted(steps.len() as u64, "step", "steps");
    let mut lock = lock;
    lock.set_steps(pipeline.file(), steps);
    if let Err(error) = lock.write(&path) {
        return usage(&error);
    }
    render::status("Locked", &format!("{number} in {}", path.display()));
    Exit::Done
}

/// Reads the lock. If all steps are locked, there may be none yet.
fn read(path: &Path, locks_all: bool) -> Result<Lock, LockError> {
    match Lock::read(path) {
        Err(LockError::Missing { .. }) if locks_all => Ok(Lock::new()),
        other => other,
    }
}

/// Returns the entries to write: all, or the present ones with some replaced.
fn updated(before: &Steps, mut now: Steps, update: &[String]) -> Result<Steps, String> {
    if update.is_empty() {
        return Ok(now);
    }
    let mut steps = before.clone();
    for name in update {
        let Some(step) = now.remove(name) else {
            let meant = nearest(name, now.keys().map(String::as_str));
            let meant = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
            return Err(format!("there is no step `{name}`{meant}"));
        };
        steps.insert(name.clone(), step);
    }
    Ok(steps)
}

/// Prints the differences between the entries, one line each.
fn print_changes(before: &Steps, now: &Steps) {
    for (name, step) in now {
        match before.get(name) {
            Some(before) => {
                for difference in before.differences(step) {
                    render::status("Changed", &format!("step `{name}` {} {difference}", step.version));
                }
            }
            None if !before.is_empty() => render::status("Added", &format!("step `{name}` {}", step.version)),
            None => {}
        }
    }
    for name in before.keys().filter(|name| !now.contains_key(*name)) {
        render::status("Removed", &format!("step `{name}`"));
    }
}

fn usage(error: &LockError) -> Exit {
    failure::error(error);
    Exit::Usage
}
