//! Encodes rows as CSV.

use std::io::Write;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{ArrowError, DataType as ArrowType, Field, Schema};

use super::encode::{Encoded, Encoder, Target, text_size};
use super::error::{SinkError, SinkErrorKind};
use crate::format::Format;
use crate::json::{Encoding, JsonValues, NoJson, write_serde};

/// Encodes rows as CSV, without the header.
#[derive(Debug)]
pub(super) struct CsvEncoder {
    pub(super) target: Target,
}

/// The values of one column, ready to write as fields.
enum CsvValues<'a> {
    Text(&'a StringArray),
    /// Formatted by Arrow: integers, dates, times, decimals, text of other layouts.
    Formatted(ArrayFormatter<'a>),
    Float(&'a Float64Array),
    /// As in JSON, but text and base64 without quotation marks.
    Json(JsonValues<'a>),
}

impl Encoder for CsvEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        let batch = self.target.checked(batch)?;
        let encoding = Encoding::new();
        let options = FormatOptions::new().with_display_error(false);
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, array) in self.target.schema.fields().iter().zip(batch.columns()) {
            let values = CsvValues::new(array, field, &encoding, &options);
            let values = values.map_err(|source| self.target.type_error(field, source))?;
            columns.push((array.logical_nulls(), values));
        }
        let mut fields = csv_writer(Vec::with_capacity(text_size(&batch)));
        let mut scratch = Vec::new();
        for row in 0..if columns.is_empty() { 0 } else { batch.num_rows() } {
            for (index, (nulls, values)) in columns.iter_mut().enumerate() {
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
    fn new(
        array: &'a ArrayRef,
        field: &'a Arc<Field>,
        encoding: &'a Encoding,
        options: &FormatOptions<'a>,
    ) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            ArrowType::Utf8 => Self::Text(array.as_string()),
            ArrowType::Float64 => Self::Float(array.as_primitive()),
            ArrowType::Float32 | ArrowType::Float16 => Self::Formatted(ArrayFormatter::try_new(array, options)?),
            shown if shown.is_integer() || shown.is_temporal() || shown.is_decimal() => {
                Self::Formatted(ArrayFormatter::try_new(array, options)?)
            }
            ArrowType::LargeUtf8 | ArrowType::Utf8View => Self::Formatted(ArrayFormatter::try_new(array, options)?),
            _ => Self::Json(JsonValues::new(array, field, encoding)?),
        })
    }

    fn write(&mut self, row: usize, out: &mut Vec<u8>) -> Result<(), NoJson> {
        match self {
            Self::Text(array) => out.extend_from_slice(array.value(row).as_bytes()),
            Self::Float(array) => match array.value(row) {
                value if value.is_finite() => write_serde(out, &value),
                value => write!(out, "{value}").expect("memory can be written"),
            },
            Self::Formatted(formatter) => {
                let text = formatter.value(row).try_to_string();
                out.extend_from_slice(text.map_err(|error| NoJson::NoText(error.to_string()))?.as_bytes());
            }
            Self::Json(values) => {
                let start = out.len();
                values.write(row, out)?;
                let text = out.get(start..).unwrap_or_default();
                // Without this, bytes and dictionaries of text would have JSON's quotation marks around them.
                if !values.is_json_column()
                    && text.starts_with(b"\"")
                    && let Ok(unquoted) = serde_json::from_slice::<String>(text)
                {
                    out.truncate(start);
                    out.extend_from_slice(unquoted.as_bytes());
                }
            }
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
