//! A line on the terminal that shows how long a build takes so far. Everything else that is printed replaces it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use stillbox::text::escape_controls;

use crate::output::terminal::draw_target;

/// The time between two drawings.
const DRAWN_EVERY: Duration = Duration::from_millis(120);

/// The line, while there is one.
static SPINNER: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Shows the line, in place of the one before. The caller makes sure that standard error is a terminal.
pub(crate) fn start(verb: &str, object: &str) {
    // The next one would begin where this one ends.
    stop();
    let bar = ProgressBar::with_draw_target(None, draw_target());
    let style = ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("the template is well-formed");
    bar.set_style(style);
    bar.set_message(escape_controls(&format!("{verb} {object}")).into_owned());
    bar.enable_steady_tick(DRAWN_EVERY);
    replace(Some(bar));
}

/// Removes the line.
pub(crate) fn stop() {
    replace(None);
}

/// Prints text above the line.
pub(crate) fn print_above(print: impl FnOnce()) {
    // The lock is not held meanwhile: what prints may stop the line.
    let shown = SPINNER.lock().take();
    match shown {
        Some(bar) => {
            bar.suspend(print);
            *SPINNER.lock() = Some(bar);
        }
        None => print(),
    }
}

fn replace(bar: Option<ProgressBar>) {
    let before = std::mem::replace(&mut *SPINNER.lock(), bar);
    if let Some(before) = before {
        before.finish_and_clear();
    }
}
