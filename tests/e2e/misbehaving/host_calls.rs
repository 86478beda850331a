//! Calls of host functions whose cost depends on an argument: each is refused before it takes time or memory.

use stillbox::{Failure, FailureKind};

use super::handwritten::folder;
use super::{failure, pipeline};

/// A memory of 300 MB without any text.
const GROW: &str = "(drop (memory.grow (i32.const 4600)))";

fn refused(body: &str, kind: FailureKind, limit: (&str, &str)) -> Failure {
    // A call that is not refused takes longer than this in at least one of the encodings.
    let failure = failure(&folder(&format!("{GROW} {body}")), &pipeline("time = \"150ms\", memory = \"400MiB\""));
    let hit = failure.limit.as_ref().map(|limit| (&*limit.name, &*limit.value));
    assert_eq!((failure.kind, hit), (kind, Some(limit)), "{body}: {failure:#?}");
    assert!(failure.hint.as_ref().is_some_and(|hint| hint.contains("cannot be raised")), "{failure:#?}");
    failure
}

#[test]
fn a_long_text_is_refused_in_every_encoding() {
    // The highest bit of the length says that the text is UTF-16.
    let lengths =
        [("utf8", 240_000_000), ("utf16", 120_000_000), ("latin1", 240_000_000), ("latin1", (1 << 31) + 120_000_000)];
    for (encoding, length) in lengths {
        let call = format!("(call $log-{encoding} (i32.const 2) (i32.const 131072) (i32.const {length}))");
        let failure = refused(&call, FailureKind::BadOutput, ("host-call-bytes", "4MiB"));
        assert_eq!(failure.message, "the step passed too much data to the host, or asked for too much, in one call");
    }
}

#[test]
fn a_text_below_the_limit_is_logged_in_every_encoding() {
    for (encoding, length) in [("utf8", 4_000_000), ("utf16", 2_000_000), ("latin1", 4_000_000)] {
        let call = format!("(call $log-{encoding} (i32.const 2) (i32.const 131072) (i32.const {length}))");
        let failure = failure(&folder(&format!("{GROW} {call} unreachable")), &pipeline("memory = \"400MiB\""));
        assert_eq!((failure.kind, failure.log.len()), (FailureKind::Trap, 1), "{encoding}: {failure:#?}");
    }
}

#[test]
fn too_many_random_bytes_are_refused() {
    for count in [64_i64 << 20, 5_000_000, -1] {
        let call = format!("(call $random (i64.const {count}) (i32.const 3072))");
        refused(&call, FailureKind::BadOutput, ("host-call-bytes", "4MiB"));
    }
}

#[test]
fn a_long_list_is_refused() {
    let write = "(call $write (call $get-stderr) (i32.const 131072) (i32.const 200000000) (i32.const 3072))";
    refused(write, FailureKind::BadOutput, ("host-call-bytes", "4MiB"));
    let poll = "(call $poll (i32.const 131072) (i32.const 50000000) (i32.const 3208))";
    refused(poll, FailureKind::BadOutput, ("host-call-bytes", "4MiB"));
}

#[test]
fn the_handles_of_an_instance_are_bounded() {
    let failure =
        refused("(loop (drop (call $subscribe (i64.const 1))) (br 0))", FailureKind::Memory, ("handles", "10000"));
    assert_eq!(failure.message, "the step opened too many streams, timers or other handles of the host");
}
