//! Files that are not components, and components that are not steps.

mod from_wat;

use std::path::Path;

use crate::harness::{Folder, ROOT, pipeline, wat};

/// Runs a pipeline whose component is a file with these bytes, and returns the error.
fn error_for(bytes: impl AsRef<[u8]>) -> String {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write("step.wasm", bytes);
    folder.run(pipeline("input.jsonl", &["step"], "output.jsonl")).failed(2)
}

#[test]
fn a_missing_component_file_is_reported() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    insta::assert_snapshot!(folder.run(pipeline("input.jsonl", &["step"], "output.jsonl")).failed(2), @r#"
    error: step.wasm: cannot be read
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
      |
      = caused by: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_file_that_is_not_webassembly_is_reported_with_its_first_bytes() {
    insta::assert_snapshot!(error_for("#!/bin/sh\necho\n"), @r##"
    error: step.wasm: is not a WebAssembly component: it starts with "#!/bin/s"
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
    "##);
    insta::assert_snapshot!(error_for("\x1b[31m"), @r#"
    error: step.wasm: is not a WebAssembly component: it starts with "\x1b[31m"
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(error_for(""), @r#"
    error: step.wasm: is not a WebAssembly component: it starts with nothing, it is empty
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
    "#);
}

#[test]
fn a_core_module_is_reported_with_how_to_build_a_component() {
    insta::assert_snapshot!(error_for(wat::component("(module (func (export \"run\")))")), @r#"
    error: step.wasm: is a core WebAssembly module, not a component; build it for the target wasm32-wasip2, or with `stillbox build`
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
    "#);
}

#[test]
fn a_component_that_is_not_a_step_is_reported_with_its_exports() {
    let other = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $one (export "f" (func $f)))
        (export "some:other/thing@1.0.0" (instance $one))
        (export "hello" (func $f)))"#;
    insta::assert_snapshot!(error_for(wat::component(other)), @r#"
    error: step.wasm: is a component, but not a step: it has to export stillbox:step/guest@0.1.0, and exports some:other/thing@1.0.0, hello
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(error_for(wat::component("(component)")), @r#"
    error: step.wasm: is a component, but not a step: it has to export stillbox:step/guest@0.1.0, and exports nothing
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
    "#);
}

#[test]
fn a_component_for_another_contract_version_is_reported_with_both_versions() {
    let other = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $one (export "manifest" (func $f)))
        (export "stillbox:step/guest@0.2.0" (instance $one)))"#;
    insta::assert_snapshot!(error_for(wat::component(other)), @r#"
    error: step.wasm: is a component, but not a step: it has to export stillbox:step/guest@0.1.0, and exports stillbox:step/guest@0.2.0
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(error_for(wat::component(&other.replace("@0.2.0", "@0.1.0"))), @r#"
    error: step.wasm: exports stillbox:step/guest@0.1.0, but not as the contract has it
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
      |
      = caused by: instance export `stillbox:step/guest@0.1.0` does not have export `bind`
    "#);
}

#[test]
fn a_truncated_component_is_reported() {
    let whole = std::fs::read(stillbox_test_guests::KEEP_LONG).unwrap();
    let message = error_for(&whole[..whole.len() / 2]);
    assert!(message.contains("step.wasm: cannot be compiled\n"), "{message}");
    assert!(message.contains("caused by: unexpected end-of-file"), "{message}");
}

#[test]
fn a_folder_without_a_manifest_is_not_a_step() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1}\n");
    std::fs::create_dir(folder.join("step.wasm")).unwrap();
    insta::assert_snapshot!(folder.run(pipeline("input.jsonl", &["step"], "output.jsonl")).failed(2), @r#"
      Building step.wasm
    error: `step.wasm` has no Cargo.toml, pyproject.toml or package.json: give the folder of a step, or a compiled .wasm file
     --> pipeline.toml:9:13
      |
    9 | component = "step.wasm"
      |             ^^^^^^^^^^^
    "#);
}

#[test]
fn every_test_guest_is_used_by_a_test() {
    let mut folders = vec![Path::new(ROOT).join("tests")];
    let mut sources = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                sources += &std::fs::read_to_string(path).unwrap();
            } else if !path.ends_with("guests") {
                folders.push(path);
            }
        }
    }
    // Misbehaving guests run from a table, which has a test like this one. Standard steps run from the examples of their
    // README, and the others in the benchmarks.
    let root = Path::new(ROOT);
    let is_elsewhere = |name: &str| {
        name.starts_with("bad_")
            || ["steps", "benches/steps"].iter().any(|folder| root.join(folder).join(name).is_dir())
    };
    for (name, _) in stillbox_test_guests::ALL.iter().filter(|(name, _)| !is_elsewhere(name)) {
        let constant = name.to_uppercase().replace('-', "_");
        assert!(sources.contains(&constant), "no test uses the guest {name}");
    }
}
