//! The memory of the host is bounded for every demand of a guest.

use std::io::Write as _;
use std::process::Stdio;

use super::handwritten::{self, GROW_TABLE};
use super::{folder, rejecting};
use crate::harness::{Events, memory_kib, rows, source, spawn};

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
