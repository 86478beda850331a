//! Files that a run or a cache has written, and something may have changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType as ArrowType, Field, Schema};

use crate::report::Report;
use crate::result_cache;
use crate::runs::{Checkpoint, ResumePoint, read_record_and_lock};
use crate::spill::{Spill, SpillFrame, SpillReader, SpillWriter};

/// Returns a checkpoint file.
pub fn checkpoint() -> Vec<u8> {
    let depends_on = BTreeMap::from([("the input a.jsonl".to_owned(), "5 bytes".to_owned())]);
    let position = ResumePoint { stage: 1, next: 7, read: 3 };
    Checkpoint::new("1-2", &depends_on, position, Report::default()).encode().expect("it is JSON")
}

/// Decodes a checkpoint file. Returns it encoded again, or `None` if it is corrupt.
pub fn framed_checkpoint(bytes: &[u8]) -> Option<Vec<u8>> {
    Checkpoint::decode(Path::new("checkpoint"), bytes).ok()?.encode().ok()
}

/// Returns a record of the result cache.
pub fn cached_call() -> Vec<u8> {
    result_cache::sample_record()
}

/// Decodes a record of the result cache. Returns it encoded again, or `None` if it is corrupt.
pub fn framed_cached_call(bytes: &[u8]) -> Option<Vec<u8>> {
    result_cache::record_again(bytes)
}

/// Reads the record and the lock file of a run, which have no checksums.
pub fn read_run_files(bytes: &[u8]) {
    read_record_and_lock(bytes);
}

fn spill(path: &Path) -> Arc<Spill> {
    Arc::new(Spill::new(PathBuf::from(path), "the rows"))
}

/// Writes a spill file of some batches.
///
/// # Panics
/// The file cannot be written.
pub fn write_spill(path: &Path) {
    let fields = vec![Field::new("id", ArrowType::Int64, false), Field::new("text", ArrowType::Utf8, true)];
    let schema = Arc::new(Schema::new(fields));
    let mut writer = SpillWriter::open(&spill(path), None, None).expect("the file can be written");
    for batch in 0..3 {
        let ids = Int64Array::from_iter_values((0..5).map(|row| batch * 5 + row));
        let texts =
            StringArray::from(vec![Some("a"), None, Some("é"), Some(""), Some("long text long text long text")]);
        let rows = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(ids), Arc::new(texts)]);
        let frame = SpillFrame::encode(&rows.expect("the columns fit")).expect("the types can be encoded");
        writer.write(&frame).expect("the file can be written");
    }
    writer.flush().expect("the file can be written");
}

/// Reads a spill file as a resumed run does. Returns its batches, or `None` if it is corrupt.
pub fn spill_frames(path: &Path) -> Option<Vec<RecordBatch>> {
    let length = path.metadata().ok()?.len();
    let spill = spill(path);
    drop(SpillWriter::open(&spill, Some(length), None).ok()?);
    let mut reader = SpillReader::open(&spill).ok()?;
    let mut batches = Vec::new();
    while let Some((_, batch)) = reader.next().ok()? {
        batches.push(batch);
    }
    Some(batches)
}
