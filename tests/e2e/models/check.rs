//! `stillbox check --probe` and `--estimate`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use stillbox::bundle::Bundles;
use stillbox::runs::{Checkpointing, RunStore, Start};
use stillbox::{Engine, RunOptions};
use stillbox_test_guests::{ASK, ASK_TWICE, EMBED_TEXTS};

use super::{answer, ask, asking, error, model, rejecting, server, write_prompts};
use crate::harness::{Folder, PipelineFile, Server, ok, outcome, redact, response, sink, source, step};

/// A server that answers requests of one kind.
fn of_kind(kind: &'static str) -> Server {
    Server::new(move |request| match request.path() {
        // As OpenAI answers for a model without embeddings.
        "/v1/embeddings" if kind != "embeddings" => error("403 Forbidden", "", "not with this model"),
        path if !path.ends_with(kind) => response("404 Not Found", "", "not here"),
        "/v1/embeddings" => ok(&json!({ "data": [{ "embedding": [0.5, 1] }] }).to_string()),
        "/v1/completions" => ok(&json!({ "choices": [{ "text": "there" }] }).to_string()),
        _ => answer("Hello"),
    })
}

fn probes(folder: &Folder) -> Value {
    folder.stillbox(["check", "pipeline.toml", "--probe", "--json"]).json()["probes"].take()
}

#[test]
fn a_probe_shows_what_a_model_answers() {
    let server = of_kind("/chat/completions");
    let _redacted = redact([(r"http://\S*/v1", "[url]"), (r"after \d+\.\d+ s", "after [time]"), (r"(?s)\A.*\n\n", "")]);
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..1);
    folder.write_pipeline(asking(&server, ""));
    let printed = folder.stillbox(["check", "pipeline.toml", "--probe"]).succeeded();
    insta::assert_snapshot!(printed.text(), @"
    model writer: answers after [time]
      url          [url]
      model        small
      server       answers
      key          none, and the server asks for none
      chat         supported
      completions  not supported: status 404 Not Found: not here
      embeddings   not supported: status 403 Forbidden: not with this model
    ");
    assert_eq!(server.requests().len(), 3, "one request of each kind");
    for kind in ["completions", "embeddings"] {
        let server = of_kind(if kind == "completions" { "v1/completions" } else { kind });
        folder.write_pipeline(asking(&server, ""));
        let probes = probes(&folder);
        let supported = probes[0]["kinds"].as_array().unwrap().iter().filter(|one| one["supported"] == true);
        assert_eq!(supported.map(|one| one["kind"].clone()).collect::<Vec<_>>(), [kind]);
        assert_eq!((&probes[0]["reachable"], &probes[0]["key"]), (&json!(true), &json!("not-needed")));
    }
}

#[test]
fn a_probe_says_why_a_model_cannot_be_used_and_what_to_do() {
    let _redacted = redact([(r"http://\S*/v1", "[url]"), (r"127\.0\.0\.1:\d+|\[::1\]:\d+", "[address]")]);
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..1);
    let failed = |server: &Server, more: &str| {
        folder.write_pipeline(asking(server, more).toml("[secrets]\nexample = { env = \"EXAMPLE_KEY\" }"));
        let mut command = folder.command();
        let printed = outcome(command.args(["check", "pipeline.toml", "--probe"]).env("EXAMPLE_KEY", "key-0123456789"));
        assert!(!printed.text().contains("key-0123456789"));
        printed.failed(1)
    };
    let locked = Server::new(|_| error("401 Unauthorized", "", "wrong key: key-0123456789"));
    insta::assert_snapshot!(failed(&locked, "key = \"example\""), @r#"
    error: the server of model "writer" rejects its key
      caused by: status 401 Unauthorized: wrong key: **************
      hint: check the secret "example", and the account of the model's provider
    "#);
    assert_eq!(locked.requests().len(), 1, "the other kinds would be rejected as well");
    insta::assert_snapshot!(failed(&locked, ""), @r#"
    error: the server of model "writer" asks for a key, and the model has none
      caused by: status 401 Unauthorized: wrong key: **************
      hint: add `key = "NAME"` to the model, with the name of a secret of [secrets]
    "#);
    let other = Server::new(|_| error("404 Not Found", "", "the model `small` does not exist"));
    insta::assert_snapshot!(failed(&other, ""), @r#"
    error: the server of model "writer" answers no kind of request
      caused by: chat: status 404 Not Found: the model `small` does not exist
      caused by: completions: status 404 Not Found: the model `small` does not exist
      caused by: embeddings: status 404 Not Found: the model `small` does not exist
      hint: check `url`, which ends before `chat/completions`, and `model`, the model's name at the server
    "#);
    let busy = Server::new(|_| error("429 Too Many Requests", "", "slow down"));
    insta::assert_snapshot!(failed(&busy, ""), @r#"
    error: the server of model "writer" takes no more requests at the moment
      caused by: status 429 Too Many Requests: slow down
      hint: wait, and check the limits of the account
    "#);
    let silent = Server::raw(drop);
    let errors = failed(&silent, "");
    assert!(errors.starts_with("error: the server of model \"writer\" does not answer\n"), "{errors}");
    assert!(errors.contains("hint: check that a server runs at "), "{errors}");
}

#[test]
fn an_estimate_counts_requests_and_tokens_of_all_rows_and_sends_nothing() {
    let server = Server::new(|_| panic!("nothing is sent"));
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, (0..1000).map(|id| format!("{id:04}")));
    let price = "price = { input = 1.0, output = 2.0 }\nbudget = { tokens = 20000 }";
    let table = ask().parameters("max-tokens = 20");
    folder.write_pipeline(rejecting(table, &server, price));
    let estimate =
        folder.stillbox(["check", "pipeline.toml", "--estimate", "--json"]).succeeded().json()["estimate"].take();
    let body = json!({ "messages": [{ "role": "user", "content": "0000" }], "model": "small", "max_tokens": 20 });
    let input = (body.to_string().len() as u64).div_ceil(3) * 1000;
    let model = &estimate["models"][0];
    assert_eq!((&estimate["rows"], &estimate["sample_rows"]), (&json!(1000), &json!(100)));
    assert_eq!((&model["requests"], &model["without_max_tokens"]), (&json!(1000), &json!(0)));
    assert_eq!((&model["input_tokens"], &model["output_tokens"]), (&json!(input), &json!(20_000)));
    let cost = model["cost"].as_f64().unwrap();
    assert!((cost - (input as f64 + 40_000.0) / 1e6).abs() < 1e-9, "{model}");
    assert_eq!(model["exceeds_budget"], true);
    assert!(!folder.contains("output.jsonl") && !folder.contains("rejects.jsonl"), "{:?}", folder.names());
    let _redacted = redact([(r"(?s)\A.*\n\n", "")]);
    let printed = folder.stillbox(["check", "pipeline.toml", "--estimate=10"]).succeeded();
    insta::assert_snapshot!(printed.text(), @r"
    estimate for 1,000 rows, from a sample of 10 rows:
      model   requests  tokens in  tokens out    cost
      writer     1,000     27,000      20,000  0.0670
      model writer: more than its `budget`
    assumed:
      a token for three bytes of a request
      `max-tokens` of a request as the tokens of its answer
      no retries and no corrections
      placeholders as answers: steps that choose rows by answers may let other numbers of rows pass
    ");
}

#[test]
fn an_estimate_covers_later_requests_schemas_and_embeddings() {
    let server = Server::new(|_| panic!("nothing is sent"));
    let estimate = |folder: &Folder, pipeline: PipelineFile| {
        folder.write_pipeline(pipeline);
        folder.stillbox(["check", "pipeline.toml", "--estimate=5", "--json"]).succeeded().json()["estimate"].take()
    };
    let folder = Folder::with(&[ASK, ASK_TWICE]);
    write_prompts(&folder, 0..10);
    let twice = estimate(&folder, rejecting(step("ask_twice").set("model", "\"writer\""), &server, ""));
    let model = &twice["models"][0];
    assert_eq!((&model["requests"], &model["without_max_tokens"]), (&json!(20), &json!(20)));
    assert_eq!(model["output_tokens"], 20 * 256);
    // The second request has the first answer.
    assert!(model["input_tokens"].as_u64().unwrap() > 10 * 256, "{model}");
    assert_eq!(model.get("cost"), None);
    let schema = r#"{"type":"object","required":["a"],"properties":{"a":{"type":"integer","minimum":3}}}"#;
    let table = |schema: &str| ask().parameters(format_args!("schema = '{schema}'"));
    let fits = estimate(&folder, rejecting(table(schema), &server, ""));
    assert_eq!(fits["rejected"], json!([]));
    let never = estimate(
        &folder,
        PipelineFile::new().add(table(r#"{"type":"string","pattern":"^a$"}"#)).toml(&model_of(&server)),
    );
    assert_eq!(never["rejected"], json!([{ "step": "ask", "rows": 5 }]));
    assert_eq!(never["models"][0]["requests"], 10);
    let folder = Folder::with(&[EMBED_TEXTS]);
    folder.write("input.jsonl", "{\"text\":\"abc\"}\n".repeat(130));
    folder.write_pipeline(
        PipelineFile::new().add(step("embed_texts").set("model", "\"writer\"")).toml(&model_of(&server)),
    );
    let printed = folder.stillbox(["check", "pipeline.toml", "--estimate=200", "--json"]).succeeded().json();
    let model = &printed["estimate"]["models"][0];
    assert_eq!((&model["input_tokens"], &model["output_tokens"]), (&json!(130), &json!(0)));
    assert!(model["requests"].as_u64().unwrap() >= 3, "{model}");
}

/// The estimate of the requests of each model, from a sample of 10 rows of each source.
#[test]
fn an_estimate_scales_the_rows_of_each_source_by_themselves() {
    let server = Server::new(|_| panic!("nothing is sent"));
    let folder = Folder::with(&[ASK, ASK_TWICE]);
    let prompts = |rows: usize| "{\"prompt\":\"a\"}\n".repeat(rows);
    folder.write("large.jsonl", prompts(1000));
    folder.write("small.jsonl", prompts(20));
    let asking = |guest: &str, name: &str, model: &str, from: &[&str]| {
        step(guest).name(name).set("model", format_args!("{model:?}")).from(from)
    };
    let url = server.url("/v1");
    let models =
        ["writer", "judge"].map(|name| format!("[[model]]\nname = {name:?}\nurl = {url:?}\nmodel = \"small\"\n"));
    let pipeline = PipelineFile::new()
        .add(source("large.jsonl").name("large"))
        .add(source("small.jsonl").name("small"))
        .add(asking("ask_twice", "twice", "writer", &["large"]))
        .add(asking("ask", "once", "writer", &["small"]))
        .add(asking("ask", "both", "judge", &["large", "small"]).combine("rows"))
        .add(sink("twice.jsonl").from(&["twice"]))
        .add(sink("once.jsonl").from(&["once"]))
        .add(sink("both.jsonl").from(&["both"]))
        .toml(&models.concat());
    folder.write_pipeline(pipeline);
    let printed = folder.stillbox(["check", "pipeline.toml", "--estimate=10", "--json"]).succeeded().json();
    let estimate = &printed["estimate"];
    assert_eq!((&estimate["rows"], &estimate["sample_rows"]), (&json!(1020), &json!(20)));
    assert_eq!((&estimate["models"][0]["name"], &estimate["models"][1]["name"]), (&json!("writer"), &json!("judge")));
    assert_eq!(estimate["models"][0]["requests"], 2 * 1000 + 20);
    assert_eq!(estimate["models"][1]["requests"], 1020);
}

/// The names and sizes of all files below a folder.
fn sizes(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let (mut sizes, mut left) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(next) = left.pop() {
        for entry in next.read_dir().into_iter().flatten() {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                left.push(path);
            } else {
                sizes.insert(path.clone(), path.metadata().expect("it exists").len());
            }
        }
    }
    sizes
}

#[test]
fn an_estimate_leaves_the_stored_answers_of_a_run_and_writes_no_bundles() {
    let server = server(|prompt| match prompt {
        "b" => error("401 Unauthorized", "", "wrong key"),
        prompt => answer(prompt),
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, ["a", "b"]);
    folder.write_pipeline(asking(&server, "").batch_rows(1));
    let keep = |start| Checkpointing::at(RunStore::at(folder.state())).start(start).checkpoint_every(Duration::ZERO);
    let engine = Engine::builder().threads(1).build();
    folder
        .load()
        .run(&engine, &RunOptions::new().checkpointing(keep(Start::New)))
        .expect_err("the model rejects the key");
    let (before, requests) = (sizes(folder.state()), server.requests().len());
    assert!(!before.is_empty());
    // Placeholders do not match the schema, so rows of the sample are rejected.
    let schema = "schema = '{\"type\":\"string\",\"pattern\":\"^a$\"}'";
    let other = rejecting(ask().parameters(schema), &server, "");
    let bundles = Bundles::at(folder.join("bundles"));
    for (start, pipeline, rejected) in [(Start::New, None, 0), (Start::Resume, None, 0), (Start::New, Some(other), 2)] {
        if let Some(pipeline) = pipeline {
            folder.write_pipeline(pipeline.batch_rows(1));
        }
        let options = RunOptions::new().checkpointing(keep(start)).bundles(&bundles);
        let estimate = folder.load().estimate_models(&engine, &options, 10).expect("it can be made");
        assert_eq!(estimate.models[0].requests, 2);
        assert_eq!(estimate.rejected.iter().map(|step| step.rows).sum::<u64>(), rejected);
        assert_eq!(sizes(folder.state()), before);
        assert!(!folder.contains("bundles"));
    }
    assert_eq!(server.requests().len(), requests, "nothing was sent");
}

fn model_of(server: &Server) -> String {
    model(server, "")
}

#[test]
fn an_estimate_that_cannot_be_made_says_why() {
    let server = Server::new(|_| panic!("nothing is sent"));
    let folder = Folder::with(&[ASK, stillbox_test_guests::ADD_COLUMN]);
    folder.write_pipeline(asking(&server, ""));
    let errors = folder.stillbox(["check", "pipeline.toml", "--estimate", "--input", "-"]).failed(2);
    assert!(errors.contains("the rows of an estimate cannot come from standard input"), "{errors}");
    folder.write("input.jsonl", "{\"text\":\"a\"}\n");
    folder.write_pipeline(PipelineFile::new().add(step("add_column")));
    let errors = folder.stillbox(["check", "pipeline.toml", "--probe"]).failed(2);
    assert!(errors.contains("the pipeline has no [[model]]; leave out `--probe` and `--estimate`"), "{errors}");
}
