//! The input rows of a case.

use std::path::Path;
use std::sync::Arc;

use stillbox::DataType;
use stillbox::arrow::array::RecordBatch;
use stillbox::arrow::schema::{Field, Schema};
use stillbox::component::Signature;
use stillbox::failure::RowPlace;
use stillbox::rows::{InputBatch, ReadRowsError, RowReader};
use stillbox::text::chain;

use super::report::Problem;

/// The rows per batch: more than a case has, so that all rows are in one batch.
const MAX_ROWS: usize = 1_000_000;

/// All input rows of a case.
pub(super) struct CaseInput {
    /// The rows; none for a source or an empty file.
    pub(super) rows: RecordBatch,
    batch: Option<InputBatch>,
}

impl CaseInput {
    /// No rows: the input of a source, or an empty file. Columns that the step reads are assumed.
    pub(super) fn none(signature: &Signature) -> Self {
        let fields = signature.inputs.iter().map(|column| column.data_type.field(&column.name, column.nullable));
        let schema = Schema::new(fields.collect::<Vec<_>>());
        Self { rows: RecordBatch::new_empty(Arc::new(schema)), batch: None }
    }

    /// Reads the rows. A column whose type is ambiguous in JSON (vectors, bytes, only nulls) gets the type that the step
    /// reads. A column that the step reads as JSON has the type that it would have in a pipeline.
    ///
    /// # Errors
    /// The file cannot be read, is malformed, or exceeds 16 MiB.
    pub(super) fn read(file: &Path, declared: &[(String, DataType)], signature: &Signature) -> Result<Self, Problem> {
        let mut reader = RowReader::json_lines(file, declared, MAX_ROWS).map_err(|error| unreadable(&error))?;
        let Some(schema) = reader.schema() else { return Ok(Self::none(signature)) };
        let mut schema = Arc::clone(schema);
        if let Some(columns) = column_types(&schema, signature).filter(|_| declared.is_empty()) {
            reader = RowReader::json_lines(file, &columns, MAX_ROWS).map_err(|error| unreadable(&error))?;
            schema = reader.schema().map_or(schema, Arc::clone);
        }
        let batch = reader.next_batch().map_err(|error| unreadable(&error))?;
        if reader.next_batch().map_err(|error| unreadable(&error))?.is_some() {
            let message = "the file exceeds 16 MiB, the limit for a case".into();
            return Err(Problem::Unreadable { file: file.to_owned(), message });
        }
        let rows = batch.as_ref().map_or_else(|| RecordBatch::new_empty(schema), |batch| batch.rows.clone());
        Ok(Self { rows, batch })
    }

    pub(super) fn count(&self) -> usize {
        self.rows.num_rows()
    }

    /// Returns the place of a row in the file.
    pub(super) fn place(&self, row: usize) -> Option<RowPlace> {
        self.batch.as_ref().filter(|_| row < self.count()).map(|batch| batch.place(row))
    }
}

/// Returns the types to read all columns in, or `None` if they are the inferred ones.
fn column_types(schema: &Schema, signature: &Signature) -> Option<Vec<(String, DataType)>> {
    let fields = schema.fields().iter();
    let columns = fields.map(|field| Some((field.name().clone(), column_type(field, signature)?)));
    let columns: Vec<_> = columns.collect::<Option<_>>()?;
    let differs =
        |((_, wanted), field): (&(String, DataType), &Arc<Field>)| Some(*wanted) != DataType::from_field(field);
    columns.iter().zip(schema.fields()).any(differs).then_some(columns)
}

/// Returns the type of a column: the step's own if JSON is ambiguous, the inferred one otherwise.
fn column_type(field: &Field, signature: &Signature) -> Option<DataType> {
    let inferred = DataType::from_field(field)?;
    let wanted = signature.inputs.iter().find(|input| *input.name == *field.name());
    let is_ambiguous =
        |wanted: DataType| matches!((inferred, wanted), (DataType::Json, _) | (DataType::Text, DataType::Binary));
    Some(wanted.map(|wanted| wanted.data_type).filter(|wanted| is_ambiguous(*wanted)).unwrap_or(inferred))
}

fn unreadable(error: &ReadRowsError) -> Problem {
    Problem::Input(chain(error))
}
