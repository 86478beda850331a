//! The requests that a run defers, in files.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::journal::JournalKey;
use crate::grants::HttpUrl;
use crate::model::ModelFailure;
use crate::private_dir::{make_private, not_followed};

/// Requests in one file. `OpenAI` takes 50,000; their answers have to fit into one response, too.
const MAX_REQUESTS: u64 = 10_000;
/// Bytes of one file, which is sent as a whole. `OpenAI` takes 200 MB.
const MAX_BYTES: u64 = 32 << 20;

/// The start of the extensions of all files, after the name of the journal.
pub(super) const EXTENSION: &str = "batch-";

/// The requests of one model that are deferred in this run. They are in files, so that memory does not grow with their number, except for
/// their keys.
#[derive(Debug, Default)]
pub(super) struct BatchQueue(Mutex<QueueState>);

#[derive(Debug, Default)]
struct QueueState {
    journal: Option<PathBuf>,
    /// Two batches of rows may ask for the same answer, and a file must not have an id twice.
    seen: HashSet<JournalKey>,
    files: Vec<RequestFile>,
}

/// A file of requests to one endpoint.
#[derive(Debug)]
pub(super) struct RequestFile {
    pub(super) path: PathBuf,
    /// The path of the endpoint, such as `/v1/chat/completions`.
    pub(super) endpoint: String,
    pub(super) requests: u64,
    bytes: u64,
    writer: BufWriter<File>,
}

impl BatchQueue {
    /// Sets the path of the journal, next to which the files are, before the first request.
    pub(super) fn keep_at(&self, journal: &Path) {
        self.0.lock().journal = Some(journal.to_owned());
    }

    /// Returns whether requests are deferred.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().seen.is_empty()
    }

    /// Adds a request.
    ///
    /// # Errors
    /// The run keeps no state, or the disk is full.
    pub(super) fn add(&self, key: &JournalKey, url: &HttpUrl, body: &[u8]) -> Result<(), ModelFailure> {
        let mut state = self.0.lock();
        let QueueState { journal, seen, files } = &mut *state;
        let Some(journal) = journal else {
            return Err(ModelFailure {
                message: "a model with `batch = true` is asked in a run that keeps no state".into(),
                causes: Vec::new(),
                hint: "leave out `batch` of the model, or run a pipeline with its state: no later process could collect the \
                       answers"
                    .into(),
            });
        };
        if !seen.insert(*key) {
            return Ok(());
        }
        let endpoint = endpoint(url);
        append(journal, files, &endpoint, &line(key, &endpoint, body)).map_err(|error| not_written(&error))
    }

    /// Returns the files of all requests so far.
    pub(super) fn take(&self) -> Vec<RequestFile> {
        std::mem::take(&mut self.0.lock().files)
    }
}

impl RequestFile {
    /// Writes everything to the disk.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.writer.flush()?;
        self.writer.get_ref().sync_all()
    }
}

/// The failure of a file that cannot be written.
pub(super) fn not_written(error: &io::Error) -> ModelFailure {
    ModelFailure {
        message: "the requests of a batch cannot be stored".into(),
        causes: vec![error.to_string()],
        hint: "free space on the disk of the state directory, and continue with `--resume`".into(),
    }
}

/// Returns the path of an endpoint as batch files name it, whatever the server's URLs begin with.
fn endpoint(url: &HttpUrl) -> String {
    let path = url.path_and_query();
    let known = ["chat/completions", "completions", "embeddings"].into_iter().find(|known| path.ends_with(known));
    format!("/v1/{}", known.unwrap_or_default())
}

fn line(key: &JournalKey, endpoint: &str, body: &[u8]) -> Vec<u8> {
    let id = key.to_hex();
    let mut line = format!(r#"{{"custom_id":"{id}","method":"POST","url":"{endpoint}","body":"#).into_bytes();
    line.extend_from_slice(body);
    line.extend_from_slice(b"}\n");
    line
}

fn append(journal: &Path, files: &mut Vec<RequestFile>, endpoint: &str, line: &[u8]) -> io::Result<()> {
    let length = line.len() as u64;
    let has_room = |file: &RequestFile| file.requests < MAX_REQUESTS && file.bytes + length <= MAX_BYTES;
    let open = files.iter().position(|file| file.endpoint == endpoint && has_room(file));
    if open.is_none() {
        files.push(create(journal, endpoint)?);
    }
    let index = open.unwrap_or(files.len() - 1);
    let file = &mut files[index];
    file.requests += 1;
    file.bytes += length;
    file.writer.write_all(line)
}

/// Creates the next file.
fn create(journal: &Path, endpoint: &str) -> io::Result<RequestFile> {
    if let Some(folder) = journal.parent() {
        make_private(folder)?;
    }
    for number in 1..u32::MAX {
        let path = journal.with_extension(format!("{EXTENSION}{number:05}.jsonl"));
        match not_followed().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            file => {
                let writer = BufWriter::new(file?);
                return Ok(RequestFile { path, endpoint: endpoint.to_owned(), requests: 0, bytes: 0, writer });
            }
        }
    }
    Err(io::Error::other("there are too many files of requests"))
}
