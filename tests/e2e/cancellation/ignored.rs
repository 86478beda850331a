//! Signals that were ignored when the command was started, by `nohup` or a shell: they stay ignored, and the others end the run.

use std::process::Child;

use rustix::process::Signal;
use stillbox_test_guests::COUNT_FROM;

use crate::harness::{Events, Folder, PipelineFile, SIGNALS, end, send, spawn, step};

/// A pipe holds fewer events, so some of so many were sent after the first of them was read.
const MORE_THAN_A_PIPE_HOLDS: usize = 2000;

/// Starts a run that does not end by itself, and waits until it is busy.
fn started(folder: &Folder, how: &str) -> (Child, Events) {
    let numbers = step("count_from").name("numbers").parameters(format_args!("count = {}", i64::MAX));
    folder.write_pipeline(PipelineFile::new().batch_rows(7).without_source().add(numbers));
    let mut child = spawn(&mut folder.shell(&format!("{how} \"$STILLBOX\" run pipeline.toml --message-format json")));
    let mut events = Events::new(&mut child);
    events.wait_for("progress");
    (child, events)
}

#[test]
fn a_signal_that_was_ignored_at_the_start_stays_ignored() {
    let folder = Folder::with(&[COUNT_FROM]);
    for (how, ignored) in [
        ("exec nohup", Signal::HUP),
        ("trap '' INT; exec", Signal::INT),
        ("trap '' TERM; exec", Signal::TERM),
        ("trap '' QUIT; exec", Signal::QUIT),
    ] {
        for (other, code) in SIGNALS.into_iter().filter(|(signal, _)| *signal != ignored) {
            let (child, mut events) = started(&folder, how);
            send(&child, ignored);
            for _ in 0..MORE_THAN_A_PIPE_HOLDS {
                events.wait_for("progress");
            }
            send(&child, other);
            assert_eq!(end(child), Some(code), "{how}, {other:?}");
        }
    }
}

/// By default it would end the process. The pipe is read so far that an event about it would have come.
#[test]
fn snapshots_that_were_ignored_at_the_start_stay_ignored() {
    let folder = Folder::with(&[COUNT_FROM]);
    let (child, mut events) = started(&folder, "trap '' USR1; exec");
    send(&child, Signal::USR1);
    let later = (0..MORE_THAN_A_PIPE_HOLDS).flat_map(|_| events.wait_for("progress"));
    assert_eq!(later.filter(|event| event["event"] == "snapshot").count(), 0);
    send(&child, Signal::TERM);
    assert_eq!(end(child), Some(143));
}

/// The second signal is not the first one that counts.
#[test]
fn an_ignored_signal_is_not_the_first_of_two() {
    let folder = Folder::with(&[COUNT_FROM]);
    let (child, mut events) = started(&folder, "trap '' INT HUP; exec");
    send(&child, Signal::INT);
    send(&child, Signal::HUP);
    send(&child, Signal::TERM);
    let last = events.wait_for("finished").pop().expect("there is an event");
    assert_eq!((&last["status"], &last["signal"]), (&"interrupted".into(), &"SIGTERM".into()), "{last}");
    drop(events);
    assert_eq!(end(child), Some(143));
}
