//! Cases of steps that send requests: recorded responses, `--record`, and the checks that need them.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use stillbox_test_guests::FETCH;

use super::{case, redact_measures, test};
use crate::harness::{Folder, Server, ok, response};

/// A server whose answers differ from request to request.
fn counting() -> Server {
    let count = AtomicUsize::new(0);
    Server::new(move |request| match request.path() {
        "/none" => response("404 Not Found", "content-type: text/plain\r\n", "no such page"),
        path => ok(&format!("{path} {} {}", count.fetch_add(1, Ordering::SeqCst), request.body.len())),
    })
}

fn input(server: &Server) -> String {
    let row = |path: &str, body: &str| {
        let method = if body.is_empty() { "GET" } else { "POST" };
        format!("{}\n", json!({ "url": server.url(path), "method": method, "body": body }))
    };
    row("/a?b=c", "") + &row("/a", "{\"text\":\n\n\"two lines\"}") + &row("/none", "")
}

/// The grant of all cases, as an option.
fn grant(server: &Server) -> String {
    format!("GET,POST {}", server.url("/"))
}

fn recorded_case(server: &Server) -> Folder {
    let folder = case(&[("input.jsonl", &input(server))]);
    let grant = grant(server);
    test(&folder, FETCH, &["--record", "--update", "--allow-http", &grant]).succeeded();
    folder
}

#[test]
fn recorded_responses_take_the_place_of_the_network() {
    let server = counting();
    let folder = recorded_case(&server);
    assert_eq!(server.requests().len(), 3, "each request is sent once");
    assert_eq!(folder.join("step/cases/one/http").read_dir().unwrap().count(), 3);
    // No grant is needed for them, and the checks run.
    let lines = test(&folder, FETCH, &["--message-format", "json"]).succeeded().json_lines();
    assert_eq!((&lines[0]["status"], &lines[0]["unchecked"]), (&json!("passed"), &json!([])));
    let answers: Vec<_> = folder.json_lines("step/cases/one/expected.jsonl");
    let answers: Vec<_> = answers.iter().map(|row| (&row["status"], row["answer"].as_str().unwrap())).collect();
    assert_eq!(answers, [(&json!(200), "/a?b=c 0 0"), (&json!(200), "/a 1 22"), (&json!(404), "no such page")]);
    assert_eq!(server.requests().len(), 3, "nothing was sent");
}

#[test]
fn a_run_that_fails_leaves_the_recorded_responses_as_they_are() {
    let server = counting();
    let folder = recorded_case(&server);
    let response = folder.text("step/cases/one/http/001.http");
    let grant = grant(&server);
    let failing = |file: &str, text: &str, message: &str| {
        folder.write(&format!("step/cases/one/{file}"), text);
        let errors = test(&folder, FETCH, &["--record", "--update", "--allow-http", &grant]).failed(1);
        assert!(errors.contains(message), "{errors}");
        assert_eq!(folder.join("step/cases/one/http").read_dir().unwrap().count(), 3);
        assert_eq!(folder.text("step/cases/one/http/001.http"), response);
    };
    failing("parameters.toml", "wrong = 1\n", "wrong");
    assert_eq!(server.requests().len(), 3, "nothing was sent");
    folder.write("step/cases/one/parameters.toml", "");
    // The first three rows get their responses, and the fourth does not fit the memory of the step.
    let large = json!({ "url": server.url("/a"), "body": "x".repeat(8 << 20) });
    let text = format!("{}{large}\n", input(&server));
    folder.write("step/cases/one/case.toml", "batch-rows = 1\n\n[limits]\nmemory = \"6MiB\"\n");
    failing("input.jsonl", &text, "memory");
    assert_eq!(server.requests().len(), 6);
    // A run without requests.
    folder.write("step/cases/one/case.toml", "");
    folder.write("step/cases/one/input.jsonl", "");
    test(&folder, FETCH, &["--record", "--update", "--allow-http", &grant]).succeeded();
    assert_eq!(folder.text("step/cases/one/http/001.http"), response);
}

#[test]
fn a_request_without_a_recorded_response_is_denied() {
    let server = counting();
    let folder = recorded_case(&server);
    folder.write("step/cases/one/input.jsonl", input(&server).replace("/none", "/other"));
    let errors = test(&folder, FETCH, &["--allow-http", &grant(&server)]).failed(1);
    assert!(errors.contains("there is no recorded response to it; `stillbox test --record` records them"), "{errors}");
    assert_eq!(server.requests().len(), 3, "nothing was sent");
}

/// A second answer of the server would differ, which says nothing about the step.
#[test]
fn checks_that_need_recorded_responses_are_not_made_without_them() {
    let _redacted = redact_measures();
    let server = counting();
    let expected =
        json!({ "url": server.url("/a"), "status": 200, "answer": "/a 0 0", "headers": "content-length: 6" });
    let row = json!({ "url": server.url("/a") });
    let folder = case(&[("input.jsonl", &format!("{row}\n")), ("expected.jsonl", &format!("{expected}\n"))]);
    let errors = test(&folder, FETCH, &[]).failed(1);
    assert!(errors.contains("to allow it, add to the case.toml of the case:\n"), "{errors}");
    assert!(errors.contains("[[allow.http]]\n"), "{errors}");
    let url = server.url("/");
    insta::assert_snapshot!(test(&folder, FETCH, &["--allow-http", &url]).succeeded().stderr, @"
       PASS step/one  1 -> 1 rows
    warning not checked: `determinism`, `single-rows`, `random-batches`, because the responses to its requests are not recorded; `stillbox test --record step` records them
    Summary 1 passed
    ");
    assert_eq!(server.requests().len(), 1);
    let lines = test(&folder, FETCH, &["--allow-http", &url, "--message-format", "json"]).json_lines();
    assert_eq!(lines[0]["status"], "failed", "the answer is another one");
    assert_eq!(lines[0]["unchecked"], json!(["determinism", "single-rows", "random-batches"]));
}
