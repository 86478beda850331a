//! `stillbox lock` and `--locked`: steps compared with what they were when they were reviewed.

use std::fs;

use stillbox_test_guests::{ADD_COLUMN, BAD_LOOP_IN_BIND, BAD_SOCKET, DROP_SHORT, FETCH, KEEP_LONG};

use crate::harness::{DIGESTS, Folder, PipelineFile, component_step, redact, step};

/// A folder with a pipeline of two steps, which is locked. The components are copies, to be replaced.
fn locked() -> Folder {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a b\"}\n");
    replace(&folder, "add_column", ADD_COLUMN);
    replace(&folder, "keep_long", KEEP_LONG);
    folder.write_pipeline(PipelineFile::new().add(step("keep_long")).add(step("add_column")));
    folder.stillbox(["lock", "pipeline.toml"]).succeeded();
    folder
}

fn replace(folder: &Folder, name: &str, guest: &str) {
    fs::copy(guest, folder.join(&format!("{name}.wasm"))).expect("a guest is a file");
}

/// The difference that has the start of a digest has the rest of the line left out.
fn redact_digests() -> insta::internals::SettingsBindDropGuard {
    redact(DIGESTS.into_iter().chain([(r"sha256:[0-9a-f]{12}…", "[DIGEST]…")]))
}

#[test]
fn a_lock_describes_each_step_and_is_the_same_each_time() {
    let folder = locked();
    let text = folder.text("stillbox.lock");
    let _redacted = redact_digests();
    // The imports of the standard library depend on the compiler.
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("\"wasi:"));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    # Written by `stillbox lock`. Review changes of this file like changes of the code.
    version = 1

    [[step]]
    pipeline = "pipeline.toml"
    step = "add_column"
    component = "add_column.wasm"
    digest = "[DIGEST]"
    name = "stillbox-test-programs"
    version = "0.1.0"
    contract = "stillbox:step@0.1.0"
    language = "rust"
    sdk = "0.1.0"
    imports = [
        "stillbox:step/panic",
        "stillbox:step/types",
    ]

    [[step]]
    pipeline = "pipeline.toml"
    step = "keep_long"
    component = "keep_long.wasm"
    digest = "[DIGEST]"
    name = "stillbox-test-programs"
    version = "0.1.0"
    contract = "stillbox:step@0.1.0"
    language = "rust"
    sdk = "0.1.0"
    imports = [
        "stillbox:step/panic",
        "stillbox:step/types",
    ]
    "#);
    let again = folder.stillbox(["lock", "pipeline.toml"]).succeeded();
    insta::assert_snapshot!(again.stderr, @"    Locked 2 steps in stillbox.lock");
    assert_eq!(folder.text("stillbox.lock"), text);
}

#[test]
fn steps_as_they_were_locked_are_accepted() {
    let folder = locked();
    folder.stillbox(["run", "pipeline.toml", "--locked"]).succeeded();
    folder.stillbox(["check", "pipeline.toml", "--locked"]).succeeded();
    folder.write("add/cases/one/input.jsonl", "{\"text\":\"a\"}\n");
    folder.write("add/cases/one/expected.jsonl", "{\"text\":\"a\",\"length\":1}\n");
    folder.stillbox(["test", "add", "--component", "add_column.wasm", "--locked", "stillbox.lock"]).succeeded();
}

#[test]
fn a_component_that_was_swapped_is_rejected_with_its_differences() {
    let folder = locked();
    replace(&folder, "add_column", BAD_SOCKET);
    let _redacted = redact_digests();
    insta::assert_snapshot!(folder.stillbox(["run", "pipeline.toml", "--locked"]).failed(2), @r#"
    error: step `add_column` 0.1.0 now imports wasi:clocks, wasi:filesystem, wasi:sockets
      --> pipeline.toml:13:13
       |
    13 | component = "add_column.wasm"
       |             ^^^^^^^^^^^^^^^^^

    error: step `add_column` 0.1.0 has the digest [DIGEST]…, and had [DIGEST]…
      --> pipeline.toml:13:13
       |
    13 | component = "add_column.wasm"
       |             ^^^^^^^^^^^^^^^^^
       |
       = help: review the step, then accept it with `stillbox lock PIPELINE.toml --update STEP`
    "#);
    assert!(!folder.contains("output.jsonl"));
    let check = folder.stillbox(["check", "pipeline.toml", "--locked", "--json"]);
    assert_eq!((check.code, check.json()["errors"][0]["line"].as_u64()), (Some(2), Some(13)));

    folder.write("add/cases/one/input.jsonl", "{\"text\":\"a\"}\n");
    let test = folder.stillbox(["test", "add", "--component", "add_column.wasm", "--locked", "stillbox.lock"]);
    let message = test.failed(2);
    assert!(message.contains("`add_column.wasm` differs from the lock: it now imports wasi:"), "{message}");
}

#[test]
fn a_swapped_component_is_rejected_before_it_is_bound() {
    let folder = locked();
    replace(&folder, "add_column", BAD_LOOP_IN_BIND);
    let message = folder.stillbox(["run", "pipeline.toml", "--locked", "--time", "20s"]).failed(2);
    assert!(message.contains("step `add_column` 0.1.0 has the digest sha256:"), "{message}");
}

#[test]
fn update_locks_one_step_and_keeps_the_others() {
    let folder = locked();
    replace(&folder, "add_column", BAD_SOCKET);
    replace(&folder, "keep_long", DROP_SHORT);
    let _redacted = redact_digests();
    let update = folder.stillbox(["lock", "pipeline.toml", "--update", "keep_long"]).succeeded();
    insta::assert_snapshot!(update.stderr, @"
    Changed step `keep_long` 0.1.0 has the digest [DIGEST]…, and had [DIGEST]…
     Locked 2 steps in stillbox.lock
    ");
    let message = folder.stillbox(["run", "pipeline.toml", "--locked"]).failed(2);
    assert!(!message.contains("step `keep_long`") && message.contains("step `add_column`"), "{message}");
    insta::assert_snapshot!(folder.stillbox(["lock", "pipeline.toml", "--update", "keep_lon"]).failed(2), @"error: there is no step `keep_lon`; did you mean `keep_long`?");
}

#[test]
fn steps_that_are_new_gone_or_granted_more_differ_from_the_lock() {
    let folder = locked();
    let added = component_step("more", "add_column.wasm");
    folder.write_pipeline(PipelineFile::new().add(step("keep_long")).add(added));
    insta::assert_snapshot!(folder.stillbox(["check", "pipeline.toml", "--locked"]).failed(2), @r#"
    error: the lock has a step `add_column`, and the pipeline does not
    --> pipeline.toml
     = help: lock the pipeline again: `stillbox lock PIPELINE.toml`

    error: step `more` is not in the lock
      --> pipeline.toml:13:13
       |
    13 | component = "add_column.wasm"
       |             ^^^^^^^^^^^^^^^^^
       |
       = help: review the step, then accept it with `stillbox lock PIPELINE.toml --update STEP`
    "#);
    let granted = step("add_column").allow_dir(".", "");
    folder.write_pipeline(PipelineFile::new().add(step("keep_long")).add(granted));
    insta::assert_snapshot!(folder.stillbox(["check", "pipeline.toml", "--locked"]).failed(2), @r#"
    error: step `add_column` 0.1.0 is now granted read-files
      --> pipeline.toml:13:13
       |
    13 | component = "add_column.wasm"
       |             ^^^^^^^^^^^^^^^^^
       |
       = help: review the step, then accept it with `stillbox lock PIPELINE.toml --update STEP`
    "#);
}

#[test]
fn a_lock_has_the_kinds_of_grants_and_the_names_of_secrets() {
    let folder = Folder::with(&[FETCH]);
    folder.write("input.jsonl", "{\"url\":\"http://127.0.0.1:1/\"}\n");
    let header = "secret = { header = \"authorization\", value = \"Bearer {key}\" }";
    let fetch = step("fetch").allow_http("https://api.example.org/v1/", header).allow_dir(".", "");
    let secrets = "[secrets]\nkey = { file = \"key\" }";
    folder.write("key", "a-secret-of-this-test");
    folder.write_pipeline(PipelineFile::new().add(fetch).toml(secrets));
    folder.stillbox(["lock", "pipeline.toml"]).succeeded();
    let text = folder.text("stillbox.lock");
    assert!(!text.contains("a-secret-of-this-test") && !text.contains("example.org"), "{text}");
    let lines: Vec<_> = text.lines().skip_while(|line| !line.starts_with("grants")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    grants = [
        "http",
        "read-files",
    ]
    secrets = ["key"]
    "#);
}

#[test]
fn a_lock_that_is_missing_or_malformed_is_an_error() {
    let folder = locked();
    folder.write("stillbox.lock", "version = 1\n[[step]]\nname = 3\n\u{1b}[2J");
    insta::assert_snapshot!(folder.stillbox(["run", "pipeline.toml", "--locked"]).failed(2), @"error: cannot read the lock `stillbox.lock`: line 4: key with no value, expected `=`");
    fs::remove_file(folder.join("stillbox.lock")).expect("it was written");
    insta::assert_snapshot!(folder.stillbox(["check", "pipeline.toml", "--locked"]).failed(2), @"error: there is no lock `stillbox.lock`: create it with `stillbox lock`, and review it");
    let json = folder.stillbox(["run", "pipeline.toml", "--locked", "--message-format", "json"]);
    assert_eq!(json.json_lines()[0]["event"], "error");
    insta::assert_snapshot!(folder.stillbox(["lock", "pipeline.toml", "--update", "keep_long"]).failed(2), @"error: there is no lock `stillbox.lock`: create it with `stillbox lock`, and review it");
}

#[test]
fn pipelines_of_a_folder_share_its_lock() {
    let folder = locked();
    folder.write("other.toml", PipelineFile::new().add(step("add_column")).to_string());
    folder.stillbox(["lock", "other.toml"]).succeeded();
    folder.stillbox(["check", "other.toml", "--locked"]).succeeded();
    folder.stillbox(["check", "pipeline.toml", "--locked"]).succeeded();
}
