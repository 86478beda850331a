use super::make::{answer, encode, input, make, parse};
use super::*;
use crate::engine::{CompileSettings, Fuel, Traps};

/// The functions of a step in WebAssembly text that tests replace.
const BIND: &str = r#"(func (export "bind") (param i32 i32) (result i32) i32.const 2048)"#;
const MORE: &str = ";; MORE";

fn settings() -> CompileSettings {
    CompileSettings { fuel: Fuel::Off, traps: Traps::Signals, is_pooled: true }
}

fn request() -> SnapshotRequest {
    SnapshotRequest { parameters: "{}".into(), memory: 256 << 20, has_variables: false }
}

/// The step, with a part replaced.
fn component(part: &str, replacement: &str) -> Vec<u8> {
    let source = include_str!("../../../../../tests/e2e/wat/step.wat");
    assert!(source.contains(part));
    wat::parse_str(source.replace(part, replacement)).unwrap()
}

/// The step with instructions in `bind`.
fn binding(body: &str) -> Vec<u8> {
    component(BIND, &format!(r#"(func (export "bind") (param i32 i32) (result i32) {body} i32.const 2048)"#))
}

fn refusal(component: &[u8]) -> String {
    let made = make(settings(), &request(), component);
    assert!(made.code.is_empty());
    made.note.refused.expect("there is no snapshot")
}

#[test]
fn a_snapshot_has_the_memory_and_the_log_of_bind() {
    let component = binding(
        "(call $log-utf8 (i32.const 2) (i32.const 128) (i32.const 20))
         (i64.store (i32.const 60000) (i64.const 0x1122334455667788)) (drop (memory.grow (i32.const 1)))",
    );
    let input = input(&request(), &component);
    let made = parse(&encode(&answer(settings(), &input).unwrap()).into()).unwrap();
    assert_eq!(made.note.refused, None);
    assert_eq!(made.note.log.iter().map(|entry| &*entry.message).collect::<Vec<_>>(), ["no rule for this row"]);
    let stored = 0x1122_3344_5566_7788_u64.to_le_bytes();
    assert!(made.code.windows(8).any(|bytes| bytes == stored));
}

#[test]
fn bind_that_reaches_the_host_or_a_limit_has_no_snapshot() {
    for (body, reason) in [
        ("(drop (call $get-stderr))", "wasi:cli/stderr@0.2.0#get-stderr"),
        ("(call $random (i64.const 8) (i32.const 60000))", "wasi:random/random@0.2.0#get-random-bytes"),
        ("unreachable", "unreachable"),
        ("(drop (memory.grow (i32.const 1100)))", "its memory has 72155136 bytes, and at most 67108864 are stored"),
        ("(drop (memory.grow (i32.const 5000)))", "ran into the limit on its memory"),
        (
            "(call $log-utf8 (i32.const 2) (i32.const 0) (i32.const 65536)) (call $log-utf8 (i32.const 2) (i32.const 0) (i32.const 1))",
            "logs",
        ),
    ] {
        let found = refusal(&binding(body));
        assert!(found.contains(reason), "{body}: {found}");
    }
}

#[test]
fn a_component_whose_state_is_not_only_memory_has_no_snapshot() {
    let in_table = "(func (table.set $table (i32.const 0) (ref.null func)))";
    let handles = "(type $r (resource (rep i32))) (core func $new (canon resource.new $r)) (core module $step";
    let twice = "(core module $twice) (core instance (instantiate $twice)) (core instance (instantiate $twice)) \
                 (core module $step";
    for (component, reason) in [
        (component(MORE, in_table), "table.set"),
        (component("(core module $step", handles), "it has functions that create handles"),
        (component("(core module $step", twice), "at most once"),
        (component(MORE, "(global (export \"g\") (mut v128) (v128.const i64x2 0 0))"), "v128"),
    ] {
        let found = refusal(&component);
        assert!(found.contains(reason), "{reason}: {found}");
    }
}

#[test]
fn names_that_clash_with_those_of_the_instrumented_component_are_no_error() {
    let access = "(export \"wasmtime:wizer/access\" (func $f-manifest)) (instance $guest\n";
    for component in [
        component(MORE, "(func (export \"__wizer_memory_0\"))"),
        component("(instance $guest\n", access),
        b"\0asm\x0d\0\x01\0".to_vec(),
        b"no component".to_vec(),
    ] {
        refusal(&component);
    }
    // A function of the name that wizer removes elsewhere stays.
    let other = component(MORE, "(func (export \"wizer-initialize\"))");
    assert_eq!(make(settings(), &request(), &other).note.refused, None);
}

#[test]
fn malformed_messages_between_the_processes_are_recognised() {
    assert!(answer(settings(), b"").is_none());
    assert!(answer(settings(), b"\xff\xff\xff\xff{}").is_none());
    assert!(answer(settings(), b"\x02\0\0\0{}").is_none());
    assert!(parse(&b"".as_slice().into()).is_none());
    assert!(parse(&b"\x05\0\0\0{}".as_slice().into()).is_none());
    assert!(parse(&b"\x02\0\0\0[]".as_slice().into()).is_none());
}
