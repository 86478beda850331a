//! Language models: answers, faults of servers, budgets, and stored answers.

mod answers;
mod batch_server;
mod batches;
mod check;
mod faults;
mod kills;
mod progress;
mod python;
mod recording;
mod settings;
mod stored;

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::{Value, json};

use crate::harness::{Folder, PipelineFile, Server, Table, ok, response, step};

/// Starts a server that returns, for each prompt, the response that a function makes of it.
fn server(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Server {
    Server::new(move |request| {
        let body: Value = serde_json::from_slice(&request.body).expect("a request is JSON");
        answer(&prompt(&body))
    })
}

/// The text of the last message of a request, or its whole prompt.
fn prompt(body: &Value) -> String {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let text = last.map_or(&body["prompt"], |message| &message["content"]);
    text.as_str().unwrap_or_default().to_owned()
}

/// A response with a text.
fn answer(text: &str) -> Vec<u8> {
    finished(text, "stop")
}

fn finished(text: &str, reason: &str) -> Vec<u8> {
    let body = json!({
        "model": "small-1",
        "choices": [{ "message": { "content": text }, "finish_reason": reason }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 2 },
    });
    ok(&body.to_string())
}

/// A response with an error of the server.
fn error(status: &str, headers: &str, message: &str) -> Vec<u8> {
    response(status, headers, &json!({ "error": { "message": message } }).to_string())
}

fn write_prompts(folder: &Folder, prompts: impl IntoIterator<Item = impl Display>) {
    let rows: String =
        prompts.into_iter().map(|prompt| format!("{}\n", json!({ "prompt": prompt.to_string() }))).collect();
    folder.write("input.jsonl", rows);
}

/// A model behind a server. `more` are further lines of its table.
fn model(server: &Server, more: &str) -> String {
    format!("[[model]]\nname = \"writer\"\nurl = {:?}\nmodel = \"small\"\n{more}", server.url("/v1"))
}

/// A pipeline that asks the model for every row, and writes rejected rows.
fn asking(server: &Server, more: &str) -> PipelineFile {
    rejecting(ask(), server, more)
}

fn rejecting(table: Table, server: &Server, more: &str) -> PipelineFile {
    PipelineFile::new().add(table.on_failure("reject")).rejects().toml(&model(server, more))
}

fn ask() -> Table {
    step("ask").set("model", "\"writer\"")
}

/// The answers by their prompts.
fn answers(folder: &Folder) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    folder.json_lines("output.jsonl").iter().map(|row| (text(&row["prompt"]), text(&row["answer"]))).collect()
}

/// The prompt and the message of each rejected row.
fn rejected(folder: &Folder) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let reject = |reject: &Value| (text(&reject["row"]["prompt"]), text(&reject["failure"]["message"]));
    folder.json_lines("rejects.jsonl").iter().map(reject).collect()
}
