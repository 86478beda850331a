//! Prepares rows for Parquet and Arrow IPC.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, Schema, SchemaRef};

use super::encode::{Encoded, Encoder, Target};
use super::error::{SinkError, SinkErrorKind};
use super::parquet::CarriedLayout;
use crate::format::Format;
use crate::source::Carried;
use crate::spill::SpillFrame;
use crate::values::{IntervalForm, Unsupported, arrow_field, convert, parquet_field};

/// Prepares rows for Parquet and Arrow IPC. The writer encodes them in order; the rest is done here, in parallel.
#[derive(Debug)]
pub(super) struct RowsEncoder {
    target: Target,
    /// The schema of the written rows.
    written: SchemaRef,
    /// The columns that are carried, if there are any.
    carried: Option<Arc<CarriedLayout>>,
}

impl RowsEncoder {
    /// Creates an encoder, with the columns that the writer copies.
    ///
    /// # Errors
    /// The format does not support the type of a column.
    pub(super) fn new(target: Target, carried: Option<Arc<CarriedLayout>>) -> Result<Self, SinkError> {
        let written = written_schema(target.format, &target.schema);
        let written = written.map_err(|(index, source)| target.type_error(target.schema.field(index), source))?;
        Ok(Self { target, written, carried })
    }

    /// Converts the columns of rows, without those that are left out.
    fn columns(&self, batch: &RecordBatch, is_left_out: impl Fn(usize) -> bool) -> Result<Vec<ArrayRef>, SinkError> {
        let batch = self.target.checked(batch)?;
        let columns = self.written.fields().iter().zip(batch.columns()).enumerate();
        let columns = columns.filter(|(index, _)| !is_left_out(*index)).map(|(_, (field, column))| {
            convert(column, field.data_type()).map_err(|error| self.target.value_error(field, error))
        });
        columns.collect()
    }

    /// Returns rows for the writer, with a frame if it saves them.
    fn encoded(&self, rows: Result<RecordBatch, ArrowError>) -> Result<Encoded, SinkError> {
        let schema_error = |source| self.target.error(SinkErrorKind::Schema { source });
        let rows = rows.map_err(schema_error)?;
        let saves_rows = self.target.saves_rows && self.target.format == Format::Parquet;
        let frame = saves_rows.then(|| SpillFrame::encode(&rows)).transpose().map_err(schema_error)?;
        Ok(Encoded::Rows(rows, frame))
    }
}

impl Encoder for RowsEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        let columns = self.columns(batch, |_| false)?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        self.encoded(RecordBatch::try_new_with_options(Arc::clone(&self.written), columns, &options))
    }

    fn encode_carried(
        &self,
        batch: &RecordBatch,
        carried: &Carried,
        chunk_row: &dyn Fn(usize) -> usize,
    ) -> Result<Encoded, SinkError> {
        let (Carried::Rows(carried), Some(layout)) = (carried, &self.carried) else { return self.encode(batch) };
        let columns = self.columns(batch, |column| layout.is_carried(column))?;
        self.encoded(layout.with_positions(columns, batch.num_rows(), carried, chunk_row))
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
