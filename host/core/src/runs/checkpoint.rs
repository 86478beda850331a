//! Where a run can go on, and what has to be there for it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::corrupt::CorruptFile;
use crate::report::Report;
use crate::sink::SyncedLength;

/// Changes whenever a checkpoint means something else.
const VERSION: u32 = 4;

/// Everything that is up to here is on the disk, and was when this was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    version: u32,
    /// The run's id.
    pub(crate) run: String,
    /// What the rest of the run depends on.
    pub(crate) depends_on: BTreeMap<String, String>,
    pub(crate) position: ResumePoint,
    /// What was done up to there.
    pub(crate) report: Report,
    /// Of each sink.
    pub(crate) sinks: Vec<SyncedLength>,
    pub(crate) rejects: Option<SyncedLength>,
    /// Bytes of what is kept between stages.
    pub(crate) spills: Vec<u64>,
    /// Once all is written: what is left to be put in its place.
    pub(crate) finished: Option<Vec<FinishedOutput>>,
}

/// A place in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResumePoint {
    /// The stage.
    pub(crate) stage: usize,
    /// The number of its first portion that is not written.
    pub(crate) next: u64,
    /// The checksum of what the stage has read up to there.
    pub(crate) read: u32,
}

/// A finished output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FinishedOutput {
    /// Where it is.
    pub(crate) from: String,
    /// Where it belongs.
    pub(crate) to: String,
    /// Its bytes.
    pub(crate) length: u64,
}

/// A checkpoint as it is on the disk.
#[derive(Serialize, Deserialize)]
struct ChecksummedFile {
    /// CRC-32 of the text of the other.
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

    /// The bytes of the file.
    pub(super) fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let checkpoint = serde_json::value::to_raw_value(self)?;
        let checksum = crc32fast::hash(checkpoint.get().as_bytes());
        serde_json::to_vec(&ChecksummedFile { checksum, checkpoint })
    }

    /// Reads the bytes of this file, or says in words why they are of no use.
    pub(super) fn decode(file: &Path, bytes: &[u8]) -> Result<Self, String> {
        let envelope: ChecksummedFile =
            serde_json::from_slice(bytes).map_err(|error| CorruptFile::new(file, error.to_string()).to_string())?;
        if crc32fast::hash(envelope.checkpoint.get().as_bytes()) != envelope.checksum {
            return Err(CorruptFile::new(file, "the checksum is wrong").to_string());
        }
        let shown = file.display();
        let checkpoint: Self = serde_json::from_str(envelope.checkpoint.get())
            .map_err(|error| format!("{shown} is of another version of Stillbox: {error}"))?;
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
    fn what_is_sealed_is_read_again() {
        let file = checkpoint().encode().expect("it is JSON");
        assert_eq!(decode(&file), Ok(checkpoint()));
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let file = checkpoint().encode().expect("it is JSON");
        for at in 0..file.len() {
            let mut corrupt = file.clone();
            corrupt[at] ^= 1;
            // Only what cannot be told apart, such as the case of nothing, may still be read.
            assert_ne!(decode(&corrupt), Ok(checkpoint()), "byte {at}");
            assert!(decode(&file[..at]).is_err(), "cut at {at}");
        }
    }
}
