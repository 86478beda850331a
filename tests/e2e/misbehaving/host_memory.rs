//! What a guest asks for is bounded, and so is what the host has to have for it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use super::handwritten::{self, GROW_TABLE};
use super::many_failures::status_kib;
use super::{folder, pipeline};
use crate::harness::spawn;

/// What one instance may have by default, and what it may hand over, and the command itself. The guests want gigabytes, or
/// as much again with every row.
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
        // Compiled before, so that the compiler's memory is not counted.
        folder.stillbox(["inspect", "guest.wasm"]).succeeded();
        let text = pipeline(guest, limits, "on-failure = \"reject\"\n")
            .replace("path = \"input.jsonl\"\n", "path = \"-\"\nformat = \"jsonl\"\ncolumns = { id = \"integer\" }\n");
        folder.write("pipeline.toml", text);
        let mut command = folder.command();
        command.args(["run", "pipeline.toml", "--message-format", "json", "--threads", "1"]).stdin(Stdio::piped());
        let mut child = spawn(&mut command);
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all("{\"id\":3}\n".repeat(10).as_bytes()).expect("the command reads");
        let mut events = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        // The input has not ended, so the command is still there when the last row has been rejected.
        let rejected = events.by_ref().filter(|line| line.as_ref().is_ok_and(|line| line.contains("\"rejected\",")));
        assert_eq!(rejected.take(10).count(), 10, "{guest}");
        let peak = status_kib(&child, "VmHWM:").expect("the command waits for more rows");
        assert!(peak < MAX_KIB, "{guest}: {peak} KiB");
        drop(stdin);
        drop(events);
        assert!(child.wait().expect("it can be waited for").success(), "{guest}");
    }
}
