//! Every Arrow type in every format, and the page that lists them.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array as _, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType as ArrowType, Schema};

use super::samples::{self, Sample};
use super::{spec, text, write};
use crate::data_type::DataType;
use crate::format::{Format, NonFinite};
use crate::json::json_texts;
use crate::source::{self, SourceLocation, SourceSchema, SourceSpec};
use crate::values::{IntervalForm, arrow_field, key_texts, logical_type, parquet_field};

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/types.md"));

fn rows(sample: &Sample) -> RecordBatch {
    let schema = Arc::new(Schema::new(vec![sample.field.clone()]));
    RecordBatch::try_new(schema, vec![Arc::clone(&sample.array)]).unwrap()
}

/// Writes rows to a file and reads them.
fn written_and_read(rows: &RecordBatch, format: Format) -> RecordBatch {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows");
    write(&spec(&path, format, rows), &[rows]).unwrap();
    let location = SourceLocation::path(path);
    let spec = SourceSpec::new(location, format, 100);
    let mut source = source::open(&spec).unwrap();
    assert!(matches!(source.schema, SourceSchema::Known(_)));
    let chunk = source.reader.next_chunk().unwrap().unwrap();
    source.decoder.decode(chunk).unwrap().rows
}

fn json(rows: &RecordBatch) -> StringArray {
    json_texts(rows.column(0), rows.schema_ref().field(0), NonFinite::Text).unwrap()
}

#[test]
fn every_type_keeps_its_values_in_parquet_and_arrow() {
    for sample in samples::all() {
        let before = rows(&sample);
        for format in [Format::Parquet, Format::Arrow] {
            let after = written_and_read(&before, format);
            let what = format!("{} in {format}", sample.field.data_type());
            let (field, array) = (after.schema_ref().field(0), after.column(0));
            assert_eq!(logical_type(field), logical_type(&sample.field), "{what}");
            assert_eq!(DataType::from_field(field), DataType::from_field(&sample.field), "{what}");
            assert_eq!(json(&after), json(&before), "{what}");
            let keys = |array: &ArrayRef, field| key_texts(array, field).unwrap();
            assert_eq!(keys(array, field), keys(&sample.array, &sample.field), "{what}");
        }
    }
}

#[test]
fn every_type_has_the_same_text_in_json_lines_and_csv() {
    for sample in samples::all() {
        let rows = rows(&sample);
        let lines = text(Format::JsonLines, &rows);
        let value = json(&rows);
        let shown = if value.is_valid(0) { value.value(0) } else { "null" };
        assert_eq!(lines, format!("{{\"a\":{shown}}}\n{{\"a\":null}}\n"), "{}", sample.field.data_type());
        let csv = text(Format::Csv, &rows);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let fields: Vec<_> = reader.records().map(|record| record.unwrap()[0].to_owned()).collect();
        let is_json = DataType::from_field(&sample.field) == Some(DataType::Json);
        let unquoted = serde_json::from_str::<String>(shown).ok().filter(|_| !is_json);
        let expected = if shown == "null" { String::new() } else { unquoted.unwrap_or_else(|| shown.to_owned()) };
        assert_eq!(fields, [expected, String::new()], "{}", sample.field.data_type());
    }
}

/// Returns the row of a type in the page.
fn page_row(sample: &Sample) -> String {
    let step = DataType::from_field(&sample.field).map_or("refused", DataType::name);
    let json = json(&rows(sample));
    let json = if json.is_valid(0) { json.value(0) } else { "null" };
    let same = |written: &ArrowType| {
        if written == sample.field.data_type() { "the same".to_owned() } else { format!("`{written}`") }
    };
    let parquet = match parquet_field(&sample.field, IntervalForm::Type).unwrap().data_type() {
        ArrowType::Interval(_) => "`INTERVAL`".to_owned(),
        written => same(written),
    };
    let arrow = same(arrow_field(&sample.field).unwrap().data_type());
    let name = match sample.field.extension_type_name() {
        Some(extension) => format!("`{}` with `{extension}`", sample.field.data_type()),
        None => format!("`{}`", sample.field.data_type()),
    };
    format!("| {name} | `{step}` | `{json}` | {parquet} | {arrow} |\n")
}

#[test]
fn the_page_of_types_is_what_the_code_does() {
    let table: String = samples::all().iter().map(page_row).collect();
    assert!(PAGE.contains(&table), "docs/types.md does not have this table:\n{table}");
}

#[test]
fn types_without_a_form_in_a_format_are_refused_before_the_first_row() {
    let empty = ArrowType::Struct(arrow_schema::Fields::empty());
    let nested = ArrowType::List(Arc::new(arrow_schema::Field::new("item", empty.clone(), true)));
    for data_type in [empty, nested, ArrowType::FixedSizeBinary(0)] {
        let schema = Arc::new(Schema::new(vec![arrow_schema::Field::new("a", data_type.clone(), true)]));
        let spec = |format| super::SinkSpec { schema: Arc::clone(&schema), ..spec(Path::new("out"), format, &none()) };
        assert!(super::check_types(&spec(Format::Parquet)).is_err(), "{data_type}");
        assert!(super::check_types(&spec(Format::JsonLines)).is_ok(), "{data_type}");
    }
}

fn none() -> RecordBatch {
    RecordBatch::new_empty(Arc::new(Schema::empty()))
}
