//! Checkpoints: the point from which a run can be resumed, and the state of its files at that point.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::corrupt::CorruptFile;
use crate::report::Report;
use crate::sink::SyncedLength;

/// The version of the format. Changes with the meaning of a checkpoint.
const VERSION: u32 = 4;

/// The state of a run. All data up to this point was synced to disk before the checkpoint was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    version: u32,
    /// The run's id.
    pub(crate) run: String,
    /// The fingerprint of all that the rest of the run depends on.
    pub(crate) depends_on: BTreeMap<String, String>,
    pub(crate) position: ResumePoint,
    /// The report up to this point.
    pub(crate) report: Report,
    /// The synced length of each sink.
    pub(crate) sinks: Vec<SyncedLength>,
    pub(crate) rejects: Option<SyncedLength>,
    /// The synced length of each spill, in bytes.
    pub(crate) spills: Vec<u64>,
    /// The outputs to rename, once all of them are complete.
    pub(crate) finished: Option<Vec<FinishedOutput>>,
}

/// The position from which a run is resumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResumePoint {
    /// The index of the stage.
    pub(crate) stage: usize,
    /// The number of the first work item of the stage that is not written.
    pub(crate) next: u64,
    /// The checksum of the input that the stage has read up to this point.
    pub(crate) read: u32,
}

/// A complete output in a part file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FinishedOutput {
    /// The path of the part file.
    pub(crate) from: String,
    /// The path of the output.
    pub(crate) to: String,
    /// The length in bytes.
    pub(crate) length: u64,
}

/// The checkpoint file.
#[derive(Serialize, Deserialize)]
struct ChecksummedFile {
    /// CRC-32 of the JSON text of `checkpoint`.
    checksum: u32,
    checkpoint: Box<RawValue>,
}

impl Checkpoint {
    pub(crate) fn new(run: &str, depends_on: &BTreeMap<String, String>, position: ResumePoint, report: Report) -> Self {
        Self {
            version: VERSION,
            run: run.to_owned(),
            depends_on: depends_on.clone(),
            position,
            report,
            sinks: Vec::new(),
            rejects: None,
            spills: Vec::new(),
            finished: None,
        }
    }

    /// Encodes the checkpoint file.
    pub(super) fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let checkpoint = serde_json::value::to_raw_value(self)?;
        let checksum = crc32fast::hash(checkpoint.get().as_bytes());
        serde_json::to_vec(&ChecksummedFile { checksum, checkpoint })
    }

    /// Decodes a checkpoint file. `file` is its path in messages.
    ///
    /// # Errors
    /// A message: the file is corrupt, or of another version of Stillbox.
    pub(super) fn decode(file: &Path, bytes: &[u8]) -> Result<Self, String> {
        let envelope: ChecksummedFile =
            serde_json::from_slice(bytes).map_err(|error| CorruptFile::new(file, error.to_string()).to_string())?;
        if crc32fast::hash(envelope.checkpoint.get().as_bytes()) != envelope.checksum {
            return Err(CorruptFile::new(file, "the checksum is wrong").to_string());
        }
        let shown = file.display();
        let checkpoint: Self = serde_json::from_str(envelope.checkpoint.get())
            .map_err(|error| format!("{shown} was written by another version of Stillbox: {error}"))?;
        if checkpoint.version != VERSION {
            return Err(format!("{shown} is of version {}, not {VERSION}", checkpoint.version));
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::StepReport;

    fn checkpoint() -> Checkpoint {
        let depends_on = BTreeMap::from([("a".to_owned(), "b\"\n".to_owned())]);
        let position = ResumePoint { stage: 1, next: 70_000, read: 12 };
        let elapsed = Duration::from_nanos(1_234_567_890_123_457);
        let report = Report { rows_in: 5, elapsed, steps: vec![StepReport::new("s".into())], ..Report::default() };
        Checkpoint { sinks: vec![SyncedLength::default()], ..Checkpoint::new("r", &depends_on, position, report) }
    }

    fn decode(bytes: &[u8]) -> Result<Checkpoint, String> {
        Checkpoint::decode(Path::new("checkpoint.json"), bytes)
    }

    #[test]
    fn a_checkpoint_survives_encoding() {
        let file = checkpoint().encode().expect("it is JSON");
        assert_eq!(decode(&file), Ok(checkpoint()));
    }

    #[test]
    fn any_changed_byte_is_detected() {
        let file = checkpoint().encode().expect("it is JSON");
        for at in 0..file.len() {
            let mut corrupt = file.clone();
            corrupt[at] ^= 1;
            // A change in the envelope may decode, but not to the same checkpoint.
            assert_ne!(decode(&corrupt), Ok(checkpoint()), "byte {at}");
            assert!(decode(&file[..at]).is_err(), "cut at {at}");
        }
    }
}
