//! Prepares rows for Parquet and Arrow IPC.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType as ArrowType, Field, FieldRef, Schema, SchemaRef};

use super::encode::{Encoded, Encoder, Target};
use super::error::{SinkError, SinkErrorKind};
use crate::format::Format;
use crate::spill::SpillFrame;

/// Prepares rows for Parquet and Arrow IPC. The writer encodes them in order; the rest is done here, in parallel.
#[derive(Debug)]
pub(super) struct RowsEncoder {
    pub(super) target: Target,
}

impl Encoder for RowsEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        let batch = self.target.checked(batch)?;
        if self.target.format == Format::Parquet {
            let frame = self.target.saves_rows.then(|| SpillFrame::encode(&batch)).transpose();
            let frame = frame.map_err(|source| self.target.error(SinkErrorKind::Schema { source }))?;
            return Ok(Encoded::Rows(batch, frame));
        }
        let schema = written_schema(Format::Arrow, &self.target.schema);
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let column = arrow_cast::cast(column, field.data_type());
            columns.push(column.map_err(|source| self.target.error(SinkErrorKind::Schema { source }))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options);
        batch
            .map(|batch| Encoded::Rows(batch, None))
            .map_err(|source| self.target.error(SinkErrorKind::Schema { source }))
    }
}

/// Returns the schema of the output. An Arrow IPC file has one dictionary per column for all batches, but batches come
/// with different ones, so dictionaries are replaced by plain values.
pub(super) fn written_schema(format: Format, schema: &SchemaRef) -> SchemaRef {
    if format != Format::Arrow {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter().map(written_field);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn written_field(field: &FieldRef) -> FieldRef {
    let written = match field.data_type() {
        ArrowType::Dictionary(_, values) => values.as_ref().clone(),
        ArrowType::List(item) => ArrowType::List(written_field(item)),
        ArrowType::LargeList(item) => ArrowType::LargeList(written_field(item)),
        ArrowType::FixedSizeList(item, size) => ArrowType::FixedSizeList(written_field(item), *size),
        ArrowType::Struct(fields) => ArrowType::Struct(fields.iter().map(written_field).collect()),
        ArrowType::Map(entries, sorted) => ArrowType::Map(written_field(entries), *sorted),
        _ => return Arc::clone(field),
    };
    Arc::new(Field::clone(field).with_data_type(written))
}
