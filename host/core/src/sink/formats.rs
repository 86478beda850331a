//! The encoders of the formats, and what each format supports.

use std::sync::Arc;

use arrow_schema::Schema;

use super::csv::CsvEncoder;
use super::encode::{Encoder, Target, type_error};
use super::error::SinkError;
use super::jsonl::JsonEncoder;
use super::parquet::{self, CarriedLayout};
use super::rows::RowsEncoder;
use crate::format::Format;
use crate::values::{IntervalForm, arrow_field, json_support, parquet_field};

/// Checks before the first row that the format supports every column.
///
/// # Errors
///
/// The format does not support the type of a column. The first such column is reported.
pub(super) fn check_types(output: &Arc<str>, format: Format, schema: &Schema) -> Result<(), SinkError> {
    for field in schema.fields() {
        let checked = match format {
            Format::JsonLines | Format::Json | Format::Csv => json_support(field),
            Format::Parquet => parquet_field(field, IntervalForm::Type).map(drop),
            Format::Arrow => arrow_field(field).map(drop),
        };
        checked.map_err(|source| type_error(output, format, field, source))?;
    }
    if format == Format::Parquet { parquet::check_schema(output, schema) } else { Ok(()) }
}

/// Creates the encoder of a format. Only Parquet has carried columns.
pub(super) fn encoder(target: Target, carried: Option<Arc<CarriedLayout>>) -> Result<Arc<dyn Encoder>, SinkError> {
    check_types(&target.output, target.format, &target.schema)?;
    match target.format {
        Format::JsonLines => Ok(Arc::new(JsonEncoder::new(target))),
        Format::Csv => Ok(Arc::new(CsvEncoder { target })),
        Format::Parquet | Format::Arrow => Ok(Arc::new(RowsEncoder::new(target, carried)?)),
        Format::Json => unreachable!("sinks do not write this format"),
    }
}
