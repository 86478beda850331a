//! Steps in WebAssembly text, without an SDK: no panic hook, no panic report, no allocator.

use stillbox::Failure;
use stillbox::FailureKind::{self, Memory, Timeout, Trap};

use super::{failure, pipeline, pipeline_with};
use crate::harness::{Folder, rows, step, wat};

/// A folder with the input, and with a step whose `process` has this body.
pub(super) fn folder(body: &str) -> Folder {
    folder_with(body, "")
}

/// The same with more functions.
pub(super) fn folder_with(body: &str, functions: &str) -> Folder {
    let folder = Folder::new();
    folder.write("guest.wasm", wat::step(body, functions));
    folder.write("input.jsonl", rows::with_ids(0..6));
    folder
}

fn failed(body: &str, kind: FailureKind, message: &str) -> Failure {
    failed_within("", body, kind, message)
}

fn failed_within(limits: &str, body: &str, kind: FailureKind, message: &str) -> Failure {
    let failure = failure(&folder(body), &pipeline(limits));
    assert_eq!((failure.kind, &*failure.message), (kind, message), "{failure:#?}");
    assert_eq!(failure.step.as_deref(), Some("guest"));
    assert!(failure.batch.is_some());
    failure
}

#[test]
fn a_step_without_an_sdk_runs() {
    let report = folder("").run_in_library(pipeline("")).expect("the step runs");
    assert_eq!((report.rows_in, report.sinks[0].rows), (6, 6));
}

#[test]
fn the_last_line_of_standard_error_is_the_message_of_a_trap() {
    let failure = failed("(call $say) unreachable", Trap, "no rule for this row");
    assert_eq!(failure.causes, ["wasm `unreachable` instruction executed"]);
    assert_eq!(failure.stderr, "no rule for this row\n");
    // Without output the trap code is the message.
    failed("unreachable", Trap, "wasm `unreachable` instruction executed");
}

/// The step writes in its first batch, and traps in the second.
#[test]
fn standard_error_of_an_earlier_batch_is_not_the_message_of_a_trap() {
    let body = "(if (global.get $called) (then unreachable))\n(global.set $called (i32.const 1)) (call $say)";
    let failure = failure(&folder(body), &pipeline_with("", step("guest").worker()));
    assert_eq!((failure.kind, &*failure.message), (Trap, "wasm `unreachable` instruction executed"), "{failure:#?}");
    // The record still has all output of the instance.
    assert_eq!(failure.stderr, "no rule for this row\n");
}

/// The text that it writes to standard error is outside of its memory.
#[test]
fn a_bad_argument_is_told_apart_from_a_bad_output() {
    let body = "(call $write (call $get-stderr) (i32.const 128) (i32.const -1) (i32.const 3072))";
    failed(body, FailureKind::BadOutput, "an argument that the step passed to the host cannot be read");
    let body = "(i32.store (i32.const 2064) (i32.const -1))";
    failed(body, FailureKind::BadOutput, "the output of the step cannot be read");
}

/// A fill is one instruction, which nothing interrupts, and the step returns after the last one.
#[test]
fn a_call_that_ends_after_its_deadline_is_a_timeout() {
    let fill = "(memory.fill (i32.const 131072) (i32.const 1) (i32.const 130000000))\n";
    let body = "(drop (memory.grow (i32.const 2000)))\n".to_owned() + &fill.repeat(8);
    failed_within("time = \"20ms\"", &body, Timeout, "the step did not finish within 20ms");
}

#[test]
fn a_trap_without_a_message_is_reported_by_its_trap_code() {
    failed("(drop (i32.div_u (local.get 0) (i32.const 0)))", Trap, "integer divide by zero");
    failed("(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))", Trap, "integer overflow");
    failed("(drop (i32.load (i32.const -8)))", Trap, "out of bounds memory access");
    failed("(call_indirect (i32.const 0))", Trap, "uninitialized element");
}

#[test]
fn unbounded_recursion_exhausts_the_call_stack() {
    let failure = failed("(drop (call $deeper (i32.const 0)))", Trap, "call stack exhausted");
    assert!(failure.backtrace.len() < 300, "{}", failure.backtrace.len());
}

pub(super) const GROW_TABLE: &str =
    "(if (i32.eq (table.grow $table (ref.null func) (i32.const 2000000)) (i32.const -1)) (then unreachable))";

#[test]
fn the_table_entries_limit_stops_a_growing_table() {
    let message = "the step requested tables of 2000001 entries, and all its tables may have 1000000";
    let failure = failed(GROW_TABLE, Memory, message);
    let limit = failure.limit.expect("a limit ended the call");
    assert_eq!((&*limit.name, &*limit.value), ("table-entries", "1000000"));
    assert!(failure.hint.is_some_and(|hint| hint.contains("cannot be raised")));
}

/// Four memories and 48 tables fit into the pool of instances; more allocate on demand.
#[test]
fn modules_with_several_memories_and_tables_run() {
    let memories = |count: usize| format!("(memory 1) {}", "(memory 1 2)".repeat(count - 1));
    let tables = |count: usize| "(table 10 funcref)".repeat(count);
    for functions in [memories(3), tables(40), memories(20), tables(100), "(table 100000 funcref)".to_owned()] {
        let folder = Folder::new();
        let module = format!("(core module $more {functions}) (core instance (instantiate $more))\n(core module $step");
        let text = include_str!("../wat/step.wat").replace("(core module $step", &module);
        folder.write("guest.wasm", wat::component(&text));
        folder.write("input.jsonl", rows::with_ids(0..6));
        folder.run(pipeline("")).succeeded();
        folder.stillbox(["inspect", "guest.wasm"]).succeeded();
        folder.run(pipeline("fuel = 1_000_000")).succeeded();
    }
}

#[test]
fn a_read_of_standard_input_does_not_block() {
    let read = "(call $read (call $get-stdin) (i64.const 100) (i32.const 3072))\n\
                (if (i32.load8_u (i32.const 3072)) (then (call $say) unreachable))";
    failed(read, Trap, "no rule for this row");
}

#[test]
fn a_poll_is_ended_by_the_time_limit() {
    failed_within("time = \"200ms\"", "call $wait", Timeout, "the step did not finish within 200ms");
}

/// The step traps at its first call, and would pass at a second call of the same instance.
#[test]
fn an_instance_that_trapped_is_not_called_again() {
    let body = "(if (i32.eqz (global.get $called)) (then (global.set $called (i32.const 1)) unreachable))";
    let rejecting = step("guest").on_failure("reject");
    for (name, guest) in [("batch", rejecting.clone()), ("worker", rejecting.worker())] {
        let folder = folder(body);
        let report = folder.run_in_library(pipeline_with("", guest).rejects()).expect("all rows are rejected");
        assert_eq!((report.rows_in, report.rejected(), report.sinks[0].rows), (6, 6, 0), "{name}");
        // A second call of the same instance would fail with another message.
        for reject in folder.json_lines("rejects.jsonl") {
            assert_eq!(reject["failure"]["message"], "wasm `unreachable` instruction executed", "{name}");
        }
    }
}
