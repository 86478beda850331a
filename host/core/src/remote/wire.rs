//! Tasks and their outputs as bytes.
//!
//! Both are a JSON header and blobs: the length of the header as 8 bytes, the header, then for each blob its length as 8
//! bytes and its bytes; lengths are little-endian. Rows are blobs in the form of spill frames. Both sides are of the same
//! version, so the header is that of the types below.

use serde::{Deserialize, Serialize};

use super::ExecutorError;
use crate::failure::Failure;
use crate::report::StepReport;
use crate::sink::Encoded;
use crate::source::RowPositions;
use crate::spill::SpillFrame;
use crate::stage::{AcceptedOutput, DecodedRows, DroppedRow, RejectRecord, TaskOutput};

/// The part of a task that is not rows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TaskHeader {
    /// The index of the stage.
    pub(crate) stage: usize,
    /// The number of rows that the task may reject.
    pub(crate) allowance: u64,
    batch: u64,
    input: usize,
    positions: RowPositions,
    first: u64,
}

/// The part of an output that is not rows, or the failure of the task.
#[derive(Serialize, Deserialize)]
enum OutputHeader {
    Done(DoneHeader),
    Failed(Box<Failure>),
}

#[derive(Serialize, Deserialize)]
struct DoneHeader {
    /// For each sink that gets rows, its index and the form of its blob.
    encoded: Vec<(usize, BlobForm)>,
    written: Vec<(usize, u64)>,
    /// Whether a blob has the rows that `until` accepts, and the number of the others.
    left_out: Option<u64>,
    /// The indices of the spills of the other blobs.
    spilled: Vec<usize>,
    steps: Vec<(usize, StepReport)>,
    rejected: Vec<RejectRecord>,
    dropped: Vec<DroppedRow>,
    is_complete: bool,
}

/// The form of the rows for a sink.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum BlobForm {
    /// Encoded text.
    Bytes,
    /// A frame of rows.
    Rows,
    /// A frame of rows that the writer saves as well.
    SavedRows,
}

/// Encodes a task.
///
/// # Errors
/// Arrow cannot encode the rows.
pub(super) fn encode_task(stage: usize, allowance: u64, rows: DecodedRows) -> Result<Vec<u8>, ExecutorError> {
    let DecodedRows { batch, input, rows, positions, carried, first } = rows;
    debug_assert!(carried.is_none(), "only columns in arrays can be sent");
    let header = TaskHeader { stage, allowance, batch, input, positions, first };
    let mut out = WireMessage::new(&header)?;
    for rows in &rows {
        out.add(SpillFrame::encode(rows)?.bytes());
    }
    Ok(out.0)
}

/// Decodes a task.
///
/// # Errors
/// The bytes are no task.
pub(crate) fn decode_task(bytes: &[u8]) -> Result<(TaskHeader, DecodedRows), ExecutorError> {
    let (header, blobs) = parse::<TaskHeader>(bytes)?;
    let decode = |blob: &[u8]| SpillFrame::from_bytes(blob.to_vec())?.decode();
    let rows = blobs.map(|blob| decode(blob?)).collect::<Result<Vec<_>, ExecutorError>>()?;
    if rows.is_empty() {
        return Err("the task has no rows".into());
    }
    let TaskHeader { batch, input, ref positions, first, .. } = header;
    let rows = DecodedRows { batch, input, rows, positions: positions.clone(), carried: None, first };
    Ok((header, rows))
}

/// Encodes the output of a task, or its failure.
///
/// # Errors
/// Arrow cannot encode the rows.
pub(crate) fn encode_output(output: Result<TaskOutput, Box<Failure>>) -> Result<Vec<u8>, ExecutorError> {
    let output = match output {
        Ok(output) => output,
        Err(failure) => return Ok(WireMessage::new(&OutputHeader::Failed(failure))?.0),
    };
    let TaskOutput { encoded, written, accepted, spilled, steps, rejected, dropped, is_complete, .. } = output;
    let form = |encoded: &Encoded| match encoded {
        Encoded::Bytes(_) => BlobForm::Bytes,
        Encoded::Rows(_, None) => BlobForm::Rows,
        Encoded::Rows(_, Some(_)) => BlobForm::SavedRows,
    };
    let header = DoneHeader {
        encoded: encoded.iter().map(|(sink, encoded)| (*sink, form(encoded))).collect(),
        written,
        left_out: accepted.as_ref().map(|accepted| accepted.left_out),
        spilled: spilled.iter().map(|(spill, _)| *spill).collect(),
        steps,
        rejected,
        dropped,
        is_complete,
    };
    let mut out = WireMessage::new(&OutputHeader::Done(header))?;
    for (_, encoded) in &encoded {
        match encoded {
            Encoded::Bytes(bytes) => out.add(bytes),
            Encoded::Rows(_, Some(frame)) => out.add(frame.bytes()),
            Encoded::Rows(rows, None) => out.add(SpillFrame::encode(rows)?.bytes()),
        }
    }
    if let Some(accepted) = &accepted {
        out.add(SpillFrame::encode(&accepted.rows)?.bytes());
    }
    for (_, frame) in &spilled {
        out.add(frame.bytes());
    }
    Ok(out.0)
}

/// Decodes the output of a task. The outer error says that the bytes are no output.
pub(crate) fn decode_output(bytes: &[u8]) -> Result<Result<TaskOutput, Box<Failure>>, ExecutorError> {
    let (header, mut blobs) = parse::<OutputHeader>(bytes)?;
    let header = match header {
        OutputHeader::Done(header) => header,
        OutputHeader::Failed(failure) => return Ok(Err(failure)),
    };
    let mut next = || blobs.next().unwrap_or_else(|| Err("the output is incomplete".into()));
    let mut encoded = Vec::with_capacity(header.encoded.len());
    for (sink, form) in header.encoded {
        let blob = next()?.to_vec();
        let rows = match form {
            BlobForm::Bytes => Encoded::Bytes(blob),
            BlobForm::Rows => Encoded::Rows(SpillFrame::from_bytes(blob)?.decode()?, None),
            BlobForm::SavedRows => {
                let frame = SpillFrame::from_bytes(blob)?;
                Encoded::Rows(frame.decode()?, Some(frame))
            }
        };
        encoded.push((sink, rows));
    }
    let accepted = match header.left_out {
        Some(left_out) => Some(AcceptedOutput { rows: SpillFrame::from_bytes(next()?.to_vec())?.decode()?, left_out }),
        None => None,
    };
    let mut spilled = Vec::with_capacity(header.spilled.len());
    for spill in header.spilled {
        spilled.push((spill, SpillFrame::from_bytes(next()?.to_vec())?));
    }
    let DoneHeader { written, steps, rejected, dropped, is_complete, .. } =
        DoneHeader { encoded: Vec::new(), spilled: Vec::new(), ..header };
    let output = TaskOutput { encoded, written, accepted, spilled, ..TaskOutput::default() };
    Ok(Ok(TaskOutput { steps, rejected, dropped, is_complete, ..output }))
}

/// A message that is being written.
struct WireMessage(Vec<u8>);

impl WireMessage {
    fn new(header: &impl Serialize) -> serde_json::Result<Self> {
        let mut message = Self(Vec::new());
        message.add(&serde_json::to_vec(header)?);
        Ok(message)
    }

    fn add(&mut self, blob: &[u8]) {
        self.0.extend_from_slice(&(blob.len() as u64).to_le_bytes());
        self.0.extend_from_slice(blob);
    }
}

/// The blobs of a message.
struct Blobs<'a>(&'a [u8]);

impl<'a> Iterator for Blobs<'a> {
    type Item = Result<&'a [u8], ExecutorError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let parts = self
            .0
            .split_first_chunk::<8>()
            .and_then(|(length, rest)| rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?));
        let Some((blob, rest)) = parts else {
            self.0 = &[];
            return Some(Err("a message between processes is truncated".into()));
        };
        self.0 = rest;
        Some(Ok(blob))
    }
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, Blobs<'a>), ExecutorError> {
    let mut blobs = Blobs(bytes);
    let header = blobs.next().unwrap_or_else(|| Err("a message between processes is empty".into()))?;
    Ok((serde_json::from_slice(header)?, blobs))
}
