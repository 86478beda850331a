use std::sync::Arc;

use arrow_array::builder::BinaryViewBuilder;
use arrow_array::{ArrayRef, BinaryArray, Int64Array, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::IpcWriteOptions;
use arrow_schema::{DataType, Field};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::*;

/// Returns the JSON of a head.
pub(in crate::bundle) fn head() -> Value {
    json!({
        "stillbox": "0.1.0", "contract": "stillbox:step@0.1.0", "run": "1", "pipeline": "p", "step": "s",
        "component": { "digest": "sha256:00", "file": "s.wasm", "size": 8, "omitted": null },
        "parameters": "{}", "seed": 1, "batches": 1, "finishes": 0, "earlier_batches": 0,
        "places": [{ "index": 7, "file": "in.jsonl", "line": 8 }, { "index": 8 }],
        "columns": [["text", "body"]], "left_out": ["id"],
        "limits": {
            "memory": u64::MAX, "time": { "secs": u64::MAX, "nanos": 0 }, "fuel": null, "output_rows": 1,
            "output_bytes": 1, "log_bytes": u64::MAX
        },
        "grants": { "http": [], "dirs": [], "env": [] },
        "log": { "wall": [{ "secs": 1, "nanos": 2 }], "monotonic": [3], "requests": [{
            "method": "GET", "url": "https://a.example/", "body": "", "response": { "status": 200, "headers": [], "body": "/w==" },
            "error": null, "is_complete": true
        }] },
        "failure": { "version": 1, "attempt": 1, "kind": "trap", "message": "m", "row": { "index": 8 } },
        "is_row_searched": false, "is_redacted": false
    })
}

fn batch() -> RecordBatch {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    RecordBatch::try_from_iter_with_nullable([("body", texts, true), ("n", numbers, true)]).unwrap()
}

fn bytes() -> Vec<u8> {
    let head = serde_json::from_value(head()).unwrap();
    Bundle::to_bytes(&head, Some(&packed(b"\0asmcode").unwrap()), &[write_batch(&batch()).unwrap()]).unwrap()
}

#[test]
fn a_bundle_survives_its_file() {
    let bundle = Bundle::from_bytes(&bytes()).unwrap();
    assert_eq!(bundle.batches(), [batch()]);
    assert_eq!(bundle.component(), Some(&b"\0asmcode"[..]));
    assert_eq!(bundle.failing_row(), Some(1));
    assert_eq!(bundle.head.log.requests[0].response.as_ref().unwrap().body, b"\xff");
    let limits = bundle.limits();
    assert_eq!((limits.memory, limits.time.as_secs(), limits.log_bytes), (4 << 30, 3600, 16 << 20));
}

#[test]
fn a_truncated_bundle_is_reported_at_every_length() {
    let bytes = bytes();
    for length in 0..bytes.len() {
        assert!(matches!(Bundle::from_bytes(&bytes[..length]), Err(BundleError::Format(_))), "{length} bytes");
    }
    let more = [&*bytes, b"x"].concat();
    assert!(matches!(Bundle::from_bytes(&more), Err(BundleError::Format(_))));
}

/// Frames parts with correct checksums, as someone with bad intentions would.
fn framed(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.iter().flat_map(|part| [&FORMAT.header(&[part])[..], part].concat()).collect()
}

#[test]
fn mutated_parts_are_read_or_reported() {
    let parts = [serde_json::to_vec(&head()).unwrap(), packed(b"\0asmcode").unwrap(), write_batch(&batch()).unwrap()];
    let mut random = StdRng::seed_from_u64(7);
    let (mut read, mut reported) = (0, 0);
    for round in 0..6000 {
        let mut parts = parts.clone();
        let part = &mut parts[round % 3];
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..part.len());
            match random.random_range(0..4) {
                0 => part[at] = random.random(),
                1 => part.truncate(at),
                2 => part[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
                _ => part.insert(at, random.random()),
            }
            if part.is_empty() {
                break;
            }
        }
        match Bundle::from_bytes(&framed(&parts)) {
            Ok(bundle) => {
                // The values that a command prints.
                let _ = (bundle.failing_row(), bundle.limits(), bundle.place(usize::MAX), format!("{bundle:?}"));
                read += 1;
            }
            Err(_) => reported += 1,
        }
    }
    assert!(read > 100 && reported > 1000, "{read} read, {reported} reported");
}

#[test]
fn lengths_are_compared_with_limits() {
    let bomb = packed(&vec![0; MAX_COMPONENT as usize + 1]).unwrap();
    assert!(bomb.len() < 1 << 20);
    let batch = write_batch(&batch()).unwrap();
    let head_bytes = serde_json::to_vec(&head()).unwrap();
    let error = Bundle::from_bytes(&framed(&[head_bytes.clone(), bomb, batch])).unwrap_err();
    assert!(matches!(error, BundleError::TooLarge { part: "the component", .. }), "{error}");
    let mut many = head();
    many["batches"] = u32::MAX.into();
    let error = Bundle::from_bytes(&framed(&[serde_json::to_vec(&many).unwrap(), Vec::new()])).unwrap_err();
    assert!(matches!(error, BundleError::Format(_)), "{error}");
    // A header that claims more bytes than there are.
    let mut long = framed(&[head_bytes]);
    long[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(Bundle::from_bytes(&long), Err(BundleError::Format(_))));
    let runs = arrow_array::NullArray::new(MAX_ROWS + 1);
    let rows = RecordBatch::try_from_iter_with_nullable([("n", Arc::new(runs) as ArrayRef, true)]).unwrap();
    let error =
        Bundle::from_bytes(&framed(&[serde_json::to_vec(&head()).unwrap(), Vec::new(), write_batch(&rows).unwrap()]));
    assert!(matches!(error, Err(BundleError::TooManyRows { .. })));
}

#[test]
fn all_batches_share_one_budget() {
    // Views of one value: a few kilobytes stand for 600 MiB.
    let value = vec![7; 1 << 20];
    let mut values = BinaryViewBuilder::new().with_deduplicate_strings();
    (0..600).for_each(|_| values.append_value(&value));
    let values: ArrayRef = Arc::new(values.finish());
    let rows = write_batch(&RecordBatch::try_from_iter([("v", values)]).unwrap()).unwrap();
    assert!(rows.len() < 2 << 20);
    let read = |count: u32| {
        let mut head = head();
        head["batches"] = count.into();
        let mut parts = vec![serde_json::to_vec(&head).unwrap(), Vec::new()];
        parts.extend((0..count).map(|_| rows.clone()));
        Bundle::from_bytes(&framed(&parts))
    };
    assert_eq!(read(1).unwrap().batches().len(), 1);
    let error = read(2).unwrap_err();
    assert!(matches!(error, BundleError::TooLarge { part: "the rows", limit: MAX_BATCHES }), "{error}");
}

#[test]
fn compressed_buffers_count_before_they_are_decompressed() {
    const SIZE: u64 = 14 << 20;
    let values: ArrayRef = Arc::new(BinaryArray::from(vec![&*vec![0; SIZE as usize]]));
    let rows = RecordBatch::try_from_iter([("v", values)]).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD)).unwrap();
    let mut stream = Vec::new();
    let mut writer = StreamWriter::try_new_with_options(&mut stream, rows.schema_ref(), options).unwrap();
    writer.write(&rows).unwrap();
    writer.finish().unwrap();
    drop(writer);
    assert!(stream.len() < 10_000, "{} bytes", stream.len());
    // One batch takes its buffers, and its values as plain data.
    let mut budget = RowBudget { rows: 10, bytes: 3 * SIZE };
    assert_eq!(budget.read(&stream).unwrap(), rows);
    assert!(budget.rows == 9 && budget.bytes <= SIZE, "{} rows, {} bytes", budget.rows, budget.bytes);
    assert!(matches!(budget.read(&stream), Err(BundleError::TooLarge { part: "the rows", .. })));
}

#[test]
fn the_texts_of_a_schema_count() {
    let metadata = [("key", "x".repeat(1 << 20))];
    let field = Field::new("n", DataType::Int64, false).with_metadata(metadata);
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let rows = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![numbers]).unwrap();
    let stream = write_batch(&rows).unwrap();
    let error = RowBudget { rows: 10, bytes: 1 << 20 }.read(&stream).unwrap_err();
    assert!(matches!(error, BundleError::TooLarge { part: "the rows", .. }), "{error}");
    assert!(RowBudget { rows: 10, bytes: 2 << 20 }.read(&stream).is_ok());
}
