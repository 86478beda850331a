//! Requests of steps in Python: the SDK's client, and usual libraries.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::{column, rejecting, rejects};
use crate::harness::{Folder, ROOT, Server, Table, component_step, ok, python, response};

fn call_service() -> Table {
    component_step("call-service", &python::component(&folder_of_step()))
}

fn folder_of_step() -> PathBuf {
    Path::new(ROOT).join("tests/python/call-service")
}

fn write_calls(folder: &Folder, calls: &[(&str, String)]) {
    let rows = calls.iter().map(|(client, url)| format!("{}\n", json!({ "client": client, "url": url })));
    folder.write("input.jsonl", rows.collect::<String>());
}

#[test]
fn python_steps_send_requests_with_the_sdk_and_with_usual_libraries() {
    let server = Server::new(|request| match request.path() {
        "/moved" => response("302 Found", "location: /there\r\n", ""),
        path => {
            // What "hello" is in gzip.
            let is_compressed = request.header("accept-encoding").is_some_and(|value| value.contains("gzip"));
            if is_compressed && path == "/gzip" {
                let body =
                    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcbH\xcd\xc9\xc9\x07\x00\x86\xa6\x106\x05\x00\x00\x00";
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
                return [head.as_bytes(), body].concat();
            }
            ok(&format!("{} {path} {}", request.line.split(' ').next().unwrap_or_default(), request.body.len()))
        }
    });
    let folder = Folder::new();
    let clients = [
        ("sync", "/a", "GET /a 0"),
        ("async", "/a", "GET /a 0"),
        ("post", "/a", "200"),
        ("large", "/a", "POST /a 1000000"),
        ("gather", "/a", "GET /a 0 GET /a 0 GET /a 0"),
        ("requests", "/a?b=c", "GET /a?b=c 0"),
        ("requests", "/moved", "GET /there 0"),
        ("requests", "/gzip", "hello"),
        ("requests-post", "/a", "POST /a 8"),
        ("urllib3", "/a", "GET /a 0"),
        ("httpx", "/moved", "GET /there 0"),
        ("httpx", "/gzip", "hello"),
        ("httpx-async", "/a", "GET /a 0"),
        // A library that imports a part of itself on first use.
        ("idna", "/a", "xn--knigsgchen-b4a3dun"),
    ];
    write_calls(&folder, &clients.map(|(client, path, _)| (client, server.url(path))));
    let for_tests = component_step("call-service", &python::component_for_tests(&folder_of_step()));
    for table in [call_service(), for_tests] {
        let table = table.allow_http(&server.url("/"), "methods = [\"GET\", \"POST\"]");
        folder.run(rejecting(table)).succeeded();
        assert_eq!(rejects(&folder), []);
        assert_eq!(column(&folder, "answer"), clients.map(|(_, _, answer)| answer));
    }
}

#[test]
fn requests_of_python_steps_fail_with_a_reason_of_their_own() {
    let server = Server::new(|request| match request.path() {
        "/slow" => {
            std::thread::sleep(Duration::from_secs(2));
            ok("late")
        }
        "/error" => response("503 Service Unavailable", "retry-after: 7\r\n", "down"),
        path => ok(path),
    });
    let folder = Folder::new();
    let calls = [
        ("sync", "https://not.example/?key=0123456789".to_owned()),
        ("async", "http://127.0.0.1:1/".to_owned()),
        ("requests", "http://127.0.0.1:1/".to_owned()),
        ("requests", "https://other.example/".to_owned()),
        ("httpx", "http://127.0.0.1:1/".to_owned()),
        ("timeout", server.url("/slow")),
        ("header", server.url("/a")),
        ("sync", server.url("/error")),
        ("unknown", server.url("/a")),
        ("async", server.url("/last")),
    ];
    write_calls(&folder, &calls);
    let table = call_service().allow_http(&server.url("/"), "").allow_http("http://127.0.0.1:1/", "");
    folder.run(rejecting(table)).succeeded();
    assert_eq!(column(&folder, "answer"), ["/last"]);
    let expected = [
        ("denied", "GET https://not.example/ is not granted", "no grant covers this URL"),
        ("guest-error", "GET http://127.0.0.1:1/ failed: the connection was refused", "cannot connect"),
        ("guest-error", "requests.exceptions.ConnectionError", "cannot connect"),
        ("denied", "requests.exceptions.ConnectionError", "no grant covers this URL"),
        ("guest-error", "TransportError: GET http://127.0.0.1:1/ failed", "cannot connect"),
        ("guest-error", "TimeoutError", ""),
        ("guest-error", "a step may not set the header 'connection'", ""),
        ("guest-error", "returned the status 503: down", ""),
        ("guest-error", "ValueError: unknown client unknown", ""),
    ];
    let rejects = rejects(&folder);
    assert_eq!(rejects.len(), expected.len(), "{rejects:?}");
    for ((kind, message, hint), (own_kind, own_message, own_hint)) in expected.iter().zip(&rejects) {
        assert_eq!(kind, own_kind, "{own_message}: {own_hint}");
        assert!(own_message.contains(message), "{own_message}, not {message}");
        assert!(own_hint.contains(hint) && !own_hint.contains("0123456789"), "{own_hint}, not {hint}");
    }
}

#[test]
fn tasks_of_a_python_step_that_wait_for_each_other_are_an_error() {
    let folder = Folder::new();
    write_calls(&folder, &[("deadlock", String::new())]);
    folder.run(rejecting(call_service())).succeeded();
    let (_, message, _) = rejects(&folder).remove(0);
    assert!(message.contains("all tasks of the step wait for each other"), "{message}");
}
