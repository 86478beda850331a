//! Where a run can go on, and what has to be there for it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::corrupt::CorruptFile;
use crate::report::Report;
use crate::sink::SyncedLength;

/// Changes whenever a checkpoint means something else.
const VERSION: u32 = 3;

/// Everything that is up to here is on the disk, and was when this was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    version: u32,
    /// The run's id.
    pub(crate) run: String,
    /// What the rest of the run depends on.
    pub(crate) depends_on: BTreeMap<String, String>,
    pub(crate) position: Position,
    /// What was done up to there.
    pub(crate) report: Report,
    /// Of each sink.
    pub(crate) sinks: Vec<SyncedLength>,
    pub(crate) rejects: Option<SyncedLength>,
    /// Bytes of what is kept between stages.
    pub(crate) kept: Vec<u64>,
    /// Once all is written: what is left to be put in its place.
    pub(crate) finished: Option<Vec<Place>>,
}

/// A place in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The stage.
    pub(crate) stage: usize,
    /// The number of its first portion that is not written.
    pub(crate) next: u64,
    /// The checksum of what the stage has read up to there.
    pub(crate) read: u32,
}

/// A finished output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Where it is.
    pub(crate) from: String,
    /// Where it belongs.
    pub(crate) to: String,
    /// Its bytes.
    pub(crate) length: u64,
}

/// A checkpoint as it is on the disk.
#[derive(Serialize, Deserialize)]
struct Sealed {
    /// CRC-32 of the text of the other.
    checksum: u32,
    checkpoint: Box<RawValue>,
}

impl Checkpoint {
    pub(crate) fn new(run: &str, depends_on: &BTreeMap<String, String>, position: Position, report: Report) -> Self {
        Self {
            version: VERSION,
            run: run.to_owned(),
            depends_on: depends_on.clone(),
            position,
            report,
            sinks: Vec::new(),
            rejects: None,
            kept: Vec::new(),
            finished: None,
        }
    }

    /// The bytes of the file.
    pub(super) fn seal(&self) -> serde_json::Result<Vec<u8>> {
        let checkpoint = serde_json::value::to_raw_value(self)?;
        let checksum = crc32fast::hash(checkpoint.get().as_bytes());
        serde_json::to_vec(&Sealed { checksum, checkpoint })
    }

    /// Reads the bytes of this file, or says in words why they are of no use.
    pub(super) fn unseal(file: &Path, bytes: &[u8]) -> Result<Self, String> {
        let sealed: Sealed =
            serde_json::from_slice(bytes).map_err(|error| CorruptFile::new(file, error.to_string()).to_string())?;
        if crc32fast::hash(sealed.checkpoint.get().as_bytes()) != sealed.checksum {
            return Err(CorruptFile::new(file, "the checksum is wrong").to_string());
        }
        let shown = file.display();
        let checkpoint: Self = serde_json::from_str(sealed.checkpoint.get())
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
        let position = Position { stage: 1, next: 70_000, read: 12 };
        let elapsed = Duration::from_nanos(1_234_567_890_123_457);
        let report = Report { rows_in: 5, elapsed, steps: vec![StepReport::new("s".into())], ..Report::default() };
        Checkpoint { sinks: vec![SyncedLength::default()], ..Checkpoint::new("r", &depends_on, position, report) }
    }

    fn unseal(bytes: &[u8]) -> Result<Checkpoint, String> {
        Checkpoint::unseal(Path::new("checkpoint.json"), bytes)
    }

    #[test]
    fn what_is_sealed_is_read_again() {
        let sealed = checkpoint().seal().expect("it is JSON");
        assert_eq!(unseal(&sealed), Ok(checkpoint()));
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        let sealed = checkpoint().seal().expect("it is JSON");
        for at in 0..sealed.len() {
            let mut corrupt = sealed.clone();
            corrupt[at] ^= 1;
            // Only what cannot be told apart, such as the case of nothing, may still be read.
            assert_ne!(unseal(&corrupt), Ok(checkpoint()), "byte {at}");
            assert!(unseal(&sealed[..at]).is_err(), "cut at {at}");
        }
    }
}
