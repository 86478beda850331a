//! Snapshots of a run as text.

use std::fmt::Write as _;
use std::time::Duration;

use stillbox::text::escape_controls;
use stillbox::{Snapshot, ThreadActivity};

use crate::output::style::{BOLD, NOTE};
use crate::output::summary::{counted, duration, rows};

/// The most frames of one stack that are printed. Events have all of them.
const FRAMES_SHOWN: usize = 8;

/// The most threads that are printed. Events have all of them.
const THREADS_SHOWN: usize = 64;

/// Returns what the threads of a run do, as text of several lines, with styles.
pub(crate) fn snapshot_text(signal: &str, snapshot: &Snapshot) -> String {
    let Snapshot { threads, omitted, .. } = snapshot;
    if threads.is_empty() {
        return format!("{BOLD}{signal}{BOLD:#}: no thread is at work\n");
    }
    let count = threads.len() as u64 + omitted;
    let mut text = format!("{BOLD}{signal}{BOLD:#}: {}\n", counted(count, "thread is at work", "threads are at work"));
    for thread in threads.iter().take(THREADS_SHOWN) {
        add(&mut text, thread);
    }
    let more = count.saturating_sub(THREADS_SHOWN as u64);
    if more > 0 {
        let _ = writeln!(text, "  and {}", counted(more, "more thread", "more threads"));
    }
    text
}

fn add(text: &mut String, thread: &ThreadActivity) {
    let ThreadActivity { thread: name, activity, step, batch, elapsed, .. } = thread;
    // Writing to a string cannot fail.
    let _ = write!(text, "  {NOTE}{}{NOTE:#}: {}", escape_controls(name), escape_controls(activity));
    if let Some(step) = step {
        let _ = write!(text, " in step {BOLD}{}{BOLD:#}", escape_controls(step));
    }
    if let Some(batch) = batch.filter(|_| activity != "batch") {
        let _ = write!(text, ", batch {batch}");
    } else if let Some(batch) = batch {
        let _ = write!(text, " {batch}");
    }
    if let Some(count) = thread.rows {
        let _ = write!(text, ", {}", rows(count));
    }
    let _ = writeln!(text, ", for {}", duration(*elapsed));
    if let Some(wait) = &thread.waits_for {
        let since = match wait.elapsed {
            Duration::ZERO => String::new(),
            elapsed => format!(", for {}", duration(elapsed)),
        };
        let _ = writeln!(text, "    {NOTE}waits for{NOTE:#}: {}{since}", escape_controls(&wait.what));
    }
    for frame in thread.backtrace.iter().take(FRAMES_SHOWN) {
        let place = frame.location.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
        let _ = writeln!(text, "    {NOTE}frame{NOTE:#}: {}", escape_controls(&format!("{}{place}", frame.function)));
    }
    let more = thread.backtrace.len().saturating_sub(FRAMES_SHOWN) as u64;
    if more > 0 {
        let _ = writeln!(text, "    and {}", counted(more, "more frame", "more frames"));
    }
}
