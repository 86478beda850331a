//! The results of a job that has ended.

use std::collections::HashSet;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use bytes::Bytes;
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use super::super::batch_queue::not_written;
use super::super::client::SharedModel;
use super::super::journal::{JournalKey, Stored};
use super::super::outcome::Outcome;
use super::service::{ServerJob, message_of};
use crate::corrupt::RESTART_HINT;
use crate::http::CallResponse;
use crate::model::{AnswerError, ModelFailure};
use crate::private_dir::not_followed;
use crate::text::cut;
use crate::units::counted;

/// Bytes of a server's message.
const MESSAGE_BYTES: usize = 2 << 10;

/// The result of one request.
enum LineResult {
    /// A response that is final.
    Response(u16, String),
    /// No response, or one after which the request is sent again.
    Passing(String),
    /// No request can succeed.
    Fatal(ModelFailure),
}

/// Lines of a job's files that are of no use.
#[derive(Debug, Default)]
struct Useless {
    malformed: u64,
    unknown: u64,
}

impl SharedModel {
    /// Stores the results of a job. A request without one is sent again with the next job, up to `retries` times. Returns the number of
    /// requests that have a result.
    ///
    /// # Errors
    /// A file cannot be read or written, or the server accepts no request of this kind.
    pub(super) async fn store_results(&self, requests: &Path, job: &ServerJob) -> Result<u64, ModelFailure> {
        let mut open = ids(requests).map_err(|error| unreadable(requests, &error))?;
        let (mut results, mut useless, mut fatal) = (Vec::new(), Useless::default(), None);
        for file in [&job.output_file_id, &job.error_file_id].into_iter().flatten() {
            let content = self.content(file).await?;
            for line in content.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
                let Some((key, result)) = self.line(line) else {
                    useless.malformed += 1;
                    continue;
                };
                if !open.remove(&key) {
                    useless.unknown += 1;
                    continue;
                }
                match result {
                    LineResult::Response(status, body) => results.push((key, Stored::Response { status, body })),
                    LineResult::Passing(message) => results.push((key, self.failed_once_more(&key, &message)?)),
                    LineResult::Fatal(failure) => fatal = fatal.or(Some(failure)),
                }
            }
        }
        let found = results.iter().filter(|(_, stored)| matches!(stored, Stored::Response { .. })).count() as u64;
        for key in &open {
            results.push((*key, self.failed_once_more(key, &format!("the batch ended as {} without it", job.status))?));
        }
        self.warn_of(job, &useless, open.len() as u64);
        let journal = self.journal()?;
        // All are queued before the first is waited for, so they are synced together.
        let puts: Vec<_> = results.iter().map(|(key, stored)| journal.put(*key, &self.settings.name, stored)).collect();
        for put in puts {
            put.await.map_err(|error| not_written(&error))?;
        }
        fatal.map_or(Ok(found), Err)
    }

    /// Reads a line of an output or error file.
    fn line(&self, line: &[u8]) -> Option<(JournalKey, LineResult)> {
        let mut value: Value = serde_json::from_slice(line).ok()?;
        self.files.redact(&mut value);
        let key = JournalKey::from_hex(value["custom_id"].as_str()?)?;
        let response = &value["response"];
        let Some(status) = response["status_code"].as_u64().and_then(|status| u16::try_from(status).ok()) else {
            return Some((key, LineResult::Passing(cut(&message_of(&value["error"]), MESSAGE_BYTES))));
        };
        let body = match &response["body"] {
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let code = StatusCode::from_u16(status).ok()?;
        let whole = CallResponse { status: code, headers: HeaderMap::new(), body: Bytes::from(body.clone()) };
        let result = match Outcome::of(Ok(whole), &self.settings) {
            Outcome::Answer(Value::Object(_)) | Outcome::Rejected(_) => LineResult::Response(status, body),
            Outcome::Answer(_) => LineResult::Passing("the response has no body".into()),
            Outcome::Limited(problem) | Outcome::Failed(problem) => LineResult::Passing(problem.message),
            Outcome::Fatal(failure) => LineResult::Fatal(failure),
        };
        Some((key, result))
    }

    /// Counts a failure of a request. After the last one it is an error of its row.
    fn failed_once_more(&self, key: &JournalKey, message: &str) -> Result<Stored, ModelFailure> {
        let earlier = match self.journal()?.get(key) {
            Some(Stored::Failures(count)) => count,
            _ => 0,
        };
        if earlier < self.settings.retries {
            return Ok(Stored::Failures(earlier + 1));
        }
        let batches = counted(u64::from(earlier) + 1, "batch", "batches");
        let error = AnswerError::transient(format!("the model did not answer in {batches}")).cause(message);
        Ok(Stored::Error(error, 0, 0))
    }

    fn warn_of(&self, job: &ServerJob, useless: &Useless, missing: u64) {
        let (id, name) = (cut(&job.id, 100), &self.settings.name);
        let warn = |count: u64, what: &str| {
            if count > 0 {
                let lines = counted(count, "line", "lines");
                tracing::warn!("batch {id} of model \"{name}\": {lines} {what}");
            }
        };
        warn(useless.malformed, "cannot be read");
        warn(useless.unknown, "with an id that is unknown, or that an earlier line has");
        warn(missing, "missing");
    }
}

/// Returns the ids of all requests in a file.
fn ids(path: &Path) -> io::Result<HashSet<JournalKey>> {
    let mut ids = HashSet::new();
    let mut reader = BufReader::new(not_followed().read(true).open(path)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let id =
            line.strip_prefix(br#"{"custom_id":""#.as_slice()).and_then(|rest| rest.split(|byte| *byte == b'"').next());
        let id = id.and_then(|id| std::str::from_utf8(id).ok()).and_then(JournalKey::from_hex);
        ids.insert(id.ok_or_else(|| io::Error::other("it is corrupt: a line has no id"))?);
        line.clear();
    }
    Ok(ids)
}

/// The failure of a file of requests.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> ModelFailure {
    ModelFailure {
        message: format!("the requests of a batch cannot be read from {}", path.display()),
        causes: vec![error.to_string()],
        hint: RESTART_HINT.into(),
    }
}
