//! Prepares rows for Parquet and Arrow IPC.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{Schema, SchemaRef};

use super::encode::{Encoded, Encoder, Target};
use super::error::{SinkError, SinkErrorKind};
use crate::format::Format;
use crate::spill::SpillFrame;
use crate::values::{IntervalForm, Unsupported, arrow_field, convert, parquet_field};

/// Prepares rows for Parquet and Arrow IPC. The writer encodes them in order; the rest is done here, in parallel.
#[derive(Debug)]
pub(super) struct RowsEncoder {
    target: Target,
    /// The schema of the written rows.
    written: SchemaRef,
}

impl RowsEncoder {
    /// Creates an encoder.
    ///
    /// # Errors
    /// The format does not support the type of a column.
    pub(super) fn new(target: Target) -> Result<Self, SinkError> {
        let written = written_schema(target.format, &target.schema);
        let written = written.map_err(|(index, source)| target.type_error(target.schema.field(index), source))?;
        Ok(Self { target, written })
    }
}

impl Encoder for RowsEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        let batch = self.target.checked(batch)?;
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, column) in self.written.fields().iter().zip(batch.columns()) {
            let column = convert(column, field.data_type());
            columns.push(column.map_err(|error| self.target.value_error(field, error))?);
        }
        let schema_error = |source| self.target.error(SinkErrorKind::Schema { source });
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.written), columns, &options);
        let batch = batch.map_err(schema_error)?;
        let saves_rows = self.target.saves_rows && self.target.format == Format::Parquet;
        let frame = saves_rows.then(|| SpillFrame::encode(&batch)).transpose().map_err(schema_error)?;
        Ok(Encoded::Rows(batch, frame))
    }
}

/// Returns the schema of the rows that are written, or the index of a column whose type the format does not support.
pub(super) fn written_schema(format: Format, schema: &SchemaRef) -> Result<SchemaRef, (usize, Unsupported)> {
    let mut fields = Vec::with_capacity(schema.fields().len());
    for (index, field) in schema.fields().iter().enumerate() {
        let written = match format {
            Format::Parquet => parquet_field(field, IntervalForm::Bytes),
            Format::Arrow => arrow_field(field),
            Format::JsonLines | Format::Json | Format::Csv => Ok(Arc::clone(field)),
        };
        fields.push(written.map_err(|error| (index, error))?);
    }
    Ok(Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}
