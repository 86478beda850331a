//! Rows to bytes: the part that runs in parallel.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch, RecordBatchOptions, new_empty_array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef};

use super::error::{SinkError, SinkErrorKind};
use super::json::{Encoding, JsonValues, NoJson, write_serde};
use crate::format::{Compression, Format};

/// The level of gzip. 6 is that of the `gzip` command.
const GZIP_LEVEL: u32 = 6;

/// The level of Zstandard. 3 is that of the `zstd` command.
const ZSTD_LEVEL: i32 = 3;

/// Turns rows into what the writer takes, on any thread and in any order. The bytes depend on the rows only.
pub(crate) trait Encoder: Send + Sync {
    /// Encodes the rows of one batch, which have the sink's schema.
    ///
    /// # Errors
    ///
    /// The rows have other columns, or a value that the format cannot hold.
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError>;
}

/// An encoded batch.
#[derive(Debug)]
pub(crate) enum Encoded {
    /// Text, compressed if the output is: a gzip member or Zstandard frame of its own.
    Bytes(Vec<u8>),
    /// Rows for the formats that are written by a library, in order.
    Rows(RecordBatch),
}

/// What all encoders need.
#[derive(Debug)]
pub(super) struct Target {
    /// The output's name.
    pub(super) output: Arc<str>,
    pub(super) format: Format,
    pub(super) compression: Compression,
    /// The schema that the rows have.
    pub(super) schema: SchemaRef,
}

impl Target {
    fn error(&self, kind: SinkErrorKind) -> SinkError {
        SinkError::new(&self.output, kind)
    }

    /// The rows with exactly the sink's schema.
    fn checked(&self, batch: &RecordBatch) -> Result<RecordBatch, SinkError> {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), batch.columns().to_vec(), &options)
            .map_err(|source| self.error(SinkErrorKind::Schema { source }))
    }

    fn no_json(&self, column: usize, row: usize, reason: NoJson) -> SinkError {
        let column = self.schema.field(column).name().clone();
        self.error(match reason {
            NoJson::NotFinite(value) => SinkErrorKind::NotFinite { column, row, value },
            NoJson::NoText(reason) => SinkErrorKind::Value { column, row, reason },
        })
    }

    /// Makes sure that every column's type has JSON, before there are rows.
    fn check_json_types(&self) -> Result<(), SinkError> {
        let encoding = Encoding::new();
        for field in self.schema.fields() {
            let empty = new_empty_array(field.data_type());
            let checked = JsonValues::new(&empty, field, &encoding);
            checked.map(drop).map_err(|source| self.type_error(field, source))?;
        }
        Ok(())
    }

    fn type_error(&self, field: &Field, source: arrow_schema::ArrowError) -> SinkError {
        self.error(SinkErrorKind::Type {
            column: field.name().clone(),
            data_type: field.data_type().to_string(),
            format: self.format,
            source,
        })
    }

    fn compressed(&self, bytes: Vec<u8>) -> Result<Vec<u8>, SinkError> {
        compress(self.compression, bytes).map_err(|source| SinkError::io(&self.output, "compress the rows", source))
    }
}

/// One member or frame with these bytes. It has no time and no name in it.
pub(super) fn compress(compression: Compression, bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    match compression {
        Compression::None => Ok(bytes),
        Compression::Gzip => {
            let out = Vec::with_capacity(bytes.len() / 3);
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::new(GZIP_LEVEL));
            encoder.write_all(&bytes)?;
            encoder.finish()
        }
        Compression::Zstd => zstd::bulk::compress(&bytes, ZSTD_LEVEL),
    }
}

/// The encoder of a format.
pub(super) fn encoder(target: Target) -> Result<Arc<dyn Encoder>, SinkError> {
    match target.format {
        Format::JsonLines => {
            target.check_json_types()?;
            let key = |(index, field): (usize, &Arc<Field>)| {
                let mut key = vec![if index == 0 { b'{' } else { b',' }];
                write_serde(&mut key, field.name());
                key.push(b':');
                key
            };
            let keys = target.schema.fields().iter().enumerate().map(key).collect();
            Ok(Arc::new(JsonEncoder { target, keys }))
        }
        Format::Csv => {
            target.check_json_types()?;
            Ok(Arc::new(CsvEncoder { target }))
        }
        Format::Parquet | Format::Arrow => Ok(Arc::new(RowsEncoder { target })),
    }
}

/// JSON Lines: one compact object a line, with all columns in the schema's order.
#[derive(Debug)]
struct JsonEncoder {
    target: Target,
    /// For every column what stands before its value: a brace or a comma, the name, and a colon.
    keys: Vec<Vec<u8>>,
}

impl Encoder for JsonEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        let batch = self.target.checked(batch)?;
        let encoding = Encoding::new();
        let mut columns = Vec::with_capacity(self.keys.len());
        for (field, array) in self.target.schema.fields().iter().zip(batch.columns()) {
            let values = JsonValues::new(array, field, &encoding);
            columns.push(values.map_err(|source| self.target.type_error(field, source))?);
        }
        let mut out = Vec::with_capacity(batch.get_array_memory_size());
        for row in 0..batch.num_rows() {
            for (index, (key, column)) in self.keys.iter().zip(&mut columns).enumerate() {
                out.extend_from_slice(key);
                column.write(row, &mut out).map_err(|reason| self.target.no_json(index, row, reason))?;
            }
            out.extend_from_slice(if columns.is_empty() { b"{}\n" } else { b"}\n" });
        }
        Ok(Encoded::Bytes(if out.is_empty() { out } else { self.target.compressed(out)? }))
    }
}

/// CSV, without the header.
#[derive(Debug)]
struct CsvEncoder {
    target: Target,
}

/// The values of one column, ready to be written as fields.
enum CsvValues<'a> {
    Text(&'a arrow_array::StringArray),
    /// Written by Arrow: integers, dates, times, decimals, texts of other layouts.
    Shown(ArrayFormatter<'a>),
    Float(&'a arrow_array::Float64Array),
    /// As in JSON; a text in quotation marks is written without them (bytes in base64).
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
        let mut fields = csv_writer(Vec::with_capacity(batch.get_array_memory_size()));
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
        array: &'a arrow_array::ArrayRef,
        field: &'a Arc<Field>,
        encoding: &'a Encoding,
        options: &FormatOptions<'a>,
    ) -> Result<Self, arrow_schema::ArrowError> {
        use arrow_array::cast::AsArray;
        Ok(match array.data_type() {
            ArrowType::Utf8 => Self::Text(array.as_string()),
            ArrowType::Float64 => Self::Float(array.as_primitive()),
            ArrowType::Float32 | ArrowType::Float16 => Self::Shown(ArrayFormatter::try_new(array, options)?),
            shown if shown.is_integer() || shown.is_temporal() || shown.is_decimal() => {
                Self::Shown(ArrayFormatter::try_new(array, options)?)
            }
            ArrowType::LargeUtf8 | ArrowType::Utf8View => Self::Shown(ArrayFormatter::try_new(array, options)?),
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
            Self::Shown(formatter) => {
                let text = formatter.value(row).try_to_string();
                out.extend_from_slice(text.map_err(|error| NoJson::NoText(error.to_string()))?.as_bytes());
            }
            Self::Json(values) => {
                let start = out.len();
                values.write(row, out)?;
                let text = out.get(start..).unwrap_or_default();
                // Without this, bytes and dictionaries of texts would have JSON's quotation marks around them.
                if !values.is_json_column() && text.starts_with(b"\"") {
                    if let Ok(unquoted) = serde_json::from_slice::<String>(text) {
                        out.truncate(start);
                        out.extend_from_slice(unquoted.as_bytes());
                    }
                }
            }
        }
        Ok(())
    }
}

/// A writer of records that quotes where it is needed, and ends lines with LF.
fn csv_writer<W: Write>(out: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().has_headers(false).flexible(true).from_writer(out)
}

/// What stands at the start of an output before the first batch: the header of CSV.
pub(super) fn preamble(format: Format, schema: &Schema) -> std::io::Result<Vec<u8>> {
    if format != Format::Csv || schema.fields().is_empty() {
        return Ok(Vec::new());
    }
    let mut writer = csv_writer(Vec::new());
    writer.write_record(schema.fields().iter().map(|field| field.name()))?;
    writer.into_inner().map_err(csv::IntoInnerError::into_error)
}

/// Parquet and Arrow IPC: the writer encodes. What can be done before is done here.
#[derive(Debug)]
struct RowsEncoder {
    target: Target,
}

impl Encoder for RowsEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        let batch = self.target.checked(batch)?;
        if self.target.format == Format::Parquet {
            return Ok(Encoded::Rows(batch));
        }
        let schema = written_schema(Format::Arrow, &self.target.schema);
        let mut columns = Vec::with_capacity(batch.num_columns());
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let column = arrow_cast::cast(column, field.data_type());
            columns.push(column.map_err(|source| self.target.error(SinkErrorKind::Schema { source }))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(schema, columns, &options);
        batch.map(Encoded::Rows).map_err(|source| self.target.error(SinkErrorKind::Schema { source }))
    }
}

/// The schema in the output. An Arrow IPC file has one dictionary for all batches, and batches come with different ones,
/// so there dictionaries are written out.
pub(super) fn written_schema(format: Format, schema: &SchemaRef) -> SchemaRef {
    if format != Format::Arrow {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        ArrowType::Dictionary(_, values) => field.as_ref().clone().with_data_type(values.as_ref().clone()),
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
