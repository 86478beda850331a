//! Checkpoints: the point from which a run can be resumed, and the state of its files at that point.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::stored_path::StoredPath;
use crate::corrupt::CorruptFile;
use crate::frame::{FrameError, FrameFormat};
use crate::report::Report;
use crate::sink::SyncedLength;

/// The frame of a checkpoint file. Its payload is the checkpoint as JSON. The version changes with the meaning of a
/// checkpoint.
const FORMAT: FrameFormat = FrameFormat::new(*b"stillck", 5);

/// The state of a run. All data up to this point was synced to disk before the checkpoint was written, or the checkpoint is valid for one
/// boot of the system alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dropped: Option<DroppedCheckpoint>,
    /// The synced length of each spill, in bytes.
    pub(crate) spills: Vec<u64>,
    /// The outputs to rename, once all of them are complete.
    pub(crate) finished: Option<Vec<FinishedOutput>>,
    /// The id of the boot for which this checkpoint is valid: the system may not have written the data to the disk. `None` if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) boot: Option<String>,
}

/// The file for dropped rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DroppedCheckpoint {
    /// Its synced length.
    pub(crate) file: SyncedLength,
    /// The numbers of rows in it: for each step by its number, and for each reason if the sample is by reason.
    pub(crate) rows: Vec<(usize, String, u64)>,
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
    pub(crate) from: StoredPath,
    /// The path of the output.
    pub(crate) to: StoredPath,
    /// The length in bytes.
    pub(crate) length: u64,
}

impl Checkpoint {
    pub(crate) fn new(run: &str, depends_on: &BTreeMap<String, String>, position: ResumePoint, report: Report) -> Self {
        Self {
            run: run.to_owned(),
            depends_on: depends_on.clone(),
            position,
            report,
            sinks: Vec::new(),
            rejects: None,
            dropped: None,
            spills: Vec::new(),
            finished: None,
            boot: None,
        }
    }

    /// Encodes the checkpoint file.
    pub(crate) fn encode(&self) -> serde_json::Result<Vec<u8>> {
        let mut file = FORMAT.start();
        serde_json::to_writer(&mut file, self)?;
        FORMAT.finish(&mut file);
        Ok(file)
    }

    /// Decodes a checkpoint file. `file` is its path in messages.
    ///
    /// # Errors
    /// A message: the file is corrupt, or of another version of Stillbox.
    pub(crate) fn decode(file: &Path, bytes: &[u8]) -> Result<Self, String> {
        let shown = file.display();
        let payload = FORMAT.payload(bytes).map_err(|error| match error {
            FrameError::OtherVersion { found, expected } => format!("{shown} is of version {found}, not {expected}"),
            error => CorruptFile::new(file, error.to_string()).to_string(),
        })?;
        serde_json::from_slice(payload)
            .map_err(|error| format!("{shown} was written by another version of Stillbox: {error}"))
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
        Checkpoint::decode(Path::new("checkpoint"), bytes)
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
            assert!(decode(&corrupt).is_err(), "byte {at}");
            assert!(decode(&file[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_truncated_a_corrupt_and_an_other_version_are_told_apart() {
        let file = checkpoint().encode().expect("it is JSON");
        let message = |bytes: &[u8]| decode(bytes).expect_err("it is not the file that was written");
        let changed = |at: usize| {
            let mut changed = file.clone();
            changed[at] ^= 1;
            changed
        };
        insta::assert_snapshot!(message(&file[..file.len() - 1]), @"checkpoint is corrupt: it is truncated");
        insta::assert_snapshot!(message(&changed(file.len() - 1)), @"checkpoint is corrupt: the checksum is wrong");
        insta::assert_snapshot!(message(&changed(7)), @"checkpoint is of version 4, not 5");
        let mut other = FORMAT.start();
        other.extend_from_slice(b"{}");
        FORMAT.finish(&mut other);
        insta::assert_snapshot!(message(&other), @"checkpoint was written by another version of Stillbox: missing field `run` at line 1 column 2");
    }
}
