//! Bundles that become cases, or are rejected because a case would fail in another way.

use serde_json::{Value, json};
use stillbox_test_guests::{ASK, BAD_UNREACHABLE, FETCH, REFUSE};

use super::{failed, replay};
use crate::harness::rows::with_ids;
use crate::harness::{Folder, PipelineFile, Server, response, step};

/// Makes a case of a bundle, which is rejected. Returns the message.
fn rejected(folder: &Folder, arguments: &[&str]) -> String {
    let message = replay(folder, &[&["--to-case", "cases/a"], arguments].concat()).failed(2);
    assert!(!folder.contains("cases/a"), "nothing is written");
    message
}

#[test]
fn a_closed_connection_has_no_case() {
    let server = Server::raw(drop);
    let folder = Folder::with(&[FETCH]);
    folder.write("input.jsonl", format!("{{\"url\":\"{}\"}}\n", server.url("/a")));
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("fetch").allow_http(&server.url("/"), "")));
    let message = rejected(&elsewhere, &[]);
    assert!(message.contains("1 request got no complete response, and a case has complete ones only"), "{message}");
}

#[test]
fn a_request_that_was_denied_is_denied_in_the_case() {
    let folder = Folder::with(&[FETCH]);
    folder.write("input.jsonl", "{\"url\":\"http://127.0.0.1:9/a\"}\n");
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("fetch")));
    replay(&elsewhere, &["--to-case", "cases/denied"]).succeeded();
    elsewhere.stillbox(["test", ".", "--component", FETCH]).succeeded();
}

#[test]
fn a_model_that_fails_has_no_case() {
    let server = Server::new(|_| response("401 Unauthorized", "", "{\"error\":{\"message\":\"no\"}}"));
    let folder = Folder::with(&[ASK]);
    folder.write("input.jsonl", "{\"prompt\":\"a\"}\n");
    let model = format!("[[model]]\nname = \"writer\"\nurl = {:?}\nmodel = \"small\"", server.url("/v1"));
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("ask").set("model", "\"writer\"")).toml(&model));
    let message = rejected(&elsewhere, &[]);
    assert!(message.contains("the model failed, and a case has answers of models only"), "{message}");
}

#[test]
fn selected_rows_have_a_case_if_the_row_at_fault_is_among_them() {
    let folder = Folder::with(&[REFUSE, BAD_UNREACHABLE]);
    folder.write("input.jsonl", with_ids(0..6));
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("refuse").parameters("id = 4")));
    let message = rejected(&elsewhere, &["--rows", "0..4"]);
    assert!(message.contains("row 4 is at fault, and not among the rows 0..4"), "{message}");
    replay(&elsewhere, &["--to-case", "cases/some", "--rows", "3..5"]).succeeded();
    elsewhere.stillbox(["test", ".", "--component", REFUSE]).succeeded();
    // Every row fails, so none is at fault.
    let folder = Folder::with(&[BAD_UNREACHABLE]);
    folder.write("input.jsonl", "{\"id\":3,\"text\":\"a\"}\n{\"id\":3,\"text\":\"b\"}\n");
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("bad_unreachable")));
    let bundle = replay(&elsewhere, &["--json"]).json();
    if bundle["recorded"]["row"] == Value::Null {
        let message = rejected(&elsewhere, &["--rows", "0..1"]);
        assert!(message.contains("no row is known to be at fault"), "{message}");
    }
}

#[test]
fn limits_of_the_smallest_size_have_a_case() {
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", with_ids(0..3));
    let refuse = step("refuse").parameters("id = 1").limits("log-bytes = 0, output-bytes = 1000");
    let elsewhere = failed(&folder, &PipelineFile::new().add(refuse));
    replay(&elsewhere, &["--to-case", "cases/small"]).succeeded();
    elsewhere.stillbox(["test", ".", "--component", REFUSE]).succeeded();
}

#[test]
fn columns_that_no_step_is_given_are_an_error_before_the_run() {
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", with_ids(0..3));
    let pipeline = PipelineFile::new().add(step("refuse").parameters("id = 1"));
    let message = folder.run_with(&pipeline, ["--bundle", "bundles", "--columns", "idd"]).failed(2);
    assert!(
        message.contains("no step is given a column \"idd\"") && message.contains("did you mean \"id\"?"),
        "{message}"
    );
    folder.write("a-file", "");
    for path in ["a-file", "a-file/below"] {
        let message = folder.run_with(&pipeline, ["--bundle", path]).failed(2);
        assert!(message.contains("a-file is not a folder; name another one"), "{message}");
    }
}

#[test]
fn errors_of_a_component_name_the_file_of_the_bundle() {
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", with_ids(0..3));
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("refuse").parameters("id = 1")));
    let outcome = replay(&elsewhere, &["--json"]).succeeded();
    assert_eq!(outcome.json()["outcome"], json!("same"));
    assert!(!outcome.stderr.contains("/tmp/stillbox-"), "{}", outcome.stderr);
}
