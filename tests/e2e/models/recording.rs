//! Cases of steps with models: recorded answers, and `stillbox test --record --set-model`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use stillbox_test_guests::{ASK, ASK_TWICE, EMBED_TEXTS};

use super::{answer, error, finished, prompt, server};
use crate::harness::{Folder, Outcome, Server, outcome};

const KEY: &str = "sk-test-6f0c2f1d9a";
/// Answers that were recorded before.
const BEFORE: &str = "{\"answer\":\"recorded\"}\n";
/// Bytes of an answer that do not fit the memory of a step with a limit of 6 MiB.
const LARGE: usize = 8 << 20;

fn case(prompts: &[&str]) -> Folder {
    let folder = Folder::new();
    let rows: String = prompts.iter().map(|prompt| format!("{}\n", json!({ "prompt": prompt }))).collect();
    folder.write("step/cases/one/input.jsonl", rows);
    folder
}

fn test(folder: &Folder, component: &str, arguments: &[&str]) -> Outcome {
    let mut command = folder.command();
    command.args(["test", "step", "--component", component]).args(arguments).env("TEST_KEY", KEY);
    outcome(&mut command)
}

/// The arguments that record the answers of a server.
fn recording<'a>(url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["--record", "--update", "--set-model", url, "--set-model", "default.model=small"];
    for setting in more {
        arguments.extend(["--set-model", *setting]);
    }
    arguments
}

fn url(server: &Server, role: &str) -> String {
    format!("{role}.url={}", server.url("/v1"))
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let (mut files, mut left) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { left.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn recorded_answers_take_the_place_of_a_model() {
    let server = server(|prompt| match prompt {
        "forbidden" => error("400 Bad Request", "", &format!("not this prompt, {KEY}")),
        "long" => finished("and so on", "length"),
        prompt => answer(&format!("to {prompt}, {KEY}")),
    });
    let folder = case(&["b", "forbidden", "a", "long", "a"]);
    let url = url(&server, "default");
    let printed = test(&folder, ASK, &recording(&url, &["default.key=TEST_KEY", "default.retries=0"])).succeeded();
    assert!(printed.stderr.contains("cases/one/answers.jsonl"), "{}", printed.stderr);
    assert_eq!(server.requests().len(), 5);
    assert_eq!(server.requests()[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let lines = folder.json_lines("step/cases/one/answers.jsonl");
    let line = |prompt: &str| json!({ "messages": [{ "role": "user", "content": prompt }] });
    assert_eq!(lines[0]["request"], line("a"));
    let results: Vec<_> =
        lines.iter().map(|line| line["answer"].as_str().or(line["error"].as_str()).unwrap()).collect();
    assert_eq!(results[0], results[1]);
    assert!(results[0].starts_with("to a, "), "{results:?}");
    assert!(results[3].starts_with("the server rejects the request: status 400 Bad Request: not this"), "{results:?}");
    assert_eq!(results[4], "the answer was cut off after 2 tokens");
    for file in files(folder.path()).iter().chain(&files(folder.state())) {
        let bytes = fs::read(file).unwrap();
        assert!(!bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes()), "the key is in {}", file.display());
    }
    let lines = test(&folder, ASK, &["--message-format", "json"]).succeeded().json_lines();
    assert_eq!((&lines[0]["status"], &lines[0]["unchecked"]), (&json!("passed"), &json!([])));
    assert_eq!(server.requests().len(), 5, "nothing was sent");
}

#[test]
fn answers_of_several_models_and_embeddings_are_recorded() {
    let server = Server::new(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        if let Some(texts) = body["input"].as_array() {
            let data: Vec<_> = texts.iter().map(|_| json!({ "embedding": [0.5, 1] })).collect();
            return crate::harness::ok(&json!({ "data": data }).to_string());
        }
        answer(&format!("{} says {}", body["model"].as_str().unwrap(), prompt(&body)))
    });
    let folder = case(&["a"]);
    folder.write("step/cases/one/parameters.toml", "role = \"judge\"\n");
    let (default, judge) = (url(&server, "default"), url(&server, "judge"));
    test(&folder, ASK, &recording(&default, &[&judge, "judge.model=large"])).succeeded();
    let lines = folder.json_lines("step/cases/one/answers.jsonl");
    assert_eq!((&lines[0]["model"], &lines[0]["answer"]), (&json!("judge"), &json!("large says a")));
    let folder = case(&["a", "b"]);
    test(&folder, ASK_TWICE, &recording(&default, &[])).succeeded();
    assert_eq!(folder.json_lines("step/cases/one/answers.jsonl").len(), 4);
    test(&folder, ASK_TWICE, &[]).succeeded();
    let folder = Folder::new();
    folder.write("step/cases/one/input.jsonl", "{\"text\":\"a\"}\n{\"text\":\"b\"}\n");
    test(&folder, EMBED_TEXTS, &recording(&default, &[])).succeeded();
    let expected = "{\"request\":{\"input\":\"a\"},\"embedding\":[0.5,1.0]}\n{\"request\":{\"input\":\"b\"},\"embedding\":[0.5,1.0]}\n";
    assert_eq!(folder.text("step/cases/one/answers.jsonl"), expected);
    test(&folder, EMBED_TEXTS, &[]).succeeded();
}

#[test]
fn a_model_that_answers_no_request_leaves_the_recorded_answers_as_they_are() {
    let server = server(|_| error("401 Unauthorized", "", "wrong key"));
    let folder = case(&["a"]);
    folder.write("step/cases/one/answers.jsonl", BEFORE);
    let url = url(&server, "default");
    let errors = test(&folder, ASK, &recording(&url, &[])).failed(1);
    assert!(errors.contains("the server of model \"default\" accepts no request"), "{errors}");
    assert!(errors.contains("wrong key"), "{errors}");
    assert_eq!(folder.text("step/cases/one/answers.jsonl"), BEFORE);
    assert!(!folder.contains("step/cases/one/expected.jsonl"));
}

#[test]
fn a_step_that_does_not_start_leaves_the_recorded_answers_as_they_are() {
    let server = server(|_| answer("fine"));
    let folder = case(&["a"]);
    folder.write("step/cases/one/answers.jsonl", BEFORE);
    folder.write("step/cases/one/parameters.toml", "rolle = \"judge\"\n");
    let url = url(&server, "default");
    let errors = test(&folder, ASK, &recording(&url, &[])).failed(1);
    assert!(errors.contains("rolle"), "{errors}");
    assert_eq!(server.requests().len(), 0);
    assert_eq!(folder.text("step/cases/one/answers.jsonl"), BEFORE);
}

#[test]
fn a_run_that_stops_early_leaves_the_recorded_answers_as_they_are() {
    let server = server(|prompt| answer(&prompt.repeat(if prompt == "b" { LARGE } else { 1 })));
    let folder = case(&["a", "b", "c"]);
    folder.write("step/cases/one/answers.jsonl", BEFORE.repeat(3));
    folder.write("step/cases/one/case.toml", "batch-rows = 1\n\n[limits]\nmemory = \"6MiB\"\n");
    let url = url(&server, "default");
    let errors = test(&folder, ASK, &recording(&url, &[])).failed(1);
    assert!(errors.contains("memory"), "{errors}");
    assert_eq!(server.requests().len(), 2, "the third row was not reached");
    assert_eq!(folder.text("step/cases/one/answers.jsonl"), BEFORE.repeat(3));
    // If the case expects the failure, the answers up to it are all that the case needs.
    folder.write("step/cases/one/expected-failure.toml", "kind = \"memory\"\n");
    test(&folder, ASK, &recording(&url, &[])).succeeded();
    let lines = folder.json_lines("step/cases/one/answers.jsonl");
    assert_eq!((lines.len(), &lines[0]["answer"]), (2, &json!("a")));
    test(&folder, ASK, &[]).succeeded();
}

#[test]
fn a_run_without_an_answer_that_lasts_leaves_the_recorded_answers_as_they_are() {
    let server = server(|prompt| match prompt {
        "later" => error("500 Internal Server Error", "", "out of order"),
        _ => answer("fine"),
    });
    let folder = case(&["later"]);
    folder.write("step/cases/one/answers.jsonl", BEFORE);
    let url = url(&server, "default");
    test(&folder, ASK, &recording(&url, &["default.retries=0"])).succeeded();
    assert!(!server.requests().is_empty());
    assert_eq!(folder.text("step/cases/one/answers.jsonl"), BEFORE);
    // The case was judged with these answers, as the next test does.
    assert_eq!(folder.json_lines("step/cases/one/expected.jsonl")[0]["answer"], "recorded");
    test(&folder, ASK, &[]).succeeded();
}

#[test]
fn errors_that_may_pass_are_not_recorded() {
    let server = server(|prompt| match prompt {
        "later" => error("500 Internal Server Error", "", "out of order"),
        _ => answer("fine"),
    });
    let folder = case(&["later", "now"]);
    let url = url(&server, "default");
    test(&folder, ASK, &recording(&url, &["default.retries=0"]));
    let lines = folder.json_lines("step/cases/one/answers.jsonl");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["answer"], "fine");
}

#[test]
fn a_case_without_an_answer_to_a_request_says_how_to_record_it() {
    let folder = case(&["a"]);
    folder.write("step/cases/one/expected.jsonl", "{\"prompt\":\"a\",\"answer\":\"b\"}\n");
    let errors = test(&folder, ASK, &[]).failed(1);
    assert!(errors.contains("there is no recorded answer to the request of the step"), "{errors}");
    assert!(errors.contains("`stillbox test --record` with `--set-model` records answers"), "{errors}");
}

#[test]
fn wrong_models_and_policies_are_reported_before_anything_is_sent() {
    let server = server(|_| answer("fine"));
    let folder = case(&["a"]);
    let url = url(&server, "default");
    insta::assert_snapshot!(test(&folder, ASK, &["--record", "--set-model", "default.url=http://a/v1", "--set-model", "judge"]).failed(2), @r#"
    error: there is no `=` in it
    --> --set-model judge
     = help: write it as MODEL.KEY=VALUE, such as writer.url=http://localhost:8000/v1

    error: model "default" has no `model`
    --> --set-model default.url=http://a/v1
     = help: add `--set-model default.model=NAME`
    "#);
    let errors = test(&folder, ASK, &["--set-model", &url]).failed(2);
    assert!(errors.contains("--record"), "{errors}");
    let errors = test(&folder, ASK, &recording(&url, &["default.key=NO_SUCH_VARIABLE"])).failed(1);
    assert!(errors.contains("the environment variable NO_SUCH_VARIABLE is not set"), "{errors}");
    folder.write("policy.toml", "allow = {}\n");
    let errors = test(&folder, ASK, &[&recording(&url, &[])[..], &["--policy", "policy.toml"]].concat()).failed(1);
    assert!(errors.contains("the policy does not permit model \"default\""), "{errors}");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_pipe_asks_the_models_of_its_options() {
    let server = Server::new(|request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        answer(&format!("{} says {}", body["model"].as_str().unwrap(), prompt(&body)))
    });
    let folder = Folder::with(&[ASK, stillbox_test_guests::KEEP_LONG]);
    folder.write("input.jsonl", "{\"prompt\":\"a\",\"text\":\"b\"}\n");
    let (default, judge) = (url(&server, "default"), url(&server, "judge"));
    let pipe = |arguments: &[&str]| {
        let mut command = folder.command();
        outcome(command.args(["pipe", "keep_long.wasm:min-bytes=1"]).args(arguments).env("TEST_KEY", KEY))
    };
    let models = ["--set-model", &default, "--set-model", "default.model=small", "--set-model", "default.key=TEST_KEY"];
    let input = ["ask.wasm", "--input", "input.jsonl"];
    let passed = pipe(&[&input[..], &models].concat()).succeeded();
    assert_eq!(passed.text(), "{\"prompt\":\"a\",\"text\":\"b\",\"answer\":\"small says a\"}\n");
    assert_eq!(server.requests()[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    let roles = ["ask.wasm:role=judge", "--set-model", &judge, "--set-model", "judge.model=large"];
    let passed = pipe(&[&roles[..], &models, &input[1..]].concat()).succeeded();
    assert!(passed.text().contains("large says a"), "{}", passed.text());
    let printed = pipe(&[&input[..], &models, &["--print"]].concat()).succeeded();
    assert!(!printed.text().contains(KEY), "{}", printed.text());
    let run = |text: &str| {
        folder.write("pipeline.toml", text);
        outcome(folder.command().args(["run", "pipeline.toml", "--quiet"]).env("TEST_KEY", KEY))
    };
    assert_eq!(
        run(printed.text()).succeeded().text(),
        "{\"prompt\":\"a\",\"text\":\"b\",\"answer\":\"small says a\"}\n"
    );
    let errors = pipe(&input).failed(2);
    assert!(errors.contains("step \"ask\" asks a model and has none"), "{errors}");
    assert!(errors.contains("--set-model default.url=URL --set-model default.model=NAME"), "{errors}");
    let errors = pipe(&[&input[1..], &models].concat()).failed(2);
    assert!(errors.contains("no step asks a model; leave out `--set-model`"), "{errors}");
}
