//! Requests that are granted, and those that are not.

use stillbox::grants::HttpGrant;
use stillbox::{BindError, Engine, FailureKind};
use stillbox_test_guests::{FETCH, FETCH_TOGETHER};

use super::{column, fetch, rejecting, rejects, write_urls};
use crate::harness::{Folder, PipelineFile, Server, ok, paths, redact, response, step};

#[test]
fn a_granted_request_is_sent_and_its_response_returned() {
    let server = Server::new(|request| {
        let body = format!("{} {}", request.line, String::from_utf8_lossy(&request.body));
        response("201 Created", "x-answer: yes\r\n", &body)
    });
    let folder = Folder::with(&[FETCH]);
    let row =
        serde_json::json!({ "url": server.url("/v1/a?b=c"), "method": "POST", "body": "text", "header": "x-own: 1" });
    folder.write("input.jsonl", format!("{row}\n"));
    let grant = fetch().allow_http(&server.url("/v1/"), "methods = [\"POST\"]");
    folder.run(PipelineFile::new().add(grant)).succeeded();
    assert_eq!(column(&folder, "status"), ["201"]);
    assert_eq!(column(&folder, "answer"), ["POST /v1/a?b=c HTTP/1.1 text"]);
    assert!(column(&folder, "headers")[0].contains("x-answer: yes"));
    let requests = server.requests();
    assert_eq!(requests[0].header("host"), Some(server.address.to_string().as_str()));
    assert_eq!(requests[0].header("x-own"), Some("1"));
}

#[test]
fn a_request_without_a_grant_is_denied_with_the_lines_to_add() {
    let server = Server::new(|_| ok("never"));
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/v1/items?key=0123456789")]);
    let message = folder.run(PipelineFile::new().add(fetch())).failed(1);
    let filters = [(server.address.to_string(), "[ADDRESS]")];
    let _guard = redact(paths().into_iter().chain(filters));
    insta::assert_snapshot!(message, @r#"
    denied in step fetch: GET http://[ADDRESS]/v1/items is not granted
      at: input.jsonl:1 (batch 0)
      source: tests/guests/programs/examples/fetch.rs:32:28
      hint: the step tried to send GET http://[ADDRESS]/v1/items, and no grant covers this URL; to allow it, add to the step:
      | [[step.allow.http]]
      | url = "http://[ADDRESS]/v1/items"
    "#);
    assert!(!message.contains("0123456789"), "the query is in the message");
    assert_eq!(server.connections(), 0);
}

#[test]
fn the_lines_of_a_denial_are_those_that_were_missing() {
    let server = Server::new(|_| ok("fine"));
    let folder = Folder::with(&[FETCH]);
    let localhost = format!("http://localhost:{}/a", server.address.port());
    let row = serde_json::json!({ "url": localhost, "method": "PUT" });
    folder.write("input.jsonl", format!("{row}\n"));
    let lines = |table| {
        folder.run(rejecting(table)).succeeded();
        let (kind, _, hint) = rejects(&folder).remove(0);
        assert_eq!(kind, "denied", "{hint}");
        hint.split_once(":\n").expect("the hint has lines").1.to_owned()
    };
    let for_grant = lines(fetch());
    let for_address = lines(fetch().table(&for_grant));
    let table = fetch().table(for_address).table("methods = [\"PUT\"]");
    folder.run(PipelineFile::new().add(table)).succeeded();
    assert_eq!(column(&folder, "answer"), ["fine"]);
}

#[test]
fn rows_of_an_async_step_are_fetched_at_the_same_time_over_few_connections() {
    let server = Server::new(|request| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        ok(request.path())
    });
    let folder = Folder::with(&[FETCH_TOGETHER]);
    let urls: Vec<String> = (0..200).map(|id| server.url(&format!("/{id}"))).collect();
    write_urls(&folder, &urls);
    let grant = step("fetch_together").allow_http(&server.url("/"), "limits = { concurrency = 8 }");
    folder.run_with(PipelineFile::new().batch_rows(50).add(grant), ["--threads", "2"]).succeeded();
    let expected: Vec<String> = (0..200).map(|id| format!("/{id}")).collect();
    assert_eq!(column(&folder, "answer"), expected);
    assert!(server.connections() <= 8, "{} connections", server.connections());
    assert!(server.connections() > 1, "the requests were sent one after the other");
}

/// All instances share the rate: 24 requests are at least 23 distances apart, however the machine is loaded.
#[test]
fn a_rate_holds_for_all_instances_of_a_step() {
    let server = Server::new(|request| ok(request.path()));
    let folder = Folder::with(&[FETCH_TOGETHER]);
    let urls: Vec<String> = (0..24).map(|id| server.url(&format!("/{id}"))).collect();
    write_urls(&folder, &urls);
    let grant = step("fetch_together").allow_http(&server.url("/"), "limits = { requests-per-minute = 600 }");
    let start = std::time::Instant::now();
    folder.run_with(PipelineFile::new().batch_rows(4).add(grant), ["--threads", "2"]).succeeded();
    assert!(start.elapsed() > std::time::Duration::from_millis(2250), "{:?}", start.elapsed());
    let expected: Vec<String> = (0..24).map(|id| format!("/{id}")).collect();
    assert_eq!(column(&folder, "answer"), expected);
}

#[test]
fn a_failed_row_of_an_async_step_is_rejected_alone() {
    let server = Server::new(|request| match request.path() {
        "/2" => response("404 Not Found", "", "no such page"),
        path => ok(path),
    });
    let folder = Folder::with(&[FETCH_TOGETHER]);
    write_urls(&folder, &[1, 2, 3].map(|id| server.url(&format!("/{id}"))));
    folder.run(rejecting(step("fetch_together").allow_http(&server.url("/"), ""))).succeeded();
    assert_eq!(column(&folder, "answer"), ["/1", "/3"]);
    let [(kind, message, _)] = &rejects(&folder)[..] else { panic!("one row is rejected") };
    assert_eq!(kind, "guest-error");
    assert!(message.ends_with("returned the status 404: no such page"), "{message}");
}

/// The rows of a batch are processed at the same time, and each has a reason of its own.
#[test]
fn each_row_of_a_batch_has_the_reason_of_its_own_request() {
    let server = Server::new(|_| ok("fine"));
    let refused = format!("http://{}/", closed_port());
    let folder = Folder::with(&[FETCH_TOGETHER]);
    write_urls(&folder, &[server.url("/b/"), refused.clone(), server.url("/a/"), "http://not.example/".into()]);
    let table = step("fetch_together").allow_http(&server.url("/a/"), "").allow_http(&refused, "");
    folder.run(rejecting(table)).succeeded();
    assert_eq!(column(&folder, "answer"), ["fine"]);
    let [other, down, name] = &rejects(&folder)[..] else { panic!("three rows are rejected") };
    assert_eq!((other.0.as_str(), down.0.as_str(), name.0.as_str()), ("denied", "guest-error", "denied"));
    assert!(other.2.contains("/b/, and no grant covers this URL"), "{}", other.2);
    assert!(down.2.starts_with(&format!("the request failed: GET {refused}: cannot connect")), "{}", down.2);
    assert!(name.2.contains("http://not.example/, and no grant covers this URL"), "{}", name.2);
}

/// An address where nothing listens.
fn closed_port() -> std::net::SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[test]
fn redirects_are_returned_and_not_followed() {
    let other = Server::new(|_| ok("never"));
    let location = format!("location: {}\r\n", other.url("/"));
    let server = Server::new(move |_| response("302 Found", &location, ""));
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/")]);
    folder.run(PipelineFile::new().add(fetch().allow_http(&server.url("/"), ""))).succeeded();
    assert_eq!(column(&folder, "status"), ["302"]);
    assert_eq!(other.connections(), 0);
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let proxy = Server::new(|_| ok("from the proxy"));
    let server = Server::new(|_| ok("from the server"));
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/")]);
    folder.write_pipeline(PipelineFile::new().add(fetch().allow_http(&server.url("/"), "")));
    let mut command = folder.command();
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, proxy.url(""));
    }
    crate::harness::outcome(command.args(["run", "pipeline.toml"])).succeeded();
    assert_eq!(column(&folder, "answer"), ["from the server"]);
}

#[test]
fn the_options_of_the_command_grant_the_same() {
    let server = Server::new(|_| ok("fine"));
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/a")]);
    folder.write_pipeline(PipelineFile::new().add(fetch()));
    folder.stillbox(["run", "pipeline.toml", "--allow-http", &server.url("/")]).succeeded();
    assert_eq!(column(&folder, "answer"), ["fine"]);
    folder.stillbox(["check", "pipeline.toml", "--allow-http", &server.url("/")]).succeeded();
    let url = server.url("/");
    let outcome = folder.stillbox(["pipe", "fetch.wasm", "--input", "input.jsonl", "--allow-http", &url]).succeeded();
    assert_eq!(outcome.json_lines()[0]["answer"], "fine");
    let printed = folder.stillbox(["pipe", "fetch.wasm", "--allow-http", &url, "--print"]).succeeded();
    assert!(printed.text().contains(&format!("[[step.allow.http]]\nurl = \"{url}\"")), "{}", printed.text());
}

#[test]
fn a_step_of_the_library_takes_grants() {
    use arrow_array::{RecordBatch, StringArray, cast::AsArray as _};
    let server = Server::new(|_| ok("fine"));
    let urls = StringArray::from(vec![server.url("/")]);
    let batch = RecordBatch::try_from_iter([("url", std::sync::Arc::new(urls) as _)]).unwrap();
    let engine = Engine::builder().threads(1).build();
    let bound = engine.step(FETCH).bind(&batch.schema()).unwrap();
    let denied = bound.call(&batch).unwrap().rejected;
    assert_eq!(denied[0].failure.kind, FailureKind::Denied);
    let grant = HttpGrant::new(&server.url("/")).unwrap();
    let bound = engine.step(FETCH).allow(grant).bind(&batch.schema()).unwrap();
    let result = bound.call(&batch).unwrap().batch;
    assert_eq!(result.column_by_name("answer").unwrap().as_string::<i32>().value(0), "fine");
    let folder = stillbox::grants::DirGrant::write("/tmp/x");
    assert!(matches!(engine.step(FETCH).allow(folder).bind(&batch.schema()), Err(BindError::Grants(_))));
}

#[test]
fn equal_requests_get_the_stored_response() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::new(move |request| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let headers = format!("x-number: {number}\r\ndate: {number}\r\n");
        match request.path() {
            "/busy" => response("503 Service Unavailable", &headers, "busy"),
            "/none" => response("404 Not Found", &headers, "none"),
            path => response("200 OK", &headers, &format!("{number} {path} {}", request.body.len())),
        }
    });
    let folder = Folder::with(&[FETCH]);
    // The cache is that of all tests, and another one may have had the same port.
    let own = folder.path().file_name().unwrap().to_string_lossy().into_owned();
    let row = |method: &str, path: &str, body: &str| {
        let row = serde_json::json!({ "url": server.url(path), "method": method, "body": body, "header": format!("x-own: {own}") });
        format!("{row}\n")
    };
    let rows = [row("GET", "/a?b", ""), row("POST", "/a?b", "x"), row("POST", "/a?b", "y"), row("GET", "/none", "")];
    folder.write("input.jsonl", rows.concat());
    let grant = "methods = [\"GET\", \"POST\"]";
    let table = || fetch().table("cache = \"responses\"").allow_http(&server.url("/"), grant);
    folder.write_pipeline(PipelineFile::new().add(table()));
    let run = || folder.stillbox(["run", "pipeline.toml"]).succeeded();
    run();
    let first = folder.text("output.jsonl");
    assert_eq!(column(&folder, "answer"), ["0 /a?b 0", "1 /a?b 1", "2 /a?b 1", "none"]);
    assert_eq!(server.requests().len(), 4);
    run();
    assert_eq!(folder.text("output.jsonl"), first);
    assert_eq!(server.requests().len(), 4);
    // An error of the server may be another one later.
    folder.write("input.jsonl", row("GET", "/busy", "") + &row("GET", "/a?b", ""));
    run();
    run();
    assert_eq!(column(&folder, "answer"), ["busy", "0 /a?b 0"]);
    assert_eq!(server.requests().len(), 6);
    // A stored response needs a grant, as a request that is sent does.
    folder.write_pipeline(rejecting(fetch().table("cache = \"responses\"").allow_http(&server.url("/b/"), grant)));
    run();
    assert_eq!(rejects(&folder)[0].0, "denied");
    // Without a grant, there is nothing to store.
    let message = folder.run(PipelineFile::new().add(fetch().table("cache = \"responses\""))).failed(2);
    assert!(message.contains("is granted no requests by HTTP"), "{message}");
    let message = folder.run(PipelineFile::new().add(fetch().table("cache = \"answers\""))).failed(2);
    assert!(message.contains("`cache` in [[step]] is \"answers\", which is not a mode"), "{message}");
}

#[test]
fn a_step_with_requests_is_not_cached() {
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &["http://127.0.0.1:1/".into()]);
    let table = fetch().cached().allow_http("http://127.0.0.1:1/", "");
    let message = folder.run(PipelineFile::new().add(table)).failed(2);
    assert!(message.contains("`cache = true` and is granted requests by HTTP"), "{message}");
    assert!(message.contains("write `cache = \"responses\"`"), "{message}");
}
