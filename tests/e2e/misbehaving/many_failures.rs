//! Many failures in one run: memory does not grow, and every slot of the pool is free again.

use super::{folder, rejecting};
use crate::harness::{Events, memory_kib, rows, spawn};

/// Each is one batch, in a pool for two instances.
const FAILURES: usize = 10_000;
/// After this number of failures the memory should not grow any more.
const WARM: usize = 1000;
/// How much the allocator may still take.
const SLACK_KIB: u64 = 16 << 10;

#[test]
fn memory_does_not_grow_with_the_number_of_failures() {
    let guest = "unreachable";
    let folder = folder(guest);
    folder.write("input.jsonl", rows::with_ids(vec![3; FAILURES].into_iter().chain(0..3)));
    folder.write_pipeline(rejecting("").batch_rows(1));
    let mut child =
        spawn(folder.command().args(["run", "pipeline.toml", "--message-format", "json", "--threads", "1"]));
    let mut failures = 0;
    let mut memory = Vec::new();
    for _ in Events::new(&mut child).filter(|event| event["event"] == "rejected") {
        failures += 1;
        if failures >= WARM && failures % WARM == 0 {
            memory.extend(memory_kib(&child, "VmRSS:"));
        }
    }
    let output = child.wait_with_output().expect("the command can be waited for");
    assert!(output.status.success(), "{guest}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(failures, FAILURES, "{guest}");
    assert_eq!(folder.text("output.jsonl").lines().count(), 3, "{guest}: the other rows pass");
    let (first, most) = (memory[0], memory.iter().copied().max().unwrap_or_default());
    assert!(most < first + SLACK_KIB, "{guest}: the memory grew: {memory:?} KiB");
}
