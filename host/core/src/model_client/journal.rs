//! The journal: the answers that a run has paid for.
//!
//! An answer is written and synced before the step gets it. All answers that come while the disk syncs are synced together next.
//! The journal belongs to the outputs of a pipeline, and not to one run: a run that was killed before its first checkpoint leaves
//! it, too. It is removed when a run is complete, or restarted.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::frame::{FrameFormat, HEADER};
use crate::model::{Answer, AnswerError, ModelFailure};
use crate::os;
use crate::private_dir::{make_private, not_followed};

const FORMAT: FrameFormat = FrameFormat::new(*b"stillan", 1);
const KEY_BYTES: usize = 32;

/// The digest of a request, of its step and of its place in the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct JournalKey(pub(super) [u8; KEY_BYTES]);

impl JournalKey {
    /// Returns the key as hexadecimal digits.
    pub(super) fn to_hex(self) -> String {
        let mut digits = String::with_capacity(2 * KEY_BYTES);
        for byte in self.0 {
            let _ = write!(digits, "{byte:02x}");
        }
        digits
    }

    /// Reads the hexadecimal digits of a key.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * KEY_BYTES || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut key = [0; KEY_BYTES];
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(key))
    }
}

/// The stored result of a request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Stored {
    /// Text, and the tokens that were paid for it with all corrections.
    Answer(Answer),
    /// An error that was paid for, with its tokens.
    Error(AnswerError, u64, u64),
    /// An embedding. Its tokens are those of its request, in the first of the request's texts.
    Vector(Vec<f32>, u64),
    /// A response to a request of a batch. Its tokens count when an answer is read from it.
    Response { status: u16, body: String },
    /// The number of batches that had no response to a request.
    Failures(u32),
}

impl Stored {
    /// The tokens of request and answer.
    pub(super) fn tokens(&self) -> (u64, u64) {
        match self {
            Self::Answer(answer) => (answer.input_tokens, answer.output_tokens),
            Self::Error(_, input, output) => (*input, *output),
            Self::Vector(_, input) => (*input, 0),
            Self::Response { .. } | Self::Failures(_) => (0, 0),
        }
    }
}

/// Where the journal of a run is, if the run uses a model. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<JournalPlace>);

#[derive(Debug, Default)]
struct JournalPlace {
    path: OnceLock<PathBuf>,
    opened: OnceLock<Result<OpenJournal, String>>,
}

/// An open journal.
#[derive(Debug)]
pub(super) struct OpenJournal {
    file: File,
    /// Tokens of requests and answers that were stored before this process, by model.
    earlier: HashMap<String, (u64, u64)>,
    index: Mutex<HashMap<JournalKey, Place>>,
    entries: Sender<JournalEntry>,
}

/// Where a payload is in the file.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: u64,
    length: u32,
}

/// An answer that is to be written.
struct JournalEntry {
    frame: Vec<u8>,
    written: oneshot::Sender<io::Result<Place>>,
}

impl Journal {
    /// Sets the file, before the first use. Without one, answers are kept until the end of the run.
    pub(crate) fn keep_at(&self, path: PathBuf) {
        let _ = self.0.path.set(path);
    }

    /// Removes the file.
    pub(crate) fn remove(path: &Path) {
        if let Err(error) = fs::remove_file(path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!("{}: the stored answers of models cannot be removed: {error}", path.display());
        }
    }

    /// Returns the journal. It is opened when this is first called.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn open(&self) -> Result<&OpenJournal, ModelFailure> {
        let opened = self.0.opened.get_or_init(|| {
            OpenJournal::new(self.0.path.get().map(PathBuf::as_path)).map_err(|error| error.to_string())
        });
        opened.as_ref().map_err(|error| ModelFailure {
            message: "the stored answers of models cannot be used".into(),
            causes: vec![error.clone()],
            hint: "check the disk of the state directory, or set another one with `--state-dir`".into(),
        })
    }
}

impl OpenJournal {
    fn new(path: Option<&Path>) -> io::Result<Self> {
        let file = match path {
            None => tempfile::tempfile()?,
            Some(path) => {
                if let Some(folder) = path.parent() {
                    make_private(folder)?;
                }
                not_followed().read(true).write(true).create(true).truncate(false).open(path)?
            }
        };
        let Scanned { index, earlier, length } = scan(&file)?;
        // The process ended while it wrote the entry after the last complete one.
        file.set_len(length)?;
        let writer = file.try_clone()?;
        let (entries, received) = channel();
        let is_durable = path.is_some();
        thread::Builder::new()
            .name("journal".into())
            .spawn(move || write_entries(&writer, length, is_durable, &received))?;
        Ok(Self { file, earlier, index: Mutex::new(index), entries })
    }

    /// Returns what is stored under a key.
    pub(super) fn get(&self, key: &JournalKey) -> Option<Stored> {
        let place = *self.index.lock().get(key)?;
        let mut payload = vec![0; place.length as usize];
        os::read_exact_at(&self.file, &mut payload, place.offset).ok()?;
        // The checksum was compared when the file was opened, or the entry was written by this process.
        let (head, stored) = Head::split(&payload)?;
        serde_json::from_slice(stored).ok().filter(|_| head.key == *key)
    }

    /// Stores what was received from a model. It is queued at once, and on the disk when the future is ready.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn put(
        &self,
        key: JournalKey,
        model: &str,
        stored: &Stored,
    ) -> impl Future<Output = io::Result<()>> + Send + use<'_> {
        let queued = self.queue(&key, model, stored);
        async move {
            let place = queued?.await.map_err(|_| thread_has_ended())??;
            self.index.lock().insert(key, place);
            Ok(())
        }
    }

    fn queue(
        &self,
        key: &JournalKey,
        model: &str,
        stored: &Stored,
    ) -> io::Result<oneshot::Receiver<io::Result<Place>>> {
        let mut frame = FORMAT.start();
        let (input, output) = stored.tokens();
        Head { key: *key, input, output, model }.write_to(&mut frame);
        serde_json::to_writer(&mut frame, stored)?;
        FORMAT.finish(&mut frame);
        let (written, place) = oneshot::channel();
        self.entries.send(JournalEntry { frame, written }).map_err(|_| thread_has_ended())?;
        Ok(place)
    }

    /// Returns the tokens of requests and answers of a model that were stored before this process.
    pub(super) fn earlier_tokens(&self, model: &str) -> (u64, u64) {
        self.earlier.get(model).copied().unwrap_or_default()
    }
}

fn thread_has_ended() -> io::Error {
    io::Error::other("the thread that writes the journal has ended")
}

/// The start of a payload, before what is stored.
struct Head<'a> {
    key: JournalKey,
    input: u64,
    output: u64,
    model: &'a str,
}

impl<'a> Head<'a> {
    fn write_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.key.0);
        bytes.extend_from_slice(&self.input.to_le_bytes());
        bytes.extend_from_slice(&self.output.to_le_bytes());
        bytes.extend_from_slice(&(self.model.len() as u32).to_le_bytes());
        bytes.extend_from_slice(self.model.as_bytes());
    }

    /// Returns the head of a payload, and what is stored.
    fn split(payload: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (key, rest) = payload.split_first_chunk()?;
        let (input, rest) = rest.split_first_chunk()?;
        let (output, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (model, stored) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (input, output) = (u64::from_le_bytes(*input), u64::from_le_bytes(*output));
        Some((Self { key: JournalKey(*key), input, output, model: std::str::from_utf8(model).ok()? }, stored))
    }
}

/// The content of a journal.
struct Scanned {
    index: HashMap<JournalKey, Place>,
    earlier: HashMap<String, (u64, u64)>,
    /// The length of the file up to the end of the last complete entry.
    length: u64,
}

/// Finds all complete entries.
fn scan(file: &File) -> io::Result<Scanned> {
    let mut scanned = Scanned { index: HashMap::new(), earlier: HashMap::new(), length: 0 };
    let mut reader = BufReader::with_capacity(1 << 20, file.try_clone()?);
    reader.rewind()?;
    while let Ok(payload) = FORMAT.read(&mut reader) {
        let Some((head, _)) = Head::split(&payload) else { break };
        let place = Place { offset: scanned.length + HEADER as u64, length: payload.len() as u32 };
        scanned.index.insert(head.key, place);
        let (input, output) = scanned.earlier.entry(head.model.to_owned()).or_default();
        (*input, *output) = (input.saturating_add(head.input), output.saturating_add(head.output));
        scanned.length += HEADER as u64 + payload.len() as u64;
    }
    Ok(scanned)
}

/// Writes entries until all senders are gone. Those that came while the disk was busy are synced together.
fn write_entries(file: &File, mut end: u64, is_durable: bool, received: &Receiver<JournalEntry>) {
    while let Ok(first) = received.recv() {
        let entries: Vec<JournalEntry> = std::iter::once(first).chain(received.try_iter()).collect();
        let result = append(file, end, &entries, is_durable);
        for JournalEntry { frame, written, .. } in entries {
            let place = Place { offset: end + HEADER as u64, length: (frame.len() - HEADER) as u32 };
            let answer = match &result {
                Ok(()) => {
                    end += frame.len() as u64;
                    Ok(place)
                }
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // A request that was ended does not wait for it.
            let _ = written.send(answer);
        }
        if result.is_err() {
            // A part of the entries may have been written.
            let _ = file.set_len(end);
        }
    }
}

/// Writes entries to a position, which is the end of the file. All handles of the file share its own position, which reading changes on
/// Windows.
fn append(file: &File, end: u64, entries: &[JournalEntry], is_durable: bool) -> io::Result<()> {
    let bytes: Vec<u8> = entries.iter().flat_map(|entry| &entry.frame).copied().collect();
    os::write_all_at(file, &bytes, end)?;
    if is_durable { file.sync_data() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(number: f32) -> Stored {
        Stored::Vector(vec![number], 3)
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn entries_outlive_the_process_up_to_the_last_complete_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/answers");
        let (one, two, three) = (JournalKey([1; 32]), JournalKey([2; 32]), JournalKey([3; 32]));
        {
            let journal = OpenJournal::new(Some(&path)).unwrap();
            assert_eq!(journal.get(&one), None);
            block_on(journal.put(one, "m", &vector(1.5))).unwrap();
            block_on(journal.put(two, "m", &vector(2.5))).unwrap();
            assert_eq!(journal.get(&one), Some(vector(1.5)));
        }
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let journal = OpenJournal::new(Some(&path)).unwrap();
        assert_eq!((journal.get(&one), journal.get(&two)), (Some(vector(1.5)), None));
        block_on(journal.put(three, "m", &vector(3.5))).unwrap();
        assert_eq!((journal.get(&one), journal.get(&three)), (Some(vector(1.5)), Some(vector(3.5))));
        assert_eq!((journal.earlier_tokens("m"), journal.earlier_tokens("n")), ((3, 0), (0, 0)));
        Journal::remove(&path);
        assert!(!path.exists());
        Journal::remove(&path);
    }

    #[test]
    fn bytes_of_another_kind_are_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers");
        for bytes in [&b"x"[..], &[255; 100], &FORMAT.header(&[b"short"])] {
            fs::write(&path, bytes).unwrap();
            let journal = OpenJournal::new(Some(&path)).unwrap();
            block_on(journal.put(JournalKey([1; 32]), "m", &vector(1.0))).unwrap();
            drop(journal);
            assert_eq!(OpenJournal::new(Some(&path)).unwrap().get(&JournalKey([1; 32])), Some(vector(1.0)));
        }
    }
}
