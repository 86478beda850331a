//! Many failures in one run: memory stays as it is, and every slot of the pool comes back.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::{fs, process};

use super::{folder, pipeline};
use crate::harness::spawn;

/// One batch each, in a pool with room for two instances.
const FAILURES: usize = 10_000;
/// After so many failures the memory is what it will be.
const WARM: usize = 1000;
/// What the allocator may still take.
const SLACK_KIB: u64 = 16 << 10;

#[test]
fn memory_does_not_grow_with_the_number_of_failures() {
    let guest = "unreachable";
    let folder = folder(guest);
    let mut rows = "{\"id\":3}\n".repeat(FAILURES);
    for id in [0, 1, 2] {
        let _ = writeln!(rows, "{{\"id\":{id}}}");
    }
    folder.write("input.jsonl", rows);
    let text = pipeline(guest, "", "on-failure = \"reject\"\n").replace("batch-rows = 2", "batch-rows = 1");
    folder.write("pipeline.toml", text);
    let mut child =
        spawn(folder.command().args(["run", "pipeline.toml", "--message-format", "json", "--threads", "1"]));
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut failures = 0;
    let mut memory = Vec::new();
    for line in stdout.lines() {
        if line.expect("the output is text").contains("\"event\":\"rejected\"") {
            failures += 1;
            if failures >= WARM && failures % WARM == 0 {
                memory.extend(status_kib(&child, "VmRSS:"));
            }
        }
    }
    let output = child.wait_with_output().expect("the command can be waited for");
    assert!(output.status.success(), "{guest}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(failures, FAILURES, "{guest}");
    assert_eq!(folder.text("output.jsonl").lines().count(), 3, "{guest}: the rows that are left pass");
    let (first, most) = (memory[0], memory.iter().copied().max().unwrap_or_default());
    assert!(most < first + SLACK_KIB, "{guest}: the memory grew: {memory:?} KiB");
}

/// A line of what the system says of a process's memory, or none if that has ended.
pub(super) fn status_kib(child: &process::Child, line: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|found| found.strip_prefix(line))?;
    line.split_whitespace().next()?.parse().ok()
}
