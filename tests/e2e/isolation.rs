//! Isolation: a guest sees its batch and nothing else.

use std::net::TcpListener;

use stillbox_test_guests::{LOOK_AROUND, REMEMBER, TRY_FILE};

use crate::harness::{Folder, PipelineFile, outcome_with_input, rows, step};

#[test]
fn a_batch_sees_no_state_of_another_batch() {
    let folder = Folder::with(&[REMEMBER]);
    folder.write("input.jsonl", rows::with_ids(0..500));
    let pipeline = PipelineFile::new().batch_rows(10).add(step("remember"));
    let expected: String = (0..500).map(|id| format!("{{\"id\":{id},\"seen\":{}}}\n", id % 10 + 1)).collect();
    for threads in ["1", "4"] {
        folder.run_with(&pipeline, ["--threads", threads]).succeeded();
        assert_eq!(folder.text("output.jsonl"), expected, "{threads} threads");
    }
}

#[test]
fn a_guest_without_grants_sees_nothing_of_the_host() {
    let folder = Folder::with(&[LOOK_AROUND]);
    folder.write("secret.txt", "secret");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let secret = folder.join("secret.txt");
    let row = serde_json::json!({ "path": secret, "address": listener.local_addr().unwrap().to_string() });
    folder.write("input.jsonl", format!("{row}\n"));
    folder.write_pipeline(PipelineFile::new().add(step("look_around")));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml"]).env("SECRET", "secret");
    outcome_with_input(&mut command, b"secret").succeeded();
    let found: serde_json::Value = serde_json::from_str(&folder.text("output.jsonl")).unwrap();
    let found: Vec<String> =
        found.as_object().unwrap().iter().skip(2).map(|(what, found)| format!("{what}: {found}")).collect();
    insta::assert_snapshot!(found.join("\n"), @r#"
    file: "shut"
    root: "shut"
    created: "shut"
    variables: 0
    arguments: 0
    tcp: "shut"
    listener: "shut"
    udp: "shut"
    lookup: "shut"
    input: 0
    folder: "shut"
    "#);
    assert!(!folder.names().contains(&"secret.txt.new".to_owned()));
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

/// An access that was denied in an earlier batch does not explain a failure of this batch.
#[test]
fn a_denied_access_is_reported_only_for_its_own_batch() {
    let folder = Folder::with(&[TRY_FILE]);
    folder.write("input.jsonl", rows::with_ids(0..4));
    let pipeline = PipelineFile::new().add(step("try_file").worker());
    for (batch_rows, kind) in [(2, "panic"), (4, "denied")] {
        let arguments = ["--threads", "1", "--failures", "failures.jsonl"];
        folder.run_with(pipeline.clone().batch_rows(batch_rows), arguments).failed(1);
        let record = &folder.json_lines("failures.jsonl")[0];
        assert_eq!((&record["kind"], &record["message"]), (&kind.into(), &"no rule for the id 3".into()), "{record}");
        assert_eq!(record.get("hint").is_some(), kind == "denied", "{record}");
    }
}
