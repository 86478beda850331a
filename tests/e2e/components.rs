//! Files that are no steps.

use crate::command::{Folder, pipeline};

/// What is said of a file in the place of a component.
fn complaint(bytes: impl AsRef<[u8]>) -> String {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write("step.wasm", bytes);
    folder.run(&pipeline("input.jsonl", &["step"], "output.jsonl")).failed(2)
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).expect("the text is WebAssembly")
}

#[test]
fn a_missing_file_is_named() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    insta::assert_snapshot!(folder.run(&pipeline("input.jsonl", &["step"], "output.jsonl")).failed(2), @"");
}

#[test]
fn a_file_that_is_no_wasm_is_shown() {
    insta::assert_snapshot!(complaint("#!/bin/sh\necho\n"), @"");
    insta::assert_snapshot!(complaint("\x1b[31m"), @"");
    insta::assert_snapshot!(complaint(""), @"");
}

#[test]
fn a_core_module_is_told_from_a_component() {
    insta::assert_snapshot!(complaint(wat("(module (func (export \"run\")))")), @"");
}

#[test]
fn a_component_of_another_world_says_what_it_exports() {
    let other = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $one (export "f" (func $f)))
        (export "some:other/thing@1.0.0" (instance $one))
        (export "hello" (func $f)))"#;
    insta::assert_snapshot!(complaint(wat(other)), @"");
    insta::assert_snapshot!(complaint(wat("(component)")), @"");
}

#[test]
fn a_component_of_another_version_is_recognised() {
    let other = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $one (export "manifest" (func $f)))
        (export "stillbox:step/guest@0.2.0" (instance $one)))"#;
    insta::assert_snapshot!(complaint(wat(other)), @"");
    insta::assert_snapshot!(complaint(wat(&other.replace("@0.2.0", "@0.1.0"))), @"");
}

#[test]
fn a_component_that_is_cut_off_is_no_component() {
    let whole = std::fs::read(stillbox_test_guests::KEEP_LONG).unwrap();
    let message = complaint(&whole[..whole.len() / 2]);
    assert!(message.contains("step.wasm: cannot be compiled: "), "{message}");
}

#[test]
fn a_folder_without_a_crate_is_no_step() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    std::fs::create_dir(folder.join("step.wasm")).unwrap();
    insta::assert_snapshot!(folder.run(&pipeline("input.jsonl", &["step"], "output.jsonl")).failed(2), @"");
}
