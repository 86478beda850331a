//! The input rows of a case.

use std::path::Path;

use arrow_schema::Field;

use super::report::Problem;
use crate::batch::{RowOrigins, Rows};
use crate::component::Signature;
use crate::data_type::DataType;
use crate::format::Format;
use crate::source::{self, OpenSource, RowPositions, SourceError, SourceLocation, SourceSchema, SourceSpec};

/// The rows per batch: more than a case has, so that all rows are in one batch.
const MAX_ROWS: usize = 1_000_000;

/// All input rows of a case.
pub(super) struct Input {
    pub(super) schema: SourceSchema,
    pub(super) rows: Option<Rows>,
}

impl Input {
    /// The input of a source: no rows.
    pub(super) fn none() -> Self {
        Self { schema: SourceSchema::Empty, rows: None }
    }

    /// Reads the rows. A column whose type is ambiguous in JSON (vectors, bytes, only nulls) gets the type that the step
    /// reads. A column that the step reads as JSON has the type that it would have in a pipeline.
    ///
    /// # Errors
    /// The file cannot be read, is malformed, or exceeds 16 MiB.
    pub(super) fn read(file: &Path, declared: &[(String, DataType)], signature: &Signature) -> Result<Self, Problem> {
        let unreadable = |error: &SourceError| Problem::Input(chain(error));
        let mut source = open(file, declared).map_err(|error| unreadable(&error))?;
        if let (true, SourceSchema::Known(schema)) = (declared.is_empty(), &source.schema) {
            let columns: Option<Vec<_>> = schema
                .fields()
                .iter()
                .map(|field| Some((field.name().clone(), column_type(field, signature)?)))
                .collect();
            let inferred = |field: &Field| DataType::from_field(field);
            let differs = columns.as_ref().is_some_and(|columns| {
                columns.iter().zip(schema.fields()).any(|((_, wanted), field)| Some(*wanted) != inferred(field))
            });
            if let Some(columns) = columns.filter(|_| differs) {
                source = open(file, &columns).map_err(|error| unreadable(&error))?;
            }
        }
        let mut decoded = Vec::new();
        while let Some(chunk) = source.reader.next_chunk().map_err(|error| unreadable(&error))? {
            decoded.push(source.decoder.decode(chunk).map_err(|error| unreadable(&error))?);
        }
        if decoded.len() > 1 {
            let message = "the file exceeds 16 MiB, the limit for a case".into();
            return Err(Problem::Unreadable { file: file.to_owned(), message });
        }
        let rows = decoded.pop().map(|batch| {
            let origin = RowOrigins::new(batch.positions, 0, batch.rows.num_rows());
            Rows { columns: batch.rows, origin }
        });
        Ok(Self { schema: source.schema, rows })
    }

    pub(super) fn count(&self) -> usize {
        self.rows.as_ref().map_or(0, Rows::count)
    }

    /// Returns the rows, or a batch of zero rows.
    pub(super) fn rows(&self) -> Rows {
        let schema = match &self.schema {
            SourceSchema::Known(schema) => std::sync::Arc::clone(schema),
            SourceSchema::Empty => std::sync::Arc::new(arrow_schema::Schema::empty()),
        };
        self.rows
            .clone()
            .unwrap_or_else(|| Rows::none(schema, &RowOrigins::new(RowPositions::rows("".into(), 1), 0, 0)))
    }
}

fn open(file: &Path, columns: &[(String, DataType)]) -> Result<OpenSource, SourceError> {
    source::open(&SourceSpec {
        location: SourceLocation::Paths(file.to_owned()),
        format: Format::JsonLines,
        compression: None,
        columns: columns.to_vec(),
        batch_rows: MAX_ROWS,
    })
}

/// Returns the type of a column: the step's own if JSON is ambiguous, the inferred one otherwise.
fn column_type(field: &Field, signature: &Signature) -> Option<DataType> {
    let inferred = DataType::from_field(field)?;
    let wanted = signature.inputs.iter().find(|input| *input.name == *field.name());
    let is_ambiguous =
        |wanted: DataType| matches!((inferred, wanted), (DataType::Json, _) | (DataType::Text, DataType::Binary));
    Some(wanted.map(|wanted| wanted.data_type).filter(|wanted| is_ambiguous(*wanted)).unwrap_or(inferred))
}

fn chain(error: &SourceError) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.to_string(), |message, cause| format!("{message}: {cause}"))
}
