//! The text of failures on a terminal. Lines that name places in the sources of guests are left out.

use super::{folder, handwritten, pipeline};
use crate::harness::{Folder, redact};

fn shown(guest: &str, limits: &str) -> String {
    shown_in(&folder(guest), limits)
}

fn shown_in(folder: &Folder, limits: &str) -> String {
    let stderr = folder.run(pipeline(limits)).failed(1);
    let is_place = |line: &&str| line.starts_with("  source: ") || line.starts_with("  frame: ");
    // Batches that failed at the same time are shown too.
    let others = stderr.lines().skip(1).take_while(|line| line.starts_with("  "));
    stderr.lines().take(1).chain(others).filter(|line| !is_place(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_exceeded_limit_is_shown_with_how_to_raise_it() {
    insta::assert_snapshot!(shown("loop", "time = \"200ms\""), @r#"
    timeout in step guest: the step did not finish within 200ms
      at: input.jsonl:4 (batch 1)
      limit: time = 200ms
      hint: the limit is `time = "200ms"`; raise it in the step's `limits` if the step needs more
    "#);
    insta::assert_snapshot!(shown("loop", "fuel = 100_000_000"), @"
    fuel in step guest: the step ran out of fuel
      at: input.jsonl:4 (batch 1)
      limit: fuel = 100000000
      hint: the limit is `fuel = 100000000`; raise it in the step's `limits` if the step needs more
    ");
    insta::assert_snapshot!(shown("memory_steps", "memory = \"32MiB\""), @r#"
    memory in step guest: the step needed more than 32MiB: it requested 32.13MiB
      at: input.jsonl:4 (batch 1)
      limit: memory = 32MiB
      caused by: wasm `unreachable` instruction executed
      stderr: memory allocation of 1048576 bytes failed
      hint: the limit is `memory = "32MiB"`; raise it in the step's `limits` if the step needs more
    "#);
    insta::assert_snapshot!(shown("too_large", "output-bytes = \"1MiB\""), @r#"
    bad-output in step guest: the step passed too much data at once
      at: input.jsonl:4 (batch 1)
      limit: output-bytes = 1MiB
      hint: the limit is `output-bytes = "1MiB"`; raise it in the step's `limits` if the step needs more
    "#);
    insta::assert_snapshot!(shown("too_many_rows", "output-rows = 1000"), @"
    bad-output in step guest: it returned 2000000 rows, but the limit is `output-rows = 1000`
      at: input.jsonl:4 (batch 1)
      limit: output-rows = 1000
      hint: the limit is `output-rows = 1000`; raise it in the step's `limits` if the step needs more
    ");
}

#[test]
fn the_table_entries_limit_is_shown_as_fixed() {
    let folder = handwritten::folder(handwritten::GROW_TABLE);
    // One batch only, because every batch fails, and any of them may fail first.
    folder.write("input.jsonl", "{\"id\":0}\n{\"id\":1}\n");
    insta::assert_snapshot!(shown_in(&folder, ""), @"
    memory in step guest: the step requested tables of 2000001 entries, and all its tables may have 1000000
      in: batch 0, which begins at input.jsonl:1
      limit: table-entries = 1000000
      caused by: wasm `unreachable` instruction executed
      hint: this limit is the same for all steps and cannot be raised; build the step with smaller tables
    ");
}

#[test]
fn a_trap_code_is_shown_once() {
    // The message is from the panic, so the trap code has its own line.
    insta::assert_snapshot!(shown("panic", ""), @"
    panic in step guest: no rule for the id 3
      at: input.jsonl:4 (batch 1)
      trap: wasm `unreachable` instruction executed
    ");
    // The message is the trap code.
    insta::assert_snapshot!(shown("unreachable", ""), @"
    trap in step guest: wasm `unreachable` instruction executed
      at: input.jsonl:4 (batch 1)
    ");
    // The trap code is the cause.
    insta::assert_snapshot!(shown("abort", ""), @"
    trap in step guest: giving up at id 3
      at: input.jsonl:4 (batch 1)
      caused by: wasm `unreachable` instruction executed
      stderr: giving up at id 3
    ");
}

#[test]
fn a_denied_access_is_shown_with_a_hint() {
    insta::assert_snapshot!(shown("socket", ""), @"
    denied in step guest: Permission denied (os error 2)
      at: input.jsonl:4 (batch 1)
      hint: the step tried to use sockets or name lookups, which no grant allows: a step sends requests by the interface `wasi:http`
    ");
    insta::assert_snapshot!(shown("exit_3", ""), @"
    exit in step guest: the step ended its instance with exit status 3
      at: input.jsonl:4 (batch 1)
      hint: a step returns its result; it does not exit, not even with status 0
    ");
}

/// The innermost frames are functions of the guest, each with its line.
#[test]
fn a_nested_panic_is_shown_with_the_source_lines_of_its_frames() {
    let stderr = folder("panic_nested").run(pipeline("")).failed(1);
    let is_place = |line: &&str| line.starts_with("  source: ") || line.starts_with("  frame: ");
    let places: Vec<_> = stderr.lines().filter(is_place).collect();
    let _redacted = redact([(r"/\S*/tests/guests/", "tests/guests/")]);
    insta::assert_snapshot!(places.join("\n"), @"
      source: tests/guests/programs/examples/bad_panic_nested.rs:32:31
      frame: bad_panic_nested::inner::{{closure}} (tests/guests/programs/examples/bad_panic_nested.rs:32:31)
      frame: inner (tests/guests/programs/examples/bad_panic_nested.rs:32:13)
      frame: {closure#0} (tests/guests/programs/examples/bad_panic_nested.rs:23:27)
      frame: outer (tests/guests/programs/examples/bad_panic_nested.rs:25:9)
      frame: bad_panic_nested::misbehave (tests/guests/programs/examples/bad_panic_nested.rs:16:9)
    ");
}
