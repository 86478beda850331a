//! The encoding of records: the result of one call, or the end of a call log.
//!
//! A record is the payload of a frame: the key of the entry, the length of a JSON header as 4 bytes in little-endian order, the
//! header, and the columns as an Arrow IPC stream of one batch, compressed with LZ4.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::UInt32Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, UInt32Array};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_schema::{ArrowError, DataType as ArrowType, Field, Schema};
use serde::{Deserialize, Serialize};

use super::key::{CacheKey, KEY_BYTES};
use crate::batch::{CheckedOutput, GivenRows};
use crate::batch::{StepOutput, StepRejection};
use crate::component::{Column, Signature};
use crate::data_type::DataType;
use crate::engine::DropReasons;
use crate::failure::{Failure, FailureKind};
use crate::frame::FrameFormat;
use crate::source::first_batch;

/// The frame of a record.
pub(super) const FORMAT: FrameFormat = FrameFormat::new(*b"stillrc", 3);

/// The content of a record.
pub(super) enum CachedCall {
    /// The result of a call.
    Output(StepOutput),
    /// The end of a call log.
    End,
}

/// The JSON header of a record: everything but the columns.
#[derive(Debug, Serialize, Deserialize)]
struct EntryHeader {
    /// Whether this is the end of a call log. All other fields are then empty.
    end: bool,
    rows: usize,
    dropped: usize,
    /// Whether the last column contains the origins.
    origins: bool,
    rejected: Vec<(u32, Failure)>,
    /// The reasons of dropped rows, if they are recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<(u32, String)>,
}

/// Encodes the result of a call, or for `None` the end of a call log. Returns a frame.
pub(super) fn encode(key: &CacheKey, made: Option<&StepOutput>) -> Result<Vec<u8>, ArrowError> {
    let header = EntryHeader {
        end: made.is_none(),
        rows: made.map_or(0, |made| made.output.rows),
        dropped: made.map_or(0, |made| made.output.dropped),
        origins: made.is_some_and(|made| made.output.origins.is_some()),
        rejected: made
            .map_or(&[] as &[StepRejection], |made| &made.rejections)
            .iter()
            .map(|rejected| (rejected.row, rejected.failure.clone()))
            .collect(),
        reasons: made
            .map_or_else(Vec::new, |made| made.reasons.iter().map(|(row, reason)| (row, reason.to_owned())).collect()),
    };
    let header = serde_json::to_vec(&header).map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
    let mut bytes = FORMAT.start();
    bytes.extend_from_slice(key.bytes());
    bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&header);
    if let Some(StepOutput { output, .. }) = made {
        let origins = output.origins.as_ref().map(|origins| Arc::new(UInt32Array::from(origins.clone())) as ArrayRef);
        let columns: Vec<ArrayRef> = output.columns.iter().cloned().chain(origins).collect();
        // The signature has the names and whether columns are nullable, so the record need not.
        let fields = columns.iter().map(|column| Field::new("", column.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = RecordBatchOptions::new().with_row_count(Some(output.rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
        let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME))?;
        let mut writer = StreamWriter::try_new_with_options(&mut bytes, &schema, options)?;
        writer.write(&batch)?;
        writer.finish()?;
    }
    FORMAT.finish(&mut bytes);
    Ok(bytes)
}

/// Whether a record is the end of a call log. Returns `None` if it is malformed, or that of another key.
pub(super) fn is_end(payload: &[u8], key: &CacheKey) -> Option<bool> {
    parts(payload, key).map(|(header, _)| header.end)
}

/// Decodes the header of a record. Returns it with the bytes of the columns, or `None` if the record is malformed, or that of
/// another key.
fn parts<'a>(payload: &'a [u8], key: &CacheKey) -> Option<(EntryHeader, &'a [u8])> {
    let (found, record) = payload.split_first_chunk::<KEY_BYTES>()?;
    if found != key.bytes() {
        return None;
    }
    let (header_length, body) = record.split_first_chunk::<4>()?;
    let (header, columns) = body.split_at_checked(u32::from_le_bytes(*header_length) as usize)?;
    Some((serde_json::from_slice(header).ok()?, columns))
}

/// Decodes a record. Returns `None` if it is malformed, that of another key, or does not fit the signature of the step.
pub(super) fn decode(payload: &[u8], key: &CacheKey, signature: &Signature, given: GivenRows) -> Option<CachedCall> {
    let (header, columns) = parts(payload, key)?;
    if header.end {
        return Some(CachedCall::End);
    }
    let batch = first_batch(columns).ok()??;
    let output = checked(&batch, &header, signature, given)?;
    let rejected: Vec<StepRejection> =
        header.rejected.into_iter().map(|(row, failure)| StepRejection { row, failure }).collect();
    let rows = match given {
        GivenRows::Batch(rows) => rows,
        GivenRows::All(_) | GivenRows::None => 0,
    };
    let reasons = DropReasons::from_stored(header.reasons);
    rejected.iter().all(|rejected| (rejected.row as usize) < rows).then_some(CachedCall::Output(StepOutput {
        output,
        rejections: rejected,
        reasons,
    }))
}

/// Checks the columns against the signature. The checksum and the key already ensure that they match, so this only guards
/// against bugs in Stillbox.
fn checked(
    batch: &RecordBatch,
    header: &EntryHeader,
    signature: &Signature,
    given: GivenRows,
) -> Option<CheckedOutput> {
    let outputs = signature.outputs.len();
    if batch.num_columns() != outputs + usize::from(header.origins) || batch.num_rows() != header.rows {
        return None;
    }
    let columns = batch.columns()[..outputs].to_vec();
    let fits = columns.iter().zip(&signature.outputs).all(|(array, output)| {
        let field = output.data_type.field(&output.name, output.nullable);
        array.data_type() == field.data_type() && (output.nullable || array.null_count() == 0)
    });
    let below = match given {
        GivenRows::Batch(rows) => rows as u64,
        GivenRows::All(rows) => rows,
        GivenRows::None => 0,
    };
    let origins = match header.origins.then(|| &batch.columns()[outputs]) {
        Some(array) if *array.data_type() == ArrowType::UInt32 && array.null_count() == 0 => {
            Some(array.as_primitive::<UInt32Type>().values().to_vec())
        }
        Some(_) => return None,
        None => None,
    };
    let names_rows = origins.iter().flatten().all(|origin| u64::from(*origin) < below);
    // Without origins, there is one row for each row of the batch.
    let is_same = origins.is_some() || !matches!(given, GivenRows::Batch(rows) if rows != header.rows);
    (fits && names_rows && is_same).then_some(CheckedOutput {
        rows: header.rows,
        columns,
        origins,
        rejections: Vec::new(),
        dropped: header.dropped,
    })
}

/// The key, the step and the rows of records for the fuzz driver.
const SAMPLE_KEY: CacheKey = CacheKey::from_bytes([7; KEY_BYTES]);
const SAMPLE_ROWS: GivenRows = GivenRows::Batch(3);

fn sample_signature() -> Signature {
    let column = |name: &str, data_type| Column { name: name.into(), data_type, nullable: true, optional: false };
    Signature { inputs: Vec::new(), outputs: vec![column("n", DataType::Integer), column("t", DataType::Text)] }
}

/// Returns a record, for the fuzz driver.
pub(crate) fn sample_record() -> Vec<u8> {
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![Some(1), None])), Arc::new(StringArray::from(vec!["a", "é"]))];
    let output = CheckedOutput { rows: 2, columns, origins: Some(vec![0, 2]), rejections: Vec::new(), dropped: 0 };
    let rejections = vec![StepRejection { row: 1, failure: Failure::new(FailureKind::GuestError, "no") }];
    encode(&SAMPLE_KEY, Some(&StepOutput { output, rejections, reasons: DropReasons::default() }))
        .expect("the types can be encoded")
}

/// Decodes a record and encodes it again, for the fuzz driver. Returns `None` if it is corrupt.
pub(crate) fn record_again(bytes: &[u8]) -> Option<Vec<u8>> {
    match decode(FORMAT.payload(bytes).ok()?, &SAMPLE_KEY, &sample_signature(), SAMPLE_ROWS)? {
        CachedCall::Output(made) => encode(&SAMPLE_KEY, Some(&made)).ok(),
        CachedCall::End => encode(&SAMPLE_KEY, None).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: CacheKey = SAMPLE_KEY;

    fn signature() -> Signature {
        sample_signature()
    }

    /// Decodes a frame as the cache does.
    fn decode_frame(frame: &[u8], signature: &Signature, given: GivenRows) -> Option<CachedCall> {
        decode(FORMAT.payload(frame).ok()?, &KEY, signature, given)
    }

    fn made() -> StepOutput {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(vec![Some(1), None])), Arc::new(StringArray::from(vec!["a", "é"]))];
        let output = CheckedOutput { rows: 2, columns, origins: Some(vec![0, 2]), rejections: Vec::new(), dropped: 0 };
        StepOutput {
            output,
            rejections: vec![StepRejection { row: 1, failure: Failure::new(FailureKind::GuestError, "no") }],
            reasons: DropReasons::from_stored(vec![(1, "why".into())]),
        }
    }

    #[test]
    fn a_record_survives_encoding() {
        let bytes = encode(&KEY, Some(&made())).unwrap();
        let Some(CachedCall::Output(read)) = decode_frame(&bytes, &signature(), GivenRows::Batch(3)) else {
            panic!("it is whole")
        };
        assert_eq!(read.output.columns, made().output.columns);
        assert_eq!(read.output.origins, Some(vec![0, 2]));
        assert_eq!(read.reasons.get(1), Some("why"));
        assert_eq!((read.rejections[0].row, &*read.rejections[0].failure.message), (1, "no"));
        let end = encode(&KEY, None).unwrap();
        assert!(matches!(decode_frame(&end, &signature(), GivenRows::None), Some(CachedCall::End)));
        assert_eq!(
            ([&end, &bytes].map(|frame| is_end(FORMAT.payload(frame).unwrap(), &KEY))),
            [Some(true), Some(false)]
        );
    }

    #[test]
    fn columns_of_every_type_survive_encoding() {
        let types = [
            DataType::Boolean,
            DataType::Integer,
            DataType::Float,
            DataType::Text,
            DataType::Binary,
            DataType::Json,
            DataType::Vector,
        ];
        let column =
            |data_type: DataType| Column { name: data_type.name().into(), data_type, nullable: true, optional: false };
        let signature = Signature { inputs: Vec::new(), outputs: types.map(column).to_vec() };
        let vectors = [Some(vec![Some(0.5), Some(1.5)]), None];
        let vectors = arrow_array::ListArray::from_iter_primitive::<arrow_array::types::Float32Type, _, _>(vectors);
        let field = DataType::Vector.field("vector", true);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(arrow_array::BooleanArray::from(vec![Some(true), None])),
            Arc::new(Int64Array::from(vec![Some(-1), None])),
            Arc::new(arrow_array::Float64Array::from(vec![Some(f64::INFINITY), None])),
            Arc::new(StringArray::from(vec![Some(""), None])),
            Arc::new(arrow_array::BinaryArray::from(vec![Some(&b"\xff"[..]), None])),
            Arc::new(StringArray::from(vec![Some("{}"), None])),
            arrow_cast::cast(&vectors, field.data_type()).unwrap(),
        ];
        let output =
            CheckedOutput { rows: 2, columns: columns.clone(), origins: None, rejections: Vec::new(), dropped: 0 };
        let bytes = encode(&KEY, Some(&StepOutput { output, rejections: Vec::new(), reasons: DropReasons::default() }))
            .unwrap();
        let Some(CachedCall::Output(read)) = decode_frame(&bytes, &signature, GivenRows::Batch(2)) else {
            panic!("it is whole")
        };
        assert_eq!(read.output.columns, columns);
        assert!(
            decode_frame(&bytes, &signature, GivenRows::Batch(3)).is_none(),
            "without origins the rows are the batch's"
        );
    }

    #[test]
    fn a_record_of_another_key_is_ignored() {
        let other = CacheKey::from_bytes([8; KEY_BYTES]);
        for made in [Some(&made()), None] {
            let frame = encode(&other, made).unwrap();
            assert!(decode_frame(&frame, &signature(), GivenRows::Batch(3)).is_none());
            assert_eq!(is_end(FORMAT.payload(&frame).unwrap(), &KEY), None);
        }
    }

    #[test]
    fn any_changed_byte_is_detected() {
        let bytes = encode(&KEY, Some(&made())).unwrap();
        for at in 0..bytes.len() {
            let mut broken = bytes.clone();
            broken[at] ^= 1;
            assert!(decode_frame(&broken, &signature(), GivenRows::Batch(3)).is_none(), "byte {at}");
            assert!(decode_frame(&bytes[..at], &signature(), GivenRows::Batch(3)).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn a_record_that_does_not_fit_the_signature_is_ignored() {
        let bytes = encode(&KEY, Some(&made())).unwrap();
        assert!(decode_frame(&bytes, &signature(), GivenRows::Batch(2)).is_none(), "an origin is outside");
        let mut other = signature();
        other.outputs.pop();
        assert!(decode_frame(&bytes, &other, GivenRows::Batch(3)).is_none());
        other.outputs.push(Column { name: "t".into(), data_type: DataType::Float, nullable: true, optional: false });
        assert!(decode_frame(&bytes, &other, GivenRows::Batch(3)).is_none());
        let mut strict = signature();
        strict.outputs[0].nullable = false;
        assert!(decode_frame(&bytes, &strict, GivenRows::Batch(3)).is_none());
    }
}
