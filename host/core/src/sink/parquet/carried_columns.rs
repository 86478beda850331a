//! Adds the carried columns to a row group.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::errors::Result;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::SchemaDescriptor;

use super::super::format_error::FormatError;
use super::carried_group::CarriedGroup;
use super::encoded_group::{ColumnChunk, RowGroup, chunks_by_column};
use super::late::{LateColumn, encode_columns};

/// The columns of a sink.
pub(super) struct SinkColumns<'s> {
    pub(super) schema: &'s SchemaRef,
    /// The same as they are written.
    pub(super) written: &'s SchemaRef,
    /// The same in Parquet's types, as those of the output.
    pub(super) types: &'s SchemaDescriptor,
}

impl SinkColumns<'_> {
    /// Adds the carried columns to a group. They are copied if its rows are exactly those of a row group of an input, or else decoded and
    /// encoded.
    pub(super) fn with_carried(
        &self,
        group: &CarriedGroup,
        file: Option<Vec<u8>>,
        properties: &WriterProperties,
    ) -> std::result::Result<RowGroup, FormatError> {
        let mut others = match file {
            Some(file) => chunks_by_column(&file.into())?,
            None => Vec::new(),
        }
        .into_iter();
        let columns = group.layout.columns.iter().enumerate();
        let late = columns.filter_map(|(index, column)| {
            let (field, written) = (Arc::clone(&self.schema.fields()[index]), &self.written.fields()[index]);
            Some(LateColumn { column: (*column)?, field, written: Arc::clone(written) })
        });
        let late: Vec<LateColumn> = late.collect();
        let mut carried = match group.copied() {
            Some(at) => self.copied_columns(group, &late, at)?,
            None => encode_columns(group, &late, properties)?,
        }
        .into_iter();
        let mut chunks: Vec<ColumnChunk> = Vec::new();
        for column in &group.layout.columns {
            let next = if column.is_some() { carried.next() } else { others.next() };
            chunks.extend(next.expect("each column has its chunks"));
        }
        Ok(RowGroup::from_columns(chunks, self.types)?)
    }

    /// Returns the chunks of columns, copied from a row group of an input.
    fn copied_columns(
        &self,
        group: &CarriedGroup,
        columns: &[LateColumn],
        (file, index): (u32, usize),
    ) -> std::result::Result<Vec<Vec<ColumnChunk>>, FormatError> {
        let file = group.layout.sink.files.file(file)?;
        let types = self.types;
        let mut leaves = vec![Vec::new(); self.schema.fields().len()];
        for (leaf, column) in types.columns().iter().enumerate() {
            leaves[types.get_column_root_idx(leaf)].push(Arc::clone(column));
        }
        let mut copied = Vec::with_capacity(columns.len());
        let names = columns.iter().map(|column| column.field.name().as_str());
        for (column, chunks) in columns.iter().zip(file.chunks(names, index)?) {
            let root = self.schema.index_of(column.field.name())?;
            let chunks = chunks.into_iter().zip(&leaves[root]);
            let chunks = chunks.map(|(chunk, leaf)| ColumnChunk::copied(chunk, Arc::clone(leaf), group.rows() as u64));
            copied.push(chunks.collect::<Result<_>>()?);
        }
        Ok(copied)
    }
}
