//! Components in WebAssembly text that do not implement the contract.

use stillbox::{Failure, FailureKind};

use crate::harness::{Folder, PipelineFile, step, wat};

/// The first line of the error for a component, and its causes. Its failure record has the kind `incompatible`.
fn error_for(text: &str) -> String {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write("guest.wasm", wat::component(text));
    let stderr = folder.run_with(PipelineFile::new().add(step("guest")), ["--failures", "failures.jsonl"]).failed(2);
    let failure: Failure = serde_json::from_str(&folder.text("failures.jsonl")).expect("there is one record");
    assert_eq!((failure.kind, failure.step.as_deref()), (FailureKind::Incompatible, Some("guest")), "{failure:#?}");
    assert!(failure.component.is_some_and(|digest| digest.starts_with("sha256:")));
    let cause = |line: &&str| line.contains("= caused by: ");
    stderr.lines().take(1).chain(stderr.lines().filter(cause).map(str::trim)).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_component_without_exports_is_not_a_step() {
    insta::assert_snapshot!(error_for(include_str!("../wat/no_exports.wat")), @"error: guest.wasm: is a component, but not a step: it has to export stillbox:step/guest@0.1.0, and exports nothing");
}

#[test]
fn an_unknown_import_of_a_component_is_named() {
    insta::assert_snapshot!(error_for(include_str!("../wat/unknown_import.wat")), @"error: guest.wasm: imports interfaces that Stillbox does not provide: else:where/thing@1.0.0");
}

/// The last function that is called has other types. All functions are checked before the first one is called.
#[test]
fn a_wrong_signature_of_any_function_is_reported_when_the_step_is_loaded() {
    let right = "(result (option $output) (error $step-error))";
    let text = include_str!("../wat/step.wat");
    assert!(text.contains(right));
    let error = error_for(&text.replace(right, "(result $output (error $step-error))"));
    assert!(error.starts_with("error: guest.wasm: its `manifest` failed (incompatible)"), "{error}");
    assert!(error.contains("type mismatch with results"), "{error}");
}

#[test]
fn a_function_with_a_wrong_signature_is_reported() {
    insta::assert_snapshot!(error_for(include_str!("../wat/wrong_signature.wat")), @r"
    error: guest.wasm: its `manifest` failed (incompatible)
    = caused by: a function of the step has other types than the contract gives it
    = caused by: failed to convert function to given type
    = caused by: type mismatch with results
    = caused by: expected 1-tuple, found 0-tuple
    ");
}
