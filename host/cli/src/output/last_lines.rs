//! The last lines of a guest before it failed.

use std::borrow::Cow;

use stillbox::Failure;

/// The number of lines shown of the trace, the log, each standard stream and the backtrace. The failure record has more.
pub(crate) const LINES_SHOWN: usize = 5;

/// Returns the last lines of the guest's trace, log, standard error and standard output, each with the name of its stream.
pub(crate) fn last_lines(failure: &Failure) -> Vec<(&'static str, Cow<'_, str>)> {
    let last = |lines: usize| lines.saturating_sub(LINES_SHOWN);
    let trace = failure.trace.iter().skip(last(failure.trace.len()));
    let log = failure.log.iter().skip(last(failure.log.len()));
    let end = |text: &'_ str| last(text.lines().count());
    let stderr = failure.stderr.lines().skip(end(&failure.stderr));
    let stdout = failure.stdout.lines().skip(end(&failure.stdout));
    trace
        .map(|text| ("trace", Cow::Borrowed(text.as_str())))
        .chain(log.map(|entry| ("log", Cow::Owned(format!("{}: {}", entry.level.name(), entry.message)))))
        .chain(stderr.map(|text| ("stderr", Cow::Borrowed(text))))
        .chain(stdout.map(|text| ("stdout", Cow::Borrowed(text))))
        .collect()
}
