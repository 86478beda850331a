//! `--otlp`: traces and metrics, sent to a collector that the test is.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stillbox_test_guests::{ADD_COLUMN, ASK, BAD_PANIC, KEEP_LONG};

use crate::harness::{Folder, Outcome, PipelineFile, Server, ok, outcome, response, step};

/// A pipeline whose second step drops a row.
fn folder() -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"ab\"}\n{\"text\":\"a\"}\n{\"text\":\"abc\"}\n");
    let keep = step("keep_long").parameters("min-bytes = 2");
    folder.write_pipeline(PipelineFile::new().batch_rows(2).add(step("add_column")).add(keep));
    folder
}

fn run(folder: &Folder, endpoint: &str) -> Outcome {
    outcome(folder.command().args(["run", "pipeline.toml", "--otlp", endpoint]))
}

/// The bodies that a collector got at a path.
fn received(collector: &Server, path: &str) -> Vec<Value> {
    let requests = collector.requests();
    let bodies = requests.iter().filter(|request| request.path() == path);
    bodies.map(|request| serde_json::from_slice(&request.body).expect("it is JSON")).collect()
}

fn spans(collector: &Server) -> Vec<Value> {
    let spans = |body: Value| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
    received(collector, "/v1/traces").into_iter().flat_map(spans).collect()
}

/// The metrics by name.
fn metric(collector: &Server, name: &str) -> Value {
    let bodies = received(collector, "/v1/metrics");
    let [body] = bodies.as_slice() else { panic!("{bodies:?}") };
    let metrics = body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    metrics.iter().find(|metric| metric["name"] == name).unwrap_or_else(|| panic!("{name}: {body:#}")).clone()
}

/// The attributes of a span or a point, without the kinds of their values.
fn attributes(of: &Value) -> Value {
    let value = |attribute: &Value| attribute["value"].as_object().unwrap().values().next().unwrap().clone();
    let pair = |attribute: &Value| (attribute["key"].as_str().unwrap().to_owned(), value(attribute));
    Value::Object(of["attributes"].as_array().unwrap().iter().map(pair).collect())
}

#[test]
fn a_collector_gets_spans_of_the_run_and_of_each_call_and_metrics() {
    let collector = Server::new(|_| ok("{}"));
    let folder = folder();
    let mut command = folder.command();
    command.args(["run", "pipeline.toml"]).env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url("/base"));
    command.env("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b").env("OTEL_SERVICE_NAME", "mine");
    let outcome = outcome(&mut command).succeeded();
    assert!(!outcome.stderr.contains("telemetry"), "{}", outcome.stderr);
    assert!(collector.requests().iter().all(|request| request.header("x-key") == Some("a b")));
    let bodies = received(&collector, "/base/v1/traces");
    assert_eq!(attributes(&bodies[0]["resourceSpans"][0]["resource"])["service.name"], "mine");
    let collector = Server::new(|_| ok("{}"));
    run(&folder, &collector.url("/")).succeeded();
    let spans = spans(&collector);
    let root = spans.iter().find(|span| span["name"] == "run test").expect("it is there");
    assert_eq!((&root["parentSpanId"], root["traceId"].as_str().map(str::len)), (&Value::Null, Some(32)));
    let calls: Vec<_> = spans.iter().filter(|span| span["name"] == "step keep_long").collect();
    assert_eq!(calls.len(), 2, "{spans:#?}");
    for call in calls {
        assert_eq!((&call["parentSpanId"], &call["traceId"]), (&root["spanId"], &root["traceId"]));
        let time = |span: &Value, key: &str| span[key].as_str().unwrap().parse::<u64>().unwrap();
        assert!(time(root, "startTimeUnixNano") <= time(call, "startTimeUnixNano"), "{call}");
        assert!(time(call, "endTimeUnixNano") <= time(root, "endTimeUnixNano"), "{call}");
        assert_eq!(attributes(call)["stillbox.function"], "process");
    }
    let points = metric(&collector, "stillbox.step.rows")["sum"]["dataPoints"].as_array().unwrap().clone();
    let dropped = json!({ "stillbox.step.name": "keep_long", "stillbox.rows.kind": "dropped" });
    assert_eq!(points.iter().find(|point| attributes(point) == dropped).unwrap()["asInt"], "1");
}

#[test]
fn requests_to_models_follow_the_conventions_for_generative_ai() {
    let models = Server::new(|request| {
        if request.body.windows(3).any(|window| window == b"bad") {
            return response("400 Bad Request", "", "{}");
        }
        let choice = json!({ "message": { "content": "yes" }, "finish_reason": "stop" });
        let usage = json!({ "prompt_tokens": 3, "completion_tokens": 2 });
        ok(&json!({ "model": "small-1", "choices": [choice], "usage": usage }).to_string())
    });
    let collector = Server::new(|_| ok("{}"));
    let folder = Folder::with(&[ASK]);
    folder.write("input.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\"bad\"}\n");
    let model = format!("[[model]]\nname = \"writer\"\nurl = {:?}\nmodel = \"small\"", models.url("/v1"));
    let ask = step("ask").set("model", "\"writer\"").on_failure("reject");
    folder.write_pipeline(PipelineFile::new().add(ask).rejects().toml(&model));
    run(&folder, &collector.url("/")).succeeded();
    let spans = spans(&collector);
    let call = spans.iter().find(|span| span["name"] == "step ask").expect("it is there");
    let mut requests: Vec<_> = spans.iter().filter(|span| span["name"] == "chat small").collect();
    requests.sort_by_key(|span| span["status"]["code"].as_u64());
    let [answered, rejected] = requests.as_slice() else { panic!("{spans:#?}") };
    assert_eq!((&answered["parentSpanId"], &answered["kind"]), (&call["spanId"], &json!(3)));
    let attributes = attributes(answered);
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.request.model", "small"),
        ("gen_ai.response.model", "small-1"),
        ("gen_ai.usage.input_tokens", "3"),
        ("gen_ai.usage.output_tokens", "2"),
        ("server.address", "127.0.0.1"),
    ] {
        assert_eq!(attributes[key], value, "{key}: {attributes}");
    }
    assert_eq!(self::attributes(rejected)["error.type"], "_OTHER");
    let tokens = metric(&collector, "gen_ai.client.token.usage");
    let points = tokens["histogram"]["dataPoints"].as_array().unwrap();
    let sums: Vec<_> = points.iter().map(|point| point["sum"].as_f64()).collect();
    assert_eq!(sums, [Some(3.0), Some(2.0)], "{tokens:#}");
}

#[test]
fn a_run_that_fails_has_its_error_in_its_span() {
    let collector = Server::new(|_| ok("{}"));
    let folder = Folder::with(&[BAD_PANIC]);
    folder.write("input.jsonl", "{\"id\":3,\"text\":\"a\"}\n");
    folder.write_pipeline(PipelineFile::new().add(step("bad_panic")));
    run(&folder, &collector.url("/")).failed(1);
    let spans = spans(&collector);
    let root = spans.iter().find(|span| span["name"] == "run test").expect("it is there");
    assert_eq!(root["status"]["code"], 2, "{root}");
}

#[test]
fn a_collector_that_is_missing_or_silent_or_refuses_does_not_fail_or_delay_the_run() {
    let folder = folder();
    let (release, wait) = channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let silent = Server::raw(move |stream| {
        let _ = wait.lock().map(|wait| wait.recv());
        drop(stream);
    });
    let refusing = Server::new(|_| response("503 Service Unavailable", "", ""));
    let closed = "http://127.0.0.1:1/".to_owned();
    for (endpoint, reason) in [
        (closed, "127.0.0.1:1"),
        (silent.url("/"), "there was no answer in"),
        (refusing.url("/"), "status 503 Service Unavailable"),
    ] {
        let start = Instant::now();
        let outcome = run(&folder, &endpoint).succeeded();
        assert!(start.elapsed() < Duration::from_secs(15), "{endpoint}: {:?}", start.elapsed());
        let warning = outcome.stderr.lines().find(|line| line.contains("telemetry could not be sent to"));
        let warning = warning.unwrap_or_else(|| panic!("{endpoint}: {}", outcome.stderr));
        assert!(warning.contains(reason), "{warning}");
        assert_eq!(folder.text("output.jsonl").lines().count(), 2);
    }
    drop(release);
    let message = run(&folder, "localhost").failed(2);
    assert!(message.contains("`--otlp` does not name an endpoint for telemetry"), "{message}");
}
