//! Files next to an unfinished Parquet file, which make it resumable.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use bytes::Bytes;

use super::super::format_error::FormatError;
use super::super::synced::{StagingDir, SyncedRowGroups};
use super::encoded_group::RowGroup;
use crate::corrupt::CorruptFile;
use crate::frame::FrameFormat;
use crate::private_dir::not_followed;
use crate::spill::{Spill, SpillFrame, SpillReader, SpillWriter};
use crate::units::grouped;
use crate::writeback::{Durability, Writeback};

/// The frame of an entry. Its payload is the length of the columns, as 8 bytes in little-endian order, and the end of the
/// group's small file.
const FORMAT: FrameFormat = FrameFormat::new(*b"stillrg", 1);

/// The files next to an unfinished Parquet file.
pub(super) struct RowGroupStore {
    folder: PathBuf,
    name: String,
    /// Number of complete row groups.
    count: u64,
    /// The footer entries of complete row groups.
    index: File,
    index_path: PathBuf,
    index_bytes: u64,
    spill: Arc<Spill>,
    /// The rows of the incomplete group.
    rows: SpillWriter,
    writeback: Writeback,
    /// The group whose rows the last saved checkpoint needs.
    needed: Option<u64>,
    /// The group whose rows the checkpoint in progress needs.
    pending: u64,
}

impl RowGroupStore {
    /// Creates the files, or truncates them to their synced lengths.
    pub(super) fn open(staging: &StagingDir<'_>) -> Result<Self, FormatError> {
        let (folder, name) = (staging.folder.to_owned(), staging.name.to_owned());
        let synced = staging.synced.and_then(|synced| synced.groups);
        let SyncedRowGroups { count, index: index_bytes, rows } = synced.unwrap_or_default();
        let index_path = folder.join(format!("{name}.groups"));
        let mut index = not_followed()
            .read(true)
            .write(true)
            .create(synced.is_none())
            .truncate(synced.is_none())
            .open(&index_path)?;
        let length_on_disk = index.metadata()?.len();
        if length_on_disk < index_bytes {
            let what = format!("it has {} bytes, but {} were written", grouped(length_on_disk), grouped(index_bytes));
            return Err(io::Error::from(CorruptFile::new(index_path, what)).into());
        }
        index.set_len(index_bytes)?;
        index.seek(SeekFrom::Start(index_bytes))?;
        let spill = spill(&folder, &name, count);
        let rows = SpillWriter::open(&spill, synced.map(|_| rows), Some(staging.writeback))?;
        Ok(Self {
            folder,
            name,
            count,
            index,
            index_path,
            index_bytes,
            spill,
            rows,
            writeback: staging.writeback.clone(),
            needed: synced.map(|_| count),
            pending: count,
        })
    }

    /// Returns the groups in the file.
    pub(super) fn groups(&mut self) -> Result<Vec<RowGroup>, FormatError> {
        self.index.rewind()?;
        let mut bytes = vec![0; self.index_bytes as usize];
        self.index.read_exact(&mut bytes)?;
        let bytes = Bytes::from(bytes);
        let mut groups = Vec::new();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (payload, after) = FORMAT.split(rest).map_err(|_| self.corrupt())?;
            let (data, end) = payload.split_first_chunk().ok_or_else(|| self.corrupt())?;
            groups.push(RowGroup::from_end(u64::from_le_bytes(*data), bytes.slice_ref(end))?);
            rest = after;
        }
        if groups.len() as u64 == self.count { Ok(groups) } else { Err(self.corrupt().into()) }
    }

    /// Returns the rows of the incomplete group, batch by batch, because the rows may be much larger than their file.
    pub(super) fn rows(&self) -> Result<impl Iterator<Item = Result<RecordBatch, FormatError>> + use<>, FormatError> {
        let mut reader = SpillReader::open(&self.spill)?;
        Ok(std::iter::from_fn(move || Some(reader.next().transpose()?.map(|(_, batch)| batch).map_err(Into::into))))
    }

    pub(super) fn add_rows(&mut self, rows: &SpillFrame) -> Result<(), FormatError> {
        Ok(self.rows.write(rows)?)
    }

    /// Records a complete group. Its saved rows are removed, unless the last checkpoint needs them.
    pub(super) fn add_group(&mut self, group: &RowGroup) -> Result<(), FormatError> {
        let mut frame = FORMAT.start();
        frame.extend_from_slice(&group.data.to_le_bytes());
        frame.extend_from_slice(&group.end);
        FORMAT.finish(&mut frame);
        self.index.write_all(&frame)?;
        self.index_bytes += frame.len() as u64;
        let complete = self.count;
        self.count += 1;
        self.spill = spill(&self.folder, &self.name, self.count);
        self.rows = SpillWriter::open(&self.spill, None, Some(&self.writeback))?;
        if self.needed != Some(complete) {
            self.remove(complete);
        }
        Ok(())
    }

    /// Returns the lengths once all bytes are written.
    pub(super) fn checkpoint(&mut self, durability: Durability) -> Result<SyncedRowGroups, FormatError> {
        if durability == Durability::OnDisk {
            self.index.sync_all()?;
        }
        let rows = self.rows.checkpoint(durability)?;
        self.pending = self.count;
        Ok(SyncedRowGroups { count: self.count, index: self.index_bytes, rows })
    }

    /// Called after the checkpoint was saved: removes the rows that only the one before needed.
    pub(super) fn checkpoint_saved(&mut self) {
        let before = self.needed.replace(self.pending);
        if let Some(before) = before.filter(|before| *before != self.pending) {
            self.remove(before);
        }
    }

    pub(super) fn corrupt(&self) -> io::Error {
        CorruptFile::new(&self.index_path, "an entry of a row group is malformed or does not match its checksum").into()
    }

    /// Removes the saved rows of a group. Errors are ignored: a leftover file only takes space.
    fn remove(&self, group: u64) {
        let _ = fs::remove_file(self.folder.join(rows_name(&self.name, group)));
    }
}

fn spill(folder: &std::path::Path, name: &str, group: u64) -> Arc<Spill> {
    Arc::new(Spill::new(folder.join(rows_name(name, group)), "the rows of an unfinished row group"))
}

fn rows_name(name: &str, group: u64) -> String {
    format!("{name}.{group}.rows")
}
