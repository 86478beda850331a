//! The endpoints of a server for files and jobs.

use std::time::Duration;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::client::SharedModel;
use super::super::outcome::Outcome;
use crate::http::CallResponse;
use crate::model::ModelFailure;
use crate::text::{HexCase, percent_encoded};

/// The wait before the first retry. It doubles with each one.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Jobs in a list in which a job is looked up: those of the last minutes.
const LISTED: u32 = 100;

/// Whether a request may be sent again after an error that may hide its success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repetition {
    Allowed,
    Excluded,
}

/// A job as the server describes it. Members that are missing or of another type are absent.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerJob {
    pub(super) id: String,
    pub(super) status: String,
    input_file_id: Option<String>,
    pub(super) output_file_id: Option<String>,
    pub(super) error_file_id: Option<String>,
    errors: Value,
}

impl ServerJob {
    /// Returns the messages of the errors for which a job was not accepted.
    pub(super) fn errors(&self) -> Vec<String> {
        let listed = self.errors["data"].as_array().map_or(&[][..], Vec::as_slice);
        listed.iter().take(3).map(message_of).collect()
    }
}

/// Returns the message of an error, or else the whole of it.
pub(super) fn message_of(error: &Value) -> String {
    error["message"].as_str().map_or_else(|| error.to_string(), ToOwned::to_owned)
}

impl SharedModel {
    /// Uploads the requests of a job. Returns the id of the file.
    pub(super) async fn upload(&self, name: &str, content: &[u8]) -> Result<String, ModelFailure> {
        let boundary = format!("stillbox-{:032x}", rand::random::<u128>());
        let mut body = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--{boundary}\r\n\
             content-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: application/jsonl\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let kind = HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}"));
        let kind = kind.expect("the boundary has letters, digits and hyphens");
        let request = Some((kind, body.into()));
        let file = self.json("files", self.fetch("files", request, Repetition::Allowed).await?)?;
        file["id"].as_str().map(ToOwned::to_owned).ok_or_else(|| self.refused("files", "the response has no `id`"))
    }

    /// Creates the job of a file. A request that may have reached the server is not sent again. `token` marks the job for people who look
    /// at the list of jobs.
    pub(super) async fn create_job(&self, file: &str, endpoint: &str, token: &str) -> Result<ServerJob, ModelFailure> {
        let body = json!({
            "input_file_id": file,
            "endpoint": endpoint,
            "completion_window": "24h",
            "metadata": { "stillbox": token },
        });
        let request = Some((HeaderValue::from_static("application/json"), body.to_string().into()));
        let job = self.json("batches", self.fetch("batches", request, Repetition::Excluded).await?)?;
        self.job(job)
    }

    /// Returns a job.
    pub(super) async fn job_of(&self, id: &str) -> Result<ServerJob, ModelFailure> {
        let path = format!("batches/{}", segment(id));
        let job = self.json(&path, self.fetch(&path, None, Repetition::Allowed).await?)?;
        self.job(job)
    }

    /// Returns the job of a file, if there is one. A server that cannot list jobs has none.
    pub(super) async fn find_job(&self, file: &str) -> Result<Option<ServerJob>, ModelFailure> {
        let path = format!("batches?limit={LISTED}");
        let response = self.fetch(&path, None, Repetition::Allowed).await?;
        if matches!(response.status, StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED) {
            tracing::warn!("the server of model \"{}\" cannot list its batches", self.settings.name);
            return Ok(None);
        }
        let list = self.json(&path, response)?;
        let jobs = list["data"].as_array().map_or(&[][..], Vec::as_slice);
        let mut jobs = jobs.iter().filter_map(|job| self.job(job.clone()).ok());
        Ok(jobs.find(|job| job.input_file_id.as_deref() == Some(file)))
    }

    /// Returns the content of a file.
    pub(super) async fn content(&self, file: &str) -> Result<Bytes, ModelFailure> {
        let path = format!("files/{}/content", segment(file));
        let response = self.fetch(&path, None, Repetition::Allowed).await?;
        if response.status.is_success() { Ok(response.body) } else { Err(self.refused_response(&path, response)) }
    }

    fn job(&self, job: Value) -> Result<ServerJob, ModelFailure> {
        let job = serde_json::from_value::<ServerJob>(job);
        let job = job.map_err(|error| self.refused("batches", &format!("the response is no batch: {error}")))?;
        if job.id.is_empty() { Err(self.refused("batches", "the response has no `id`")) } else { Ok(job) }
    }

    fn json(&self, path: &str, response: CallResponse) -> Result<Value, ModelFailure> {
        if !response.status.is_success() {
            return Err(self.refused_response(path, response));
        }
        let json = serde_json::from_slice(&response.body);
        json.map_err(|error| self.refused(path, &format!("the response is not JSON: {error}")))
    }

    /// Sends a request until the server accepts or rejects it, at most `retries` times more.
    async fn fetch(
        &self,
        path: &str,
        body: Option<(HeaderValue, Bytes)>,
        repetition: Repetition,
    ) -> Result<CallResponse, ModelFailure> {
        let url = self.endpoint(path)?;
        let (mut wait, mut left) = (FIRST_WAIT, self.settings.retries);
        loop {
            let result = match &body {
                None => self.files.get(&url).await,
                Some((kind, body)) => self.files.post(&url, kind.clone(), body.clone()).await,
            };
            let (problem, is_limited) = match result {
                Ok(response) if response.status.is_success() => return Ok(response),
                Ok(response) => match Outcome::of(Ok(response.clone()), &self.settings) {
                    Outcome::Limited(problem) => (problem, true),
                    Outcome::Failed(problem) => (problem, false),
                    _ => return Ok(response),
                },
                Err(error) => match Outcome::of(Err(error), &self.settings) {
                    Outcome::Fatal(failure) => return Err(failure),
                    Outcome::Limited(problem) | Outcome::Failed(problem) => (problem, false),
                    Outcome::Answer(_) | Outcome::Rejected(_) => unreachable!("there is no response"),
                },
            };
            if left == 0 || (!is_limited && repetition == Repetition::Excluded) {
                return Err(self.refused(path, &problem.message));
            }
            left -= 1;
            tokio::time::sleep(wait.max(problem.pause.unwrap_or_default().min(LONGEST_WAIT))).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn refused_response(&self, path: &str, response: CallResponse) -> ModelFailure {
        match Outcome::of(Ok(response), &self.settings) {
            Outcome::Rejected(error) => self.refused(path, &error.message),
            Outcome::Fatal(failure) => self.refused(path, failure.causes.first().unwrap_or(&failure.message)),
            _ => self.refused(path, "the response is not as expected"),
        }
    }

    fn refused(&self, path: &str, cause: &str) -> ModelFailure {
        ModelFailure {
            message: format!("the server of model \"{}\" does not answer a request for its batches", self.settings.name),
            causes: vec![format!("{}/{path}: {cause}", self.settings.url.trim_end_matches('/'))],
            hint: "correct the cause and continue with `--resume`; without `batch` of the model, requests are sent one by one"
                .into(),
        }
    }
}

/// Returns an id of the server as a segment of a path.
fn segment(id: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let text = percent_encoded(id, plain, HexCase::Upper);
    // A segment of dots would be another folder.
    if text.bytes().all(|byte| byte == b'.') { text.replace('.', "%2E") } else { text }
}
