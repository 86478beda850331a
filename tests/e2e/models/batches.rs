//! Requests in batch files: a run that waits, and what is paid.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use stillbox_test_guests::ASK;

use super::batch_server::{BatchServer, all_answered, answered, expired, failed, line};
use super::{answers, ask, asking, model, rejected, rejecting, write_prompts};
use crate::harness::schemas::assert_is_event;
use crate::harness::{Folder, PipelineFile, end, send, spawn, step};

const RUN: [&str; 3] = ["run", "pipeline.toml", "--resume"];

/// A folder with prompts, and a pipeline that asks for them in batches.
fn folder(server: &BatchServer, prompts: usize, more: &str) -> Folder {
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, (0..prompts).map(|number| format!("p{number}")));
    folder.write_pipeline(asking(&server.server, &format!("batch = true\n{more}")).batch_rows(10));
    folder
}

#[test]
fn a_run_waits_for_its_batch_and_collects_it() {
    let server = BatchServer::new(all_answered);
    let folder = folder(&server, 95, "");
    let message = folder.stillbox(RUN.into_iter().chain(["--threads", "2"])).failed(75);
    // The last line has the path of the command.
    let (message, _) = message.split_once("collect the answers with: ").expect("it says how to continue");
    insta::assert_snapshot!(message, @r"
    the run waits for 1 batch:
      batch-0 of model writer: 95 requests, validating
    ");
    assert!(!folder.contains("output.jsonl"));
    // It is not there yet, and nothing is sent again.
    folder.stillbox(RUN).failed(75);
    assert_eq!(server.sizes(), [95]);
    server.set_status("completed");
    let outcome = folder.stillbox(RUN).succeeded();
    assert!(outcome.stderr.contains("0 requests, 95 stored answers, 950 tokens in, 190 out"), "{}", outcome.stderr);
    let answers = answers(&folder);
    assert_eq!((answers.len(), &*answers["p94"]), (95, "about p94"));
    assert_eq!(server.jobs(), 1);
    let paths: BTreeSet<String> = server.server.requests().iter().map(|request| request.path().to_owned()).collect();
    assert!(!paths.iter().any(|path| path.contains("chat")), "{paths:?}");
    // Nothing is left, so the same pipeline asks again.
    server.set_status("in_progress");
    folder.stillbox(["run", "pipeline.toml"]).failed(75);
    assert_eq!(server.jobs(), 2);
}

#[test]
fn the_events_end_with_the_status_of_a_run_that_waits() {
    let server = BatchServer::new(all_answered);
    let folder = folder(&server, 3, "");
    let outcome = folder.stillbox(["run", "pipeline.toml", "--message-format", "json"]);
    assert_eq!(outcome.code, Some(75));
    let last = outcome.json_lines().pop().expect("there are events");
    assert_eq!((&last["event"], &last["status"]), (&json!("finished"), &json!("waiting")));
    assert_eq!(
        last["batches"],
        json!([{ "model": "writer", "batch": "batch-0", "requests": 3, "status": "validating" }])
    );
    outcome.json_lines().iter().for_each(assert_is_event);
}

#[test]
fn requests_without_a_result_are_sent_again_and_those_that_are_rejected_lose_their_row() {
    let server = BatchServer::new(|prompt, asked, id| match (prompt, asked) {
        ("p1", _) => (Vec::new(), vec![failed(id, 400, "too long")]),
        ("p2", 0) => (Vec::new(), vec![failed(id, 500, "oops")]),
        ("p3", 0) => (Vec::new(), vec![expired(id)]),
        ("p4", 0) => (Vec::new(), Vec::new()),
        ("p5", 0) => (vec!["{\"custom_id\": \"p5".to_owned(), "\u{0}".to_owned()], vec!["[]".to_owned()]),
        ("p6", 0) => (vec![answered(&"0".repeat(64), "unknown"), answered("p6", "unknown")], Vec::new()),
        ("p7", 0) => (vec![line(id, 200, &Value::Null)], Vec::new()),
        ("p8", _) => (vec![answered(id, "second"), answered(id, "about p8")], vec![failed(id, 400, "third")]),
        _ => (vec![answered(id, &format!("about {prompt}"))], Vec::new()),
    });
    let folder = folder(&server, 12, "");
    folder.stillbox(RUN).failed(75);
    server.set_status("completed");
    let message = folder.stillbox(RUN).failed(75);
    assert!(message.contains("batch-1"), "{message}");
    assert_eq!(server.sizes(), [12, 6]);
    folder.stillbox(RUN).succeeded();
    assert_eq!(server.jobs(), 2);
    let answers = answers(&folder);
    assert_eq!((answers.len(), &*answers["p4"], &*answers["p8"]), (11, "about p4", "about p8"));
    let rejected = rejected(&folder);
    assert_eq!(
        rejected,
        [("p1".to_owned(), "the server rejects the request: status 400 Bad Request: too long".to_owned())]
    );
}

#[test]
fn a_request_that_fails_in_every_batch_loses_its_row() {
    let server = BatchServer::new(|prompt, _, id| match prompt {
        "p0" => (Vec::new(), vec![failed(id, 503, "busy")]),
        _ => (vec![answered(id, "fine")], Vec::new()),
    });
    let folder = folder(&server, 3, "retries = 1");
    server.set_status("completed");
    folder.stillbox(RUN).failed(75);
    folder.stillbox(RUN).failed(75);
    folder.stillbox(RUN).succeeded();
    assert_eq!(server.sizes(), [3, 1]);
    assert_eq!(rejected(&folder), [("p0".to_owned(), "the model did not answer in 2 batches".to_owned())]);
}

#[test]
fn a_batch_that_is_not_accepted_fails_the_run_and_is_sent_again() {
    let server = BatchServer::new(all_answered);
    let folder = folder(&server, 3, "");
    folder.stillbox(RUN).failed(75);
    server.set_status("failed");
    let message = folder.stillbox(RUN).failed(1);
    insta::assert_snapshot!(message, @r#"
    model: the server of model "writer" does not accept batch batch-0
      caused by: the file is too large
      hint: correct the cause, and continue with `--resume` to send its requests again
    "#);
    server.set_status("completed");
    folder.stillbox(RUN).failed(75);
    folder.stillbox(RUN).succeeded();
    assert_eq!(server.sizes(), [3, 3]);
}

#[test]
fn the_results_of_a_cancelled_batch_are_kept() {
    let server = BatchServer::new(|prompt, asked, id| match (prompt, asked) {
        ("p1" | "p2", 0) => (Vec::new(), Vec::new()),
        _ => all_answered(prompt, asked, id),
    });
    let folder = folder(&server, 5, "");
    folder.stillbox(RUN).failed(75);
    server.set_status("cancelled");
    let message = folder.stillbox(RUN).failed(1);
    insta::assert_snapshot!(message, @r#"
     WARN batch batch-0 of model "writer": 2 lines missing
    model: batch batch-0 of model "writer" was cancelled
      caused by: 3 of 5 requests have a result, which is stored
      hint: continue with `--resume` to send the other requests again
    "#);
    server.set_status("completed");
    folder.stillbox(RUN).failed(75);
    folder.stillbox(RUN).succeeded();
    assert_eq!((server.sizes(), answers(&folder).len()), (vec![5, 2], 5));
}

#[test]
fn an_answer_that_does_not_match_its_schema_is_corrected_in_another_batch() {
    let server = BatchServer::new(|prompt, asked, id| {
        let text = if prompt == "p0" && asked == 0 { "no JSON" } else { r#"{"a": 1}"# };
        (vec![answered(id, text)], Vec::new())
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, ["p0", "p1"]);
    let schema = r#"schema = '{"type": "object", "required": ["a"]}'"#;
    folder.write_pipeline(rejecting(ask().parameters(schema), &server.server, "batch = true"));
    folder.stillbox(RUN).failed(75);
    server.set_status("completed");
    folder.stillbox(RUN).failed(75);
    folder.stillbox(RUN).succeeded();
    assert_eq!((server.sizes(), answers(&folder).len()), (vec![2, 1], 2));
}

#[test]
fn a_step_that_needs_the_answers_of_another_one_has_the_next_batch() {
    let server = BatchServer::new(all_answered);
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, ["a", "b"]);
    let second = step("ask").name("again").set("model", "\"writer\"").set("inputs", "{ prompt = \"answer\" }");
    let second = second.set("outputs", "{ answer = \"second\" }");
    folder.write_pipeline(PipelineFile::new().add(ask()).add(second).toml(&model(&server.server, "batch = true")));
    server.set_status("completed");
    folder.stillbox(RUN).failed(75);
    folder.stillbox(RUN).failed(75);
    folder.stillbox(RUN).succeeded();
    let rows = folder.json_lines("output.jsonl");
    assert_eq!((server.sizes(), &rows[1]["second"]), (vec![2, 2], &json!("about about b")));
}

/// Kills a run at the moment when the server gets a request that starts like this; the server has done what it asks for.
fn killed_at(first_line: &'static str) -> (BatchServer, Folder) {
    let (sender, reached) = channel();
    let (sender, armed) = (Mutex::new(sender), AtomicBool::new(true));
    let server = BatchServer::with_hook(all_answered, move |request| {
        if request.line.starts_with(first_line) && armed.swap(false, Ordering::SeqCst) {
            let _ = sender.lock().unwrap().send(());
            // No response ever comes.
            loop {
                std::thread::park();
            }
        }
        None
    });
    let folder = folder(&server, 4, "");
    let child = spawn(folder.command().args(RUN));
    reached.recv_timeout(Duration::from_mins(1)).expect("the server gets the request");
    send(&child, Signal::KILL);
    end(child);
    (server, folder)
}

#[test]
fn a_kill_during_the_submission_creates_no_second_batch() {
    for first_line in ["POST /v1/files", "POST /v1/batches"] {
        let (server, folder) = killed_at(first_line);
        folder.stillbox(RUN).failed(75);
        assert_eq!(server.jobs(), 1, "{first_line}");
        server.set_status("completed");
        folder.stillbox(RUN).succeeded();
        assert_eq!((server.jobs(), answers(&folder).len()), (1, 4), "{first_line}");
    }
}

#[test]
fn a_run_with_a_batch_that_is_not_collected_does_not_ask_for_its_answers_again() {
    let server = BatchServer::new(all_answered);
    let folder = folder(&server, 3, "");
    folder.stillbox(RUN).failed(75);
    folder.write_pipeline(asking(&server.server, "").batch_rows(10));
    let message = folder.stillbox(RUN).failed(1);
    insta::assert_snapshot!(message, @r#"
    model: a batch of model "writer" is not collected yet
      caused by: batch-0
      hint: set `batch = true` of the model again; `--restart` starts again without its answers, which are paid
    "#);
    assert_eq!(server.jobs(), 1);
}

#[test]
fn a_restart_names_the_batches_that_are_lost() {
    let server = BatchServer::new(all_answered);
    let folder = folder(&server, 3, "");
    folder.stillbox(RUN).failed(75);
    let message = folder.stillbox(["run", "pipeline.toml", "--restart"]).failed(75);
    assert!(
        message.contains("the answers of batch batch-0 of model \"writer\" are not collected any more"),
        "{message}"
    );
    assert_eq!(server.jobs(), 2);
}

#[test]
fn a_batch_needs_a_run_that_can_be_continued() {
    let server = BatchServer::new(all_answered);
    let folder = folder(&server, 3, "");
    let message = folder.stillbox(["run", "pipeline.toml", "--output", "-"]).failed(2);
    insta::assert_snapshot!(message, @r#"
    error: model "writer" has `batch = true`, and no later run could collect the answers: it writes to the standard output
      --> pipeline.toml:20:1
       |
    20 | [[model]]
       | ^^^^^^^^^
       |
       = help: write and read regular files, or leave out `batch` of the model
    "#);
    assert_eq!(server.jobs(), 0);
}
