//! Columns in Parquet's types.

use arrow_schema::Schema;
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::SchemaDescriptor;

use super::table::{IntervalForm, parquet_field};

/// Returns the columns of an output in Parquet's types. Intervals have Arrow's type here, from which the library makes Parquet's; the
/// rows have their bytes.
///
/// # Errors
/// Parquet does not have the type of a column.
pub(crate) fn parquet_descriptor(schema: &Schema) -> Result<SchemaDescriptor> {
    let fields = schema.fields().iter().map(|field| parquet_field(field, IntervalForm::Type));
    let fields = fields.collect::<std::result::Result<Vec<_>, _>>();
    let fields = fields.map_err(|error| ParquetError::External(Box::new(error)))?;
    ArrowSchemaConverter::new().convert(&Schema::new(fields))
}
