//! The memory of the host is bounded for every demand of a guest.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use stillbox::FailureKind;

use super::handwritten::{self, GROW_TABLE};
use super::{failure, folder, pipeline, rejecting};
use crate::harness::{Events, Folder, SIGNALS, end, memory_kib, rows, send, sink, source, spawn, wait_until, wat};

/// The default memory limit of an instance, its largest output, and the command itself. The guests demand gigabytes, or demand
/// more with every row.
const MAX_KIB: u64 = (256 + 256 + 128) << 10;

#[test]
fn the_memory_of_the_host_is_bounded_for_guests_that_demand_more() {
    for (guest, limits) in [
        ("memory_at_once", ""),
        ("memory_steps", ""),
        ("endless_words", ""),
        ("long_log", ""),
        ("flood_log", "time = \"100ms\""),
        ("flood_stderr", "time = \"100ms\""),
        ("too_large", "output-bytes = \"1MiB\""),
        ("too_many_rows", "output-rows = 1000"),
        ("a table", ""),
    ] {
        let folder = if guest == "a table" { handwritten::folder(GROW_TABLE) } else { folder(guest) };
        // The component is compiled first, so the memory of the compiler is not measured.
        folder.stillbox(["inspect", "guest.wasm"]).succeeded();
        let input = source("-").format("jsonl").set("columns", r#"{ id = "integer" }"#);
        folder.write_pipeline(rejecting(limits).add(input));
        let mut command = folder.command();
        command.args(["run", "pipeline.toml", "--message-format", "json", "--threads", "1"]).stdin(Stdio::piped());
        let mut child = spawn(&mut command);
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(rows::with_ids([3; 10]).as_bytes()).expect("the command reads");
        // The input has not ended, so the command still runs when the last row has been rejected.
        let mut events = Events::new(&mut child);
        assert_eq!(events.by_ref().filter(|event| event["event"] == "rejected").take(10).count(), 10, "{guest}");
        let peak = memory_kib(&child, "VmHWM:").expect("the command waits for more rows");
        assert!(peak < MAX_KIB, "{guest}: {peak} KiB");
        drop(stdin);
        drop(events);
        assert!(child.wait().expect("it can be waited for").success(), "{guest}");
    }
}

/// Two thousand copies of every row, each of which has a text of 1 MiB that the step does not read.
const REPEAT: &str = "(local.set 0 (i32.const 2000))
    (i32.store8 (i32.const 2068) (i32.const 1))
    (i32.store (i32.const 2072) (i32.const 16384))
    (i32.store (i32.const 2076) (i32.const 2000))";

/// The function `finish` that returns two thousand rows which come from the first row, again and again.
const FINISH_REPEATS: &str = "(func (export \"finish\") (result i32)
    (i32.store8 (i32.const 2056) (i32.const 1))
    (i32.store (i32.const 2060) (i32.const 2000))
    (i32.store8 (i32.const 2072) (i32.const 1))
    (i32.store (i32.const 2076) (i32.const 16384))
    (i32.store (i32.const 2080) (i32.const 2000))
    i32.const 2048)";

fn large_rows(component: Vec<u8>) -> Folder {
    let folder = Folder::new();
    folder.write("guest.wasm", component);
    folder.write("input.jsonl", format!("{{\"id\":0,\"text\":\"{}\"}}\n", "x".repeat(1 << 20)));
    folder
}

#[test]
fn rows_that_an_output_repeats_are_bounded_before_they_are_copied() {
    let folder = large_rows(wat::step(REPEAT, ""));
    let failure = failure(&folder, &pipeline("output-bytes = \"64MiB\""));
    assert_eq!(failure.kind, FailureKind::BadOutput, "{failure:#?}");
    assert_eq!(
        failure.message,
        "it repeats rows whose other columns take 2096127412 bytes, and at most 67108864 are copied"
    );
}

/// The rows are written to the reader of standard output, which takes none after the first: memory does not grow meanwhile.
#[test]
fn rows_that_an_aggregate_repeats_are_copied_as_they_are_written() {
    let folder = large_rows(wat::aggregate_with_finish(FINISH_REPEATS));
    folder.write_pipeline(pipeline("").add(sink("-").format("jsonl")));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--threads", "1"]);
    let mut child = spawn(&mut command);
    let mut first = vec![0; 1 << 20];
    child.stdout.as_mut().expect("it is piped").read_exact(&mut first).expect("there are rows");
    let mut before = 0;
    wait_until("the memory no longer grows", || {
        let now = memory_kib(&child, "VmRSS:").expect("the command runs");
        std::mem::replace(&mut before, now).abs_diff(now) < 1024
    });
    let peak = memory_kib(&child, "VmHWM:").expect("the command runs");
    assert!(peak < MAX_KIB, "{peak} KiB");
    send(&child, SIGNALS[0].0);
    assert_eq!(end(child), Some(SIGNALS[0].1));
}
