//! A server that takes batch files.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::prompt;
use crate::harness::{Request, Server, ok, response};

/// A server that takes batches, and no other requests.
pub(super) struct BatchServer {
    pub(super) server: Server,
    state: Arc<Mutex<BatchState>>,
}

#[derive(Default)]
struct BatchState {
    files: BTreeMap<String, String>,
    /// The input file of each job.
    jobs: Vec<String>,
    /// The status of all jobs.
    status: String,
    /// How often each prompt was asked.
    asked: BTreeMap<String, usize>,
}

/// The lines of the files of a job for one request: those of the output, and those of the errors. The number says how often the prompt was
/// asked before.
type Lines = dyn Fn(&str, usize, &str) -> (Vec<String>, Vec<String>) + Send + Sync;

/// A line with an answer.
pub(super) fn answered(id: &str, text: &str) -> String {
    let body = json!({
        "model": "small-1",
        "choices": [{ "message": { "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 10, "completion_tokens": 2 },
    });
    line(id, 200, &body)
}

pub(super) fn line(id: &str, status: u16, body: &Value) -> String {
    json!({ "id": "r", "custom_id": id, "response": { "status_code": status, "body": body }, "error": null })
        .to_string()
}

pub(super) fn failed(id: &str, status: u16, message: &str) -> String {
    line(id, status, &json!({ "error": { "message": message } }))
}

pub(super) fn expired(id: &str) -> String {
    let error = json!({ "code": "batch_expired", "message": "This request could not be executed in time." });
    json!({ "id": "r", "custom_id": id, "response": null, "error": error }).to_string()
}

pub(super) fn all_answered(prompt: &str, _: usize, id: &str) -> (Vec<String>, Vec<String>) {
    (vec![answered(id, &format!("about {prompt}"))], Vec::new())
}

impl BatchServer {
    pub(super) fn new(lines: impl Fn(&str, usize, &str) -> (Vec<String>, Vec<String>) + Send + Sync + 'static) -> Self {
        Self::with_hook(lines, |_| None)
    }

    /// Starts a server. The hook may answer a request instead.
    pub(super) fn with_hook(
        lines: impl Fn(&str, usize, &str) -> (Vec<String>, Vec<String>) + Send + Sync + 'static,
        hook: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let state = Arc::new(Mutex::new(BatchState { status: "in_progress".into(), ..BatchState::default() }));
        let server = Server::new({
            let state = Arc::clone(&state);
            move |request| {
                let answer = state.lock().unwrap().answer(request, &lines);
                hook(request).unwrap_or(answer)
            }
        });
        Self { server, state }
    }

    pub(super) fn set_status(&self, status: &str) {
        status.clone_into(&mut self.state.lock().unwrap().status);
    }

    pub(super) fn jobs(&self) -> usize {
        self.state.lock().unwrap().jobs.len()
    }

    /// The number of requests in each job.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let state = self.state.lock().unwrap();
        state.jobs.iter().map(|file| state.files[file].lines().count()).collect()
    }
}

impl BatchState {
    fn answer(&mut self, request: &Request, lines: &Lines) -> Vec<u8> {
        let (method, path) = (request.line.split(' ').next().unwrap_or_default(), request.path().to_owned());
        match (method, path.strip_prefix("/v1/").unwrap_or_default()) {
            ("POST", "files") => {
                let body = String::from_utf8(request.body.clone()).expect("the file is text");
                assert!(body.contains("name=\"purpose\"\r\n\r\nbatch\r\n"), "{body}");
                let (_, content) = body.rsplit_once("application/jsonl\r\n\r\n").expect("it has a file");
                let (content, _) = content.rsplit_once("\r\n--").expect("it has an end");
                let ids: BTreeSet<String> = content.lines().map(id_of).collect();
                assert_eq!(ids.len(), content.lines().count(), "every id is there once");
                let id = format!("file-{}", self.files.len());
                self.files.insert(id.clone(), content.to_owned());
                ok(&json!({ "id": id, "object": "file", "purpose": "batch" }).to_string())
            }
            ("POST", "batches") => {
                let body: Value = serde_json::from_slice(&request.body).expect("it is JSON");
                assert_eq!(
                    (&body["endpoint"], &body["completion_window"]),
                    (&json!("/v1/chat/completions"), &json!("24h"))
                );
                self.jobs.push(body["input_file_id"].as_str().expect("it has a file").to_owned());
                ok(&self.job(self.jobs.len() - 1, "validating").to_string())
            }
            ("GET", "batches?limit=100") => {
                let jobs: Vec<_> = (0..self.jobs.len()).map(|index| self.job(index, "validating")).collect();
                ok(&json!({ "object": "list", "data": jobs }).to_string())
            }
            ("GET", path) if path.starts_with("batches/batch-") => {
                let index: usize = path["batches/batch-".len()..].parse().expect("it is a number");
                let status = self.status.clone();
                if ["completed", "expired", "cancelled"].contains(&&*status) {
                    self.finish(index, lines);
                }
                ok(&self.job(index, &status).to_string())
            }
            ("GET", path) if path.ends_with("/content") => {
                let file = path.trim_start_matches("files/").trim_end_matches("/content");
                ok(&self.files[file])
            }
            _ => response("404 Not Found", "", "no such endpoint"),
        }
    }

    fn job(&self, index: usize, status: &str) -> Value {
        let file = |kind: &str| self.files.contains_key(&format!("{kind}-{index}")).then(|| format!("{kind}-{index}"));
        json!({
            "id": format!("batch-{index}"), "object": "batch", "status": status, "input_file_id": self.jobs[index],
            "output_file_id": file("output"), "error_file_id": file("error"),
            "errors": { "data": [{ "code": "invalid", "message": "the file is too large", "line": null }] },
        })
    }

    /// Creates the files of a job that has ended.
    fn finish(&mut self, index: usize, lines: &Lines) {
        if self.files.contains_key(&format!("output-{index}")) {
            return;
        }
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let requests = self.files[&self.jobs[index]].clone();
        for request in requests.lines() {
            let value: Value = serde_json::from_str(request).expect("a line is JSON");
            assert_eq!((&value["method"], &value["url"]), (&json!("POST"), &json!("/v1/chat/completions")));
            let prompt = prompt(&value["body"]);
            let asked = self.asked.entry(prompt.clone()).or_default();
            let (one, other) = lines(&prompt, *asked, &id_of(request));
            *asked += 1;
            output.extend(one);
            errors.extend(other);
        }
        // The order of the lines is not that of the requests.
        output.reverse();
        self.files.insert(format!("output-{index}"), output.join("\n"));
        if !errors.is_empty() {
            self.files.insert(format!("error-{index}"), errors.join("\n") + "\n");
        }
    }
}

fn id_of(line: &str) -> String {
    let value: Value = serde_json::from_str(line).expect("a line is JSON");
    value["custom_id"].as_str().expect("it has an id").to_owned()
}
