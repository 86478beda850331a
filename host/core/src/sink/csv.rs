//! Encodes rows as CSV.

use std::io::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType as ArrowType, Field, Schema};

use super::encode::{Encoded, Encoder, Target};
use super::error::{SinkError, SinkErrorKind};
use crate::format::{Format, NonFinite};
use crate::json::{JsonValues, NoJson};
use crate::row_size::columns_bytes;
use crate::values::{LogicalType, TextError, TextWriter, Unsupported, is_uuid, logical_type, plain, text_writer};

/// Encodes rows as CSV, without the header.
#[derive(Debug)]
pub(super) struct CsvEncoder {
    pub(super) target: Target,
}

/// The values of one column, ready to write as fields.
enum CsvValues<'a> {
    Text(&'a StringArray),
    Scalar(TextWriter, NonFinite),
    /// Lists, structs, maps and JSON, as in JSON Lines.
    Json(JsonValues<'a>),
}

impl Encoder for CsvEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        let batch = self.target.checked(batch)?;
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, array) in self.target.schema.fields().iter().zip(batch.columns()) {
            let values = CsvValues::new(array, field, self.target.non_finite);
            let values = values.map_err(|source| self.target.type_error(field, source))?;
            columns.push((array.logical_nulls(), values));
        }
        let mut fields = csv_writer(self.target.free_texts.take(columns_bytes(batch.columns())));
        let mut scratch = Vec::new();
        for row in 0..if columns.is_empty() { 0 } else { batch.num_rows() } {
            for (index, (nulls, values)) in columns.iter().enumerate() {
                scratch.clear();
                let field: &[u8] = match values {
                    _ if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) => b"",
                    CsvValues::Text(array) => array.value(row).as_bytes(),
                    values => {
                        let written = values.write(row, &mut scratch);
                        written.map_err(|reason| self.target.no_json(index, row, reason))?;
                        &scratch
                    }
                };
                fields.write_field(field).map_err(|error| self.csv_error(error))?;
            }
            fields.write_record(None::<&[u8]>).map_err(|error| self.csv_error(error))?;
            self.target.check_text(row, fields.get_ref().len())?;
        }
        let out = fields.into_inner().map_err(|error| self.csv_error(error.into_error().into()))?;
        Ok(Encoded::Bytes(if out.is_empty() { out } else { self.target.compressed(out)? }))
    }
}

impl CsvEncoder {
    fn csv_error(&self, error: csv::Error) -> SinkError {
        self.target.error(SinkErrorKind::Library { format: Format::Csv, source: error.into() })
    }
}

impl<'a> CsvValues<'a> {
    fn new(array: &'a ArrayRef, field: &Field, non_finite: NonFinite) -> Result<Self, Unsupported> {
        if array.data_type() == &ArrowType::Utf8 {
            return Ok(Self::Text(array.as_string()));
        }
        match logical_type(field) {
            LogicalType::Json | LogicalType::List | LogicalType::Struct | LogicalType::Map | LogicalType::Null => {
                Ok(Self::Json(JsonValues::new(array, field, non_finite)?))
            }
            _ => {
                let plain = plain(array).unwrap_or_else(|_| Arc::clone(array));
                Ok(Self::Scalar(text_writer(&plain, is_uuid(field))?, non_finite))
            }
        }
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<(), NoJson> {
        match self {
            Self::Text(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::Scalar(write, non_finite) => match write(row, out) {
                Ok(()) => {}
                Err(TextError::NotFinite(_)) if *non_finite == NonFinite::Null => {}
                Err(TextError::NotFinite(value)) => out.extend_from_slice(value.as_bytes()),
                Err(TextError::Value(reason)) => return Err(NoJson::NoText(reason)),
            },
            Self::Json(values) => values.write(row, out)?,
        }
        Ok(())
    }
}

/// Creates a writer that quotes where needed and ends lines with LF.
fn csv_writer<W: Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().has_headers(false).flexible(true).from_writer(out)
}

/// Returns the bytes before the first batch: the header of CSV.
pub(super) fn preamble(format: Format, schema: &Schema) -> std::io::Result<Vec<u8>> {
    if format != Format::Csv || schema.fields().is_empty() {
        return Ok(Vec::new());
    }
    let mut writer = csv_writer(Vec::new());
    writer.write_record(schema.fields().iter().map(|field| field.name()))?;
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}
