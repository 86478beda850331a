//! `--bundle` and `stillbox replay`: the call of a failure, made again somewhere else.
//!
//! Every replay has another cache, another folder, and no server: those of the runs have ended.

mod cases;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stillbox::bundle::{Bundle, Bundles};
use stillbox::{Engine, RunOptions};
use stillbox_author::cases::{WriteCaseError, write_case};
use stillbox_test_guests::{
    ASK, BAD_LOOP, BAD_MEMORY_STEPS, BAD_PANIC, BAD_SLEEP, BAD_UNREACHABLE, COUNT_TEXTS, FETCH, REFUSE, REPEAT_SECRET,
    TELL_NOW, TELL_TIMES,
};

use crate::harness::rows::with_ids;
use crate::harness::{
    Folder, Outcome, PipelineFile, Server, Table, component_step, ok, outcome, python, response, step, wat,
};

/// The bundles in a folder, sorted.
fn bundles(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("there are bundles");
    let mut bundles: Vec<_> = entries.map(|entry| entry.expect("as above").path()).collect();
    bundles.sort();
    bundles
}

/// Runs the pipeline, which fails, and returns a folder with the bundle of the failure and nothing else.
fn failed(folder: &Folder, pipeline: &PipelineFile) -> Folder {
    let stderr = folder.run_with(pipeline, ["--bundle", "bundles"]).failed(1);
    assert!(stderr.contains("1 bundle written; make the call again with: stillbox replay bundles/"), "{stderr}");
    elsewhere(folder)
}

/// Moves the only bundle to another folder.
fn elsewhere(folder: &Folder) -> Folder {
    let written = bundles(&folder.join("bundles"));
    let [bundle] = written.as_slice() else { panic!("{written:?}") };
    let elsewhere = Folder::new();
    fs::copy(bundle, elsewhere.join("failure.bundle")).expect("it is a file");
    elsewhere
}

/// Replays the bundle with a cache of its own.
fn replay(folder: &Folder, arguments: &[&str]) -> Outcome {
    let cache = folder.state().join("cache");
    outcome(folder.command().env("STILLBOX_CACHE", cache).args(["replay", "failure.bundle"]).args(arguments))
}

/// Replays the bundle, and fails unless its record comes again. Returns the record.
fn same(folder: &Folder) -> Value {
    let outcome = replay(folder, &["--json"]).succeeded();
    let json = outcome.json();
    assert_eq!((&json["outcome"], &json["notes"]), (&json!("same"), &json!([])), "{json:#}");
    for key in ["kind", "message", "row", "location", "causes", "code", "limit", "step", "component", "hint"] {
        assert_eq!(json["failure"][key], json["recorded"][key], "{key}: {json:#}");
    }
    json["failure"].clone()
}

#[test]
fn failures_of_a_sandbox_come_again_elsewhere() {
    let short = "time = \"300ms\"";
    for (guest, name, limits, kind) in [
        (BAD_UNREACHABLE, "bad_unreachable", "time = \"30s\"", "trap"),
        (BAD_PANIC, "bad_panic", "time = \"30s\"", "panic"),
        (BAD_LOOP, "bad_loop", short, "timeout"),
        (BAD_SLEEP, "bad_sleep", short, "timeout"),
        (BAD_MEMORY_STEPS, "bad_memory_steps", "memory = \"16MiB\"", "memory"),
    ] {
        let folder = Folder::with(&[guest]);
        folder.write("input.jsonl", with_ids(0..6));
        let elsewhere = failed(&folder, &PipelineFile::new().add(step(name).limits(limits)));
        let record = same(&elsewhere);
        assert_eq!(record["kind"], kind, "{name}");
        assert_eq!(record["row"], json!({ "index": 3, "file": "input.jsonl", "line": 4 }), "{name}");
    }
}

#[test]
fn clocks_and_random_numbers_are_those_of_the_first_call() {
    let folder = Folder::with(&[TELL_NOW]);
    folder.write("input.jsonl", with_ids(7..8));
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("tell_now")));
    let record = same(&elsewhere);
    assert!(record["message"].as_str().is_some_and(|message| message.starts_with("row 7 at ")), "{record}");
}

#[test]
fn a_denied_request_is_denied_again() {
    let folder = Folder::with(&[FETCH]);
    folder.write("input.jsonl", "{\"url\":\"https://a.example/b?c=d\",\"method\":\"POST\",\"body\":\"e\"}\n");
    let record = same(&failed(&folder, &PipelineFile::new().add(step("fetch"))));
    assert_eq!(record["kind"], "denied");
}

#[test]
fn responses_and_errors_of_requests_come_again_without_a_network() {
    let server = Server::new(|request| match request.path() {
        "/good" => response("201 Created", "x-a: b\r\n", "{\"limit\": 5}"),
        _ => response("200 OK", "content-length: 100\r\nconnection: close\r\n", "short"),
    });
    let folder = Folder::with(&[FETCH]);
    let row = |url: &str| format!("{}\n", json!({ "url": url }));
    let grant = format!("addresses = [\"{}\"]", server.address);
    let (good, broken) = (server.url("/good"), server.url("/broken"));
    folder.write("input.jsonl", [row(&good), row(&good), row(&broken)].concat());
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("fetch").allow_http(&server.url("/"), &grant)));
    assert_eq!(server.requests().len() % 3, 0, "the row is searched for");
    drop(server);
    same(&elsewhere);
    let bundle = Bundle::open(&elsewhere.join("failure.bundle")).expect("it was written");
    let (responses, others) = bundle.responses();
    assert_eq!((responses.len(), others), (2, 1));
    assert_eq!((responses[0].status, &*responses[0].body), (201, &b"{\"limit\": 5}"[..]));
    // Only two rows, whose responses are in the bundle.
    let outcome = replay(&elsewhere, &["--rows", "0..2"]);
    assert_eq!((outcome.code, outcome.text()), (Some(3), "the call passes, with 2 rows\n"));
}

#[test]
fn answers_and_errors_of_models_come_again_without_a_server() {
    let answer = |text: &str| {
        let choice = json!({ "message": { "content": text }, "finish_reason": "stop" });
        ok(&json!({ "model": "m", "choices": [choice], "usage": { "prompt_tokens": 1, "completion_tokens": 1 } })
            .to_string())
    };
    for (prompt, kind) in [("rejected", "guest-error"), ("unauthorized", "model")] {
        let server = Server::new(move |request| {
            let body: Value = serde_json::from_slice(&request.body).expect("a request is JSON");
            let error = |status: &str| response(status, "", "{\"error\":{\"message\":\"not this one\"}}");
            match body["messages"][0]["content"].as_str() {
                Some("rejected") => error("400 Bad Request"),
                Some("unauthorized") => error("401 Unauthorized"),
                _ => answer("fine"),
            }
        });
        let folder = Folder::with(&[ASK]);
        folder.write("input.jsonl", format!("{{\"prompt\":\"a\"}}\n{{\"prompt\":\"{prompt}\"}}\n"));
        let model = format!("[[model]]\nname = \"writer\"\nurl = {:?}\nmodel = \"small\"", server.url("/v1"));
        let pipeline = PipelineFile::new().add(step("ask").set("model", "\"writer\"")).toml(&model);
        let elsewhere = failed(&folder, &pipeline);
        drop(server);
        assert_eq!(same(&elsewhere)["kind"], kind, "{prompt}");
    }
}

#[test]
fn an_exception_of_a_python_step_comes_again() {
    let component = python::component(&Path::new(crate::harness::ROOT).join("tests/python/misbehave"));
    let folder = Folder::new();
    folder.write("input.jsonl", with_ids(0..6));
    let step = component_step("misbehave", &component).parameters("how = \"raise-with-causes\"");
    let record = same(&failed(&folder, &PipelineFile::new().batch_rows(2).add(step)));
    assert!(record["message"].as_str().is_some_and(|message| message.contains("no rule for the row")), "{record}");
    assert!(record["location"]["file"].as_str().is_some_and(|file| file.contains(".py")), "{record}");
}

#[test]
fn the_calls_of_an_aggregate_and_of_a_source_come_again() {
    let folder = Folder::new();
    folder.write("input.jsonl", with_ids(0..5));
    folder.write("aggregate.wasm", wat::aggregate_with_finish("(func (export \"finish\") (result i32) unreachable)"));
    let record =
        same(&failed(&folder, &PipelineFile::new().batch_rows(2).add(component_step("sum", "aggregate.wasm"))));
    assert_eq!((&record["kind"], &record["step"]), (&json!("trap"), &json!("sum")));
    let folder = Folder::with(&[COUNT_TEXTS]);
    folder.write("input.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n{\"text\":null}\n");
    let record = same(&failed(&folder, &PipelineFile::new().batch_rows(1).add(step("count_texts"))));
    assert_eq!(record["kind"], "incompatible");
    let elsewhere = elsewhere(&folder);
    let bundle = Bundle::open(&elsewhere.join("failure.bundle")).expect("it was written");
    assert_eq!(bundle.batches().len(), 3);
}

#[test]
fn another_component_is_fixed_or_fails_in_its_own_way() {
    let folder = Folder::with(&[BAD_PANIC]);
    folder.write("input.jsonl", with_ids(0..6));
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("bad_panic")));
    let fixed = replay(&elsewhere, &["--component", TELL_TIMES]);
    assert_eq!((fixed.code, fixed.text()), (Some(0), "fixed: the call passes, with 6 rows\n"));
    let other = replay(&elsewhere, &["--component", BAD_UNREACHABLE]);
    assert_eq!(other.code, Some(1));
    assert!(
        other.text().starts_with("not fixed: another failure: the kind was panic, and is trap; "),
        "{}",
        other.text()
    );
    let own = replay(&elsewhere, &["--component", BAD_PANIC]);
    assert_eq!((own.code, own.text()), (Some(0), "the same failure\n"));
    let before = replay(&elsewhere, &["--rows", "0..3"]);
    assert_eq!((before.code, before.text()), (Some(3), "the call passes, with 3 rows\n"));
    let after = replay(&elsewhere, &["--rows", "3..5", "--json"]);
    assert_eq!((after.code, &after.json()["failure"]["row"]["line"]), (Some(0), &json!(4)));
    let message = replay(&elsewhere, &["--rows", "5..9"]).failed(2);
    assert!(message.contains("has 6 rows, counted from 0, and not 5..9"), "{message}");
}

#[test]
fn a_bundle_becomes_a_case_that_passes_until_the_step_is_fixed() {
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", with_ids(0..4));
    let refuse = step("refuse").parameters("id = 2");
    let elsewhere = failed(&folder, &PipelineFile::new().add(refuse));
    let written = replay(&elsewhere, &["--to-case", "cases/refused"]).succeeded();
    assert_eq!(written.text().lines().count(), 4, "{}", written.text());
    assert_eq!(elsewhere.text("cases/refused/expected-failure.toml").lines().last(), Some("row = 3"));
    let test = |component: &str| elsewhere.stillbox(["test", ".", "--component", component]);
    test(REFUSE).succeeded();
    let fixed = test(TELL_TIMES);
    assert_eq!(fixed.code, Some(1), "{fixed:?}");
    let message = replay(&elsewhere, &["--to-case", "cases/none", "--rows", "2..9"]).failed(2);
    assert!(message.contains("has 4 rows, counted from 0, and not 2..9"), "{message}");
    let bundle = Bundle::open(&elsewhere.join("failure.bundle")).expect("it was written");
    for (start, end) in [(3, 1), (2, 2), (10, 3)] {
        let rows = start..end;
        let error = write_case(&bundle, &elsewhere.join("cases/none"), Some(rows.clone())).expect_err("it is empty");
        assert!(
            matches!(&error, WriteCaseError::Rows(missing) if missing.rows == rows && missing.count == 4),
            "{error}"
        );
    }
    let message = replay(&elsewhere, &["--to-case", "cases/refused"]).failed(2);
    assert!(message.contains("is not empty"), "{message}");
}

#[test]
fn the_first_rejected_rows_have_bundles_and_so_has_the_failure_that_ends_the_run() {
    let folder = Folder::with(&[BAD_PANIC, TELL_NOW]);
    folder.write("input.jsonl", with_ids(0..30));
    let pipeline = PipelineFile::new().add(step("tell_now").on_failure("reject")).rejects();
    let stderr = folder.run_with(&pipeline, ["--bundle", "bundles"]).succeeded().stderr;
    // All rows of the batch are rejected by one call.
    assert!(stderr.contains("1 bundle written; "), "{stderr}");
    let pipeline = PipelineFile::new().batch_rows(1).add(step("tell_now").on_failure("reject")).rejects();
    let stderr = folder.run_with(pipeline, ["--bundle", "more"]).succeeded().stderr;
    assert!(stderr.contains("10 bundles written, and none for 20 more rejections; "), "{stderr}");
    let written = bundles(&folder.join("more"));
    assert_eq!(written.len(), 10);
    for bundle in written {
        let bundle = Bundle::open(&bundle).expect("it was written");
        assert!(bundle.reads_clocks(), "the log of each of these calls is in its bundle");
    }
    let toml = "[pipeline]\nname = \"p\"\nbundle-on-failure = \"own\"\n[[source]]\npath = \"input.jsonl\"\n[[step]]\nname = \"s\"\n\
                component = \"bad_panic.wasm\"\n[[sink]]\npath = \"output.jsonl\"\n";
    folder.run(toml).failed(1);
    assert_eq!(bundles(&folder.join("own")).len(), 1);
}

#[test]
fn a_bundle_has_no_secret_and_no_column_that_is_left_out() {
    const SECRET: &str = "Fz7q2LrW9x";
    let reversed: String = SECRET.chars().rev().collect();
    let folder = Folder::with(&[REPEAT_SECRET]);
    let row = json!({ "place": "message", "reversed": reversed, "id": SECRET, "private": "only mine" });
    folder.write("input.jsonl", format!("{row}\n"));
    folder.write("key", SECRET);
    let header = "secret = { header = \"authorization\", value = \"Bearer {key}\" }";
    let grant = |table: Table| table.allow_http("http://127.0.0.1:1/", header);
    let secrets = "[secrets]\nkey = { file = \"key\" }";
    let pipeline = PipelineFile::new().add(grant(step("repeat_secret"))).toml(secrets);
    folder.run_with(pipeline, ["--bundle", "bundles", "--columns", "id"]).failed(1);
    let elsewhere = elsewhere(&folder);
    let bytes = elsewhere.bytes("failure.bundle");
    for text in [SECRET, "only mine"] {
        assert!(!bytes.windows(text.len()).any(|window| window == text.as_bytes()), "{text}");
    }
    let bundle = Bundle::open(&elsewhere.join("failure.bundle")).expect("it was written");
    assert_eq!(bundle.left_out(), ["private"]);
    let outcome = replay(&elsewhere, &[]);
    assert!(outcome.stderr.contains("secrets were removed from the bundle"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the columns private"), "{}", outcome.stderr);
}

#[test]
fn a_secret_that_no_step_uses_is_not_in_a_bundle() {
    const SECRET: &str = "Fz7q2LrW9x";
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", format!("{}\n", json!({ "id": 2, "note": format!("the key is {SECRET}") })));
    folder.write("key", SECRET);
    let refuse = step("refuse").parameters("id = 2");
    let pipeline = PipelineFile::new().add(refuse).toml("[secrets]\nkey = { file = \"key\" }");
    let elsewhere = failed(&folder, &pipeline);
    let bytes = elsewhere.bytes("failure.bundle");
    assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()));
    let text = "the key is **********";
    assert!(bytes.windows(text.len()).any(|window| window == text.as_bytes()));
}

#[test]
fn a_bundle_whose_secrets_cannot_be_removed_is_not_written() {
    const SECRETS: [&str; 2] = ["12345678", "Fz7q2LrW9xSECRET"];
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", with_ids(2..3));
    folder.write("number", SECRETS[0]);
    folder.write("key", SECRETS[1]);
    let refuse = step("refuse").parameters("id = 2").limits("output-rows = 12345678");
    let refuse = refuse.table(format_args!("[step.allow.env]\nKEY = {:?}", SECRETS[1]));
    let secrets = "[secrets]\nnumber = { file = \"number\" }\nkey = { file = \"key\" }";
    let pipeline = PipelineFile::new().add(refuse).toml(secrets);
    let stderr = folder.run_with(pipeline, ["--bundle", "bundles"]).failed(1);
    assert!(stderr.contains("has no bundle: secrets cannot be removed from its record"), "{stderr}");
    assert!(!SECRETS.iter().any(|secret| stderr.contains(secret)), "{stderr}");
    assert!(!folder.join("bundles").exists());
}

#[test]
fn columns_of_bundles_without_bundles_are_an_error() {
    let folder = Folder::with(&[REFUSE]);
    folder.write("input.jsonl", with_ids(2..3));
    let pipeline = PipelineFile::new().add(step("refuse").parameters("id = 2"));
    let message = folder.run_with(&pipeline, ["--columns", "id"]).failed(2);
    assert!(message.contains("this run writes none; add `--bundle DIR`"), "{message}");
    let message = folder.run_with(&pipeline, ["--columns", "id", "--on", "ray"]).failed(2);
    assert!(message.contains("cannot be used with"), "{message}");
    folder.run_with(&pipeline, ["--columns", "id", "--bundle", "bundles"]).failed(1);
}

#[test]
fn a_bundle_that_would_be_too_large_has_no_component_or_is_not_written() {
    let folder = Folder::with(&[BAD_PANIC]);
    folder.write("input.jsonl", with_ids(0..6));
    folder.write_pipeline(PipelineFile::new().add(step("bad_panic")));
    let run = |bytes: u64, name: &str| {
        let bundles = Bundles::at(folder.join(name)).max_bytes(bytes);
        let engine = Engine::builder().threads(1).build();
        folder.load().run(&engine, &RunOptions::new().bundles(&bundles)).expect_err("the step fails");
        bundles
    };
    let written = run(8 << 10, "small").written();
    let bundle = Bundle::open(&written[0]).expect("it was written");
    assert!(bundle.component().is_none());
    let elsewhere = Folder::new();
    fs::copy(&written[0], elsewhere.join("failure.bundle")).expect("it is a file");
    let message = replay(&elsewhere, &[]).failed(2);
    assert!(message.contains("the component is not in the bundle (the bundle would be larger than 8KiB)"), "{message}");
    assert_eq!(replay(&elsewhere, &["--component", BAD_PANIC]).code, Some(0));
    let none = run(100, "none");
    assert!(none.written().is_empty());
    assert!(none.problems()[0].contains("and a bundle may have 100B"), "{:?}", none.problems());
}

#[test]
fn files_that_are_no_bundles_are_reported() {
    let folder = Folder::with(&[BAD_PANIC]);
    folder.write("input.jsonl", with_ids(0..6));
    let elsewhere = failed(&folder, &PipelineFile::new().add(step("bad_panic")));
    let bytes = elsewhere.bytes("failure.bundle");
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    for (content, expected) in [
        (&b"{}"[..], "it is truncated"),
        (&bytes[..bytes.len() / 2], "it is truncated"),
        (&changed, "the checksum is wrong"),
    ] {
        elsewhere.write("failure.bundle", content);
        let message = replay(&elsewhere, &[]).failed(2);
        assert!(message.contains(expected), "{message}");
    }
    let message = elsewhere.stillbox(["replay", "missing.bundle"]).failed(2);
    assert!(message.contains("cannot open `missing.bundle`"), "{message}");
}
