//! Input files of every format.

use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use crate::format::{Compression, Format, NonFinite};
use crate::json::json_texts;
use crate::sink::{self, Encoded, SinkLocation, SinkSpec};
use crate::source::{self, DecodedBatch, SourceLocation, SourceSchema, SourceSpec};

/// The formats of input files, by the names of their files.
pub const FORMATS: [&str; 5] = ["csv", "jsonl", "json", "parquet", "arrow"];

/// Reads a file completely, in batches of at most so many rows, and writes its values as JSON. Returns the rows as one batch,
/// or `None` for an input without columns.
///
/// # Errors
/// The message of the error that a run would have.
pub fn read_input(path: &Path, format: &str, batch_rows: usize) -> Result<Option<RecordBatch>, String> {
    let format = match format {
        "csv" => Format::Csv,
        "jsonl" => Format::JsonLines,
        "json" => Format::Json,
        "parquet" => Format::Parquet,
        _ => Format::Arrow,
    };
    let spec = SourceSpec::new(SourceLocation::path(path.to_owned()), format, batch_rows);
    let mut open = source::open(&spec).map_err(|error| error.to_string())?;
    let SourceSchema::Known(schema) = open.schema.clone() else { return Ok(None) };
    let carrying = open.decoder.carrying(&[0..1, 2..schema.fields().len()]);
    let mut batches = Vec::new();
    while let Some(chunk) = open.reader.next_chunk().map_err(|error| error.to_string())? {
        let carried = carrying.as_ref().map(|decoder| decoder.decode(chunk.clone()));
        let decoded = open.decoder.decode(chunk).map_err(|error| error.to_string());
        if let Some(carried) = carried {
            check_carried(carried.map_err(|error| error.to_string()).as_ref(), decoded.as_ref(), &schema);
        }
        let rows = decoded?.rows;
        for (column, field) in rows.columns().iter().zip(schema.fields()) {
            // A type that JSON cannot represent is an error of `check`.
            let _ = json_texts(column, field, NonFinite::Text);
        }
        batches.push(rows);
    }
    concat_batches(&schema, &batches).map(Some).map_err(|error| error.to_string())
}

/// Checks that carried columns have the text that a sink writes for decoded ones.
fn check_carried(
    carried: Result<&DecodedBatch, &String>,
    decoded: Result<&DecodedBatch, &String>,
    schema: &arrow_schema::SchemaRef,
) {
    let (carried, decoded) = match (carried, decoded) {
        (Ok(carried), Ok(decoded)) => (carried, decoded),
        (carried, decoded) => return assert_eq!(carried.err(), decoded.err()),
    };
    let (location, compression) = (SinkLocation::Stdout, Compression::None);
    let (format, non_finite) = (Format::JsonLines, NonFinite::Error);
    let spec = SinkSpec { location, format, compression, non_finite, schema: Arc::clone(schema) };
    let encoder = sink::encoder(&spec, false).expect("JSON has all types of columns of JSON");
    let text = carried.carried.as_ref();
    let written = text
        .map_or_else(|| encoder.encode(&carried.rows), |text| encoder.encode_carried(&carried.rows, text, &|row| row));
    let bytes = |encoded| match encoded {
        Ok(Encoded::Bytes(bytes)) => bytes,
        other => panic!("JSON Lines are bytes: {other:?}"),
    };
    assert_eq!(bytes(written), bytes(encoder.encode(&decoded.rows)));
}
