//! The columns of a sink of which some are carried: see [`CarriedFiles`].

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, UInt64Array};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::errors::Result;
use parquet::schema::types::SchemaDescriptor;
use rayon::ThreadPool;

use crate::source::{CarriedFiles, CarriedRows};
use crate::values::parquet_descriptor;

/// The columns that a sink copies from the files of a source.
#[derive(Debug, Clone)]
pub(crate) struct SinkCarried {
    /// The files.
    pub(crate) files: Arc<CarriedFiles>,
    /// The threads that decode and encode columns.
    pub(crate) pool: Arc<ThreadPool>,
}

/// The columns of a sink, of which at least one is carried.
///
/// Its rows have the other columns, and two more in place of the carried ones: the index of the file, and the number of the row in it.
#[derive(Debug)]
pub(in crate::sink) struct CarriedLayout {
    pub(super) sink: SinkCarried,
    /// For each column of the sink, its index in the source if it is carried.
    pub(super) columns: Vec<Option<usize>>,
    /// The columns that are not carried, as they are written.
    pub(super) others: SchemaRef,
    /// The same, in Parquet's types.
    pub(super) other_types: SchemaDescriptor,
    /// The other columns, the file and the row.
    placed: SchemaRef,
}

impl CarriedLayout {
    /// Creates the layout. `schema` is that of the sink, `written` that of the rows. `None` if no column is carried.
    pub(in crate::sink) fn new(schema: &SchemaRef, written: &SchemaRef, sink: SinkCarried) -> Option<Self> {
        let columns: Vec<Option<usize>> = schema.fields().iter().map(|field| sink.files.column(field.name())).collect();
        if columns.iter().all(Option::is_none) {
            return None;
        }
        let others = |schema: &Schema| -> Vec<FieldRef> {
            let fields = schema.fields().iter().zip(&columns).filter(|(_, column)| column.is_none());
            fields.map(|(field, _)| Arc::clone(field)).collect()
        };
        let other_types = parquet_descriptor(&Schema::new(others(schema))).ok()?;
        let fields = others(written);
        let positions = [Field::new("file", DataType::UInt32, false), Field::new("row", DataType::UInt64, false)];
        let placed = Arc::new(Schema::new([fields.clone(), positions.map(Arc::new).to_vec()].concat()));
        Some(Self { sink, columns, others: Arc::new(Schema::new(fields)), other_types, placed })
    }

    /// Returns whether a column of the sink is carried.
    pub(in crate::sink) fn is_carried(&self, column: usize) -> bool {
        self.columns[column].is_some()
    }

    /// Returns whether rows have positions in place of the carried columns. Carried columns are nullable, and positions are not, so no rows
    /// with all columns of the sink have the same schema.
    pub(super) fn has_positions(&self, rows: &RecordBatch) -> bool {
        *rows.schema_ref() == self.placed
    }

    /// Adds positions to the other columns of rows. `chunk_row` returns the row of the chunk for a row of the batch.
    pub(in crate::sink) fn with_positions(
        &self,
        mut others: Vec<ArrayRef>,
        rows: usize,
        carried: &CarriedRows,
        chunk_row: &dyn Fn(usize) -> usize,
    ) -> std::result::Result<RecordBatch, ArrowError> {
        let numbers: UInt64Array = (0..rows).map(|row| carried.number(chunk_row(row))).collect::<Vec<u64>>().into();
        others.push(Arc::new(UInt32Array::from(vec![carried.file(); rows])));
        others.push(Arc::new(numbers));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.placed), others, &options)
    }

    /// Returns rows without their positions.
    pub(super) fn others_of(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let columns = rows.columns()[..self.others.fields().len()].to_vec();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.others), columns, &options)?)
    }
}
