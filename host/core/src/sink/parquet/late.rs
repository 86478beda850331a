//! Decodes the carried columns of a row group that cannot be copied, and encodes them again, several columns at a time.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt64Array};
use arrow_schema::{FieldRef, Schema, SchemaRef};
use arrow_select::take::take;
use parquet::arrow::arrow_writer::ArrowWriter;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::SchemaDescriptor;
use rayon::prelude::*;

use super::super::format_error::FormatError;
use super::carried_group::{CarriedGroup, Piece};
use super::encoded_group::{ColumnChunk, chunks_by_column, chunks_on_disk};
use super::{GROUP_BYTES, group_properties, has_large_row, new_group};
use crate::source::CarriedDecoder;
use crate::values::{convert, parquet_descriptor};

/// The most bytes of the carried columns of a group that are encoded in memory, about.
const MAX_IN_MEMORY: u64 = 2 * GROUP_BYTES as u64;

/// A carried column of a sink.
pub(super) struct LateColumn {
    /// Its index in the source.
    pub(super) column: usize,
    /// Its field in the sink, and as it is written.
    pub(super) field: FieldRef,
    pub(super) written: FieldRef,
}

/// Returns the chunks of each of the columns.
pub(super) fn encode_columns(
    group: &CarriedGroup,
    columns: &[LateColumn],
    properties: &WriterProperties,
) -> Result<Vec<Vec<ColumnChunk>>, FormatError> {
    // A group whose first rows were a row group of the input can be large. Its columns are encoded one after the other, to disk.
    let is_large = group.bytes() > MAX_IN_MEMORY;
    let at_once = if is_large { group.layout.sink.pool.current_num_threads() } else { columns.len() };
    let mut chunks = Vec::with_capacity(columns.len());
    for columns in columns.chunks(at_once.max(1)) {
        let files = columns.iter().map(|column| ColumnFile::new(column, properties));
        let mut files = files.collect::<Result<Vec<_>, _>>()?;
        for pieces in group.pieces.chunk_by(|piece, next| piece.file == next.file) {
            encode_pieces(group, pieces, &mut files)?;
        }
        for file in files {
            let file = file.finish()?;
            let column = if is_large { chunks_on_disk(&file)? } else { chunks_by_column(&file.into())? };
            chunks.extend(column);
        }
    }
    Ok(chunks)
}

/// Adds rows of one file to the columns, in parallel.
fn encode_pieces(group: &CarriedGroup, pieces: &[Piece], columns: &mut [ColumnFile<'_>]) -> Result<(), FormatError> {
    let sink = &group.layout.sink;
    let open = sink.files.file(pieces[0].file)?;
    // Pieces are of different chunks of the file, in order.
    let wanted: Vec<Vec<Range<u64>>> = pieces.iter().map(Piece::in_file_order).collect();
    let rows = joined(&wanted);
    let add = |column: &mut ColumnFile<'_>| {
        let columns = [column.column.column];
        let mut decoder = sink.files.decoder(&open, &columns, rows.clone())?;
        pieces.iter().zip(&wanted).try_for_each(|(piece, wanted)| column.add(&mut decoder, piece, wanted))
    };
    let added: Vec<Result<(), FormatError>> = sink.pool.install(|| columns.par_iter_mut().map(add).collect());
    // The first error in the order of the columns, with any number of threads.
    added.into_iter().collect()
}

/// Returns the ranges of all pieces. Ranges that overlap, which pieces of one chunk would have, are read once.
fn joined(pieces: &[Vec<Range<u64>>]) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in pieces.iter().flatten() {
        match joined.last_mut() {
            Some(last) if last.end >= range.start => last.end = last.end.max(range.end),
            _ => joined.push(range.clone()),
        }
    }
    joined
}

/// A column of a row group, as a file of its own.
struct ColumnFile<'c> {
    column: &'c LateColumn,
    schema: SchemaRef,
    descriptor: SchemaDescriptor,
    properties: &'c WriterProperties,
    writer: Option<ArrowWriter<Vec<u8>>>,
}

impl<'c> ColumnFile<'c> {
    fn new(column: &'c LateColumn, properties: &'c WriterProperties) -> Result<Self, FormatError> {
        let descriptor = parquet_descriptor(&Schema::new(vec![Arc::clone(&column.field)]))?;
        let schema = Arc::new(Schema::new(vec![Arc::clone(&column.written)]));
        Ok(Self { column, schema, descriptor, properties, writer: None })
    }

    /// Adds rows. `wanted` are those of the piece in the order of the file.
    fn add(
        &mut self,
        decoder: &mut CarriedDecoder<'_>,
        piece: &Piece,
        wanted: &[Range<u64>],
    ) -> Result<(), FormatError> {
        let count = wanted.iter().map(|range| range.end - range.start).sum::<u64>() as usize;
        if !piece.ascends {
            let rows = decoder.take_rows(count)?;
            let numbers: Vec<u64> = wanted.iter().cloned().flatten().collect();
            let place = |number| numbers.partition_point(|before| *before < number) as u64;
            let places: UInt64Array = piece.numbers().map(place).collect::<Vec<u64>>().into();
            return self.write(&take(rows.column(0), &places, None)?);
        }
        let mut left = count;
        while left > 0 {
            let Some(rows) = decoder.next_rows_up_to(left)? else { break };
            left -= rows.num_rows();
            self.write(rows.column(0))?;
        }
        Ok(())
    }

    fn write(&mut self, values: &ArrayRef) -> Result<(), FormatError> {
        let values = convert(values, self.column.written.data_type()).map_err(FormatError::Value)?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), vec![values])?;
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(new_group(
                &self.schema,
                &self.descriptor,
                &group_properties(&rows, has_large_row(&rows), self.properties).build(),
            )?),
        };
        Ok(writer.write(&rows)?)
    }

    fn finish(self) -> Result<Vec<u8>, FormatError> {
        let writer = self.writer.map_or_else(|| new_group(&self.schema, &self.descriptor, self.properties), Ok)?;
        Ok(writer.into_inner()?)
    }
}
