//! Reading and writing columns of every type.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;

use stillbox_sdk::contract::{Field, Output as Made, Texts, Values};
use stillbox_sdk::serde_json::{Value, json};
use stillbox_sdk::testing::{TestColumn, batch, bind, column, values};
use stillbox_sdk::{Input, Json, Output, Result, step};

#[derive(Input)]
struct Row<'a> {
    boolean: bool,
    integer: i64,
    float: f64,
    text: &'a str,
    binary: &'a [u8],
    json: Json<'a>,
    vector: &'a [f32],
    nullable: Option<&'a str>,
    #[column(optional)]
    missing: Option<i64>,
}

#[derive(Output)]
struct Copied<'a> {
    boolean: bool,
    integer: i64,
    float: f64,
    text: &'a str,
    binary: Cow<'a, [u8]>,
    json: Json<'a>,
    vector: &'a [f32],
    nullable: Option<Cow<'a, str>>,
    missing: Option<i64>,
}

/// Copies every column.
#[step]
fn copy(row: Row<'_>) -> Result<Copied<'_>> {
    let Row { boolean, integer, float, text, binary, json, vector, nullable, missing } = row;
    Ok(Copied {
        boolean,
        integer,
        float,
        text,
        binary: binary.into(),
        json,
        vector,
        nullable: nullable.map(Cow::from),
        missing,
    })
}

#[derive(Input)]
struct Owned {
    text: String,
    binary: Vec<u8>,
    json: Value,
    vector: [f32; 2],
    small: u8,
    single: f32,
}

#[derive(Output)]
struct OwnedCopy {
    text: String,
    binary: Vec<u8>,
    json: Value,
    vector: [f32; 2],
    small: u8,
    single: f32,
}

/// Copies owned values.
#[step]
fn copy_owned(row: Owned) -> Result<OwnedCopy> {
    let Owned { text, binary, json, vector, small, single } = row;
    Ok(OwnedCopy { text, binary, json, vector, small, single })
}

fn columns() -> Vec<TestColumn> {
    vec![
        column("boolean", [true, false, true]),
        column("integer", [i64::MIN, 0, i64::MAX]),
        column("float", [f64::MIN_POSITIVE, -0.0, f64::INFINITY]),
        column("text", ["", "zwölf", "a\0\u{1F600}"]),
        column("binary", [&b""[..], b"\xff\0", b"x"]),
        column("json", ["null", r#"{"b":1,"a":[2.0]}"#, "12345678901234567890"].map(Json::from_text)),
        column("vector", [[1.0_f32, 2.0], [3.0, 4.0], [5.0, f32::INFINITY]]),
        column("nullable", [Some("x"), None, Some("")]),
    ]
}

fn copied(columns: Vec<TestColumn>) -> Made {
    bind::<copy>("{}").unwrap().process(&batch(columns)).unwrap()
}

#[test]
fn values_of_every_type_are_read_and_written_unchanged() {
    let output = copied(columns());
    assert_eq!(values::<bool>(&output, "boolean"), [true, false, true]);
    assert_eq!(values::<i64>(&output, "integer"), [i64::MIN, 0, i64::MAX]);
    assert_eq!(values::<f64>(&output, "float"), [f64::MIN_POSITIVE, -0.0, f64::INFINITY]);
    assert_eq!(values::<String>(&output, "text"), ["", "zwölf", "a\0\u{1F600}"]);
    assert_eq!(values::<Vec<u8>>(&output, "binary"), [&b""[..], b"\xff\0", b"x"]);
    assert_eq!(values::<Vec<f32>>(&output, "vector"), [[1.0, 2.0], [3.0, 4.0], [5.0, f32::INFINITY]]);
    assert_eq!(values::<Option<String>>(&output, "nullable"), [Some("x".to_owned()), None, Some(String::new())]);
    assert_eq!(values::<Option<i64>>(&output, "missing"), [None, None, None]);
    let Values::Json(Texts { bytes, .. }) = &output.columns[5].values else { panic!("{output:?}") };
    assert_eq!(bytes, br#"null{"b":1,"a":[2.0]}12345678901234567890"#, "JSON is copied byte for byte");
}

#[test]
fn an_optional_column_is_read_if_it_is_present() {
    let mut columns = columns();
    columns.push(column("missing", [Some(1), None, Some(3)]));
    assert_eq!(values::<Option<i64>>(&copied(columns), "missing"), [Some(1), None, Some(3)]);
}

#[test]
fn a_column_without_validity_has_no_nulls() {
    let mut columns = columns();
    columns[7] = column("nullable", ["x", "y", "z"]);
    let values = values::<Option<String>>(&copied(columns), "nullable");
    assert_eq!(values, ["x", "y", "z"].map(|text| Some(text.to_owned())));
}

#[test]
fn the_signature_contains_types_nullability_and_optional_columns() {
    let step = bind::<copy>("{}").unwrap();
    let describe = |fields: &[Field]| {
        let describe = |field: &Field| {
            let nullable = if field.nullable { " nullable" } else { "" };
            let optional = if field.optional { " optional" } else { "" };
            format!("{} {:?}{nullable}{optional}", field.name, field.data_type)
        };
        fields.iter().map(describe).collect::<Vec<_>>().join("\n")
    };
    let plain = "boolean DataType::Boolean\ninteger DataType::Integer\nfloat DataType::Float\ntext DataType::Text\n\
                 binary DataType::Binary\njson DataType::Json\nvector DataType::Vector\nnullable DataType::Text nullable\n";
    assert_eq!(describe(&step.signature().inputs), format!("{plain}missing DataType::Integer nullable optional"));
    assert_eq!(describe(&step.signature().outputs), format!("{plain}missing DataType::Integer nullable"));
}

fn owned(small: i64, vector: &[f32], json: &'static str) -> std::result::Result<(), String> {
    let columns = [
        column("text", ["text"]),
        column("binary", [&b"binary"[..]]),
        column("json", [Json::from_text(json)]),
        column("vector", [vector]),
        column("small", [small]),
        column("single", [0.5]),
    ];
    let output = bind::<copy_owned>("{}").unwrap().process(&batch(columns)).unwrap();
    if let Some(rejection) = output.rejections.first() {
        let error = &rejection.error;
        return Err([&error.message, &error.causes.join(": ")].map(String::as_str).join(" | "));
    }
    assert_eq!(values::<String>(&output, "text"), ["text"]);
    assert_eq!(values::<Vec<u8>>(&output, "binary"), [b"binary"]);
    assert_eq!(values::<Value>(&output, "json"), [json!({"a": 1})]);
    assert_eq!(values::<[f32; 2]>(&output, "vector"), [[1.0, 2.0]]);
    assert_eq!(values::<u8>(&output, "small"), [7]);
    assert_eq!(values::<f32>(&output, "single"), [0.5]);
    Ok(())
}

#[test]
fn a_row_can_own_its_values() {
    owned(7, &[1.0, 2.0], r#"{ "a": 1 }"#).unwrap();
}

#[test]
fn a_value_that_does_not_fit_rejects_its_row() {
    let json = r#"{"a":1}"#;
    assert_eq!(
        owned(256, &[1.0, 2.0], json).unwrap_err(),
        "256 in the column `small` is out of range: from 0 to 255 | "
    );
    assert_eq!(owned(-1, &[1.0, 2.0], json).unwrap_err(), "-1 in the column `small` is out of range: from 0 to 255 | ");
    assert_eq!(
        owned(7, &[1.0], json).unwrap_err(),
        "the vectors in the column `vector` have 1 elements instead of 2 | "
    );
    assert_eq!(
        owned(7, &[1.0, 2.0], "{").unwrap_err(),
        "cannot read the JSON in the column `json` | EOF while parsing an object at line 1 column 1"
    );
}

#[derive(Input)]
struct Large {
    large: u64,
}

#[derive(Output)]
struct Doubled {
    doubled: u64,
    vector: Option<Vec<f32>>,
}

/// Doubles numbers, and converts them to vectors.
#[step]
fn double(row: Large) -> Result<Doubled> {
    let vector = (row.large % 2 == 1).then(|| vec![row.large as f32; 2]);
    Ok(Doubled { doubled: row.large.wrapping_mul(2), vector })
}

#[test]
fn an_integer_that_is_too_large_for_the_contract_rejects_its_row() {
    let mut step = bind::<double>("{}").unwrap();
    let output = step.process(&batch([column("large", [2, i64::MAX, 5])])).unwrap();
    assert_eq!(values::<i64>(&output, "doubled"), [4, 10]);
    let message = "18446744073709551614 is above 9223372036854775807, the largest integer";
    assert_eq!(output.rejections[0].error.message, message);
}

#[test]
fn nulls_before_the_first_vector_have_its_width() {
    let mut step = bind::<double>("{}").unwrap();
    let output = step.process(&batch([column("large", [2, 4, 5, 6])])).unwrap();
    assert_eq!(values::<Option<Vec<f32>>>(&output, "vector"), [None, None, Some(vec![5.0, 5.0]), None]);
    let output = step.process(&batch([column("large", [2, 4])])).unwrap();
    assert_eq!(values::<Option<Vec<f32>>>(&output, "vector"), [None, None]);
}

/// Replaces a column of a valid batch, and returns the error that the step reports.
fn invalid(name: &str, values: Values, validity: Option<Vec<u8>>) -> String {
    let mut batch = batch(columns());
    let column = batch.columns.iter_mut().find(|column| column.name == name).unwrap();
    (column.values, column.validity) = (values, validity);
    let error = bind::<copy>("{}").unwrap().process(&batch).unwrap_err();
    assert_eq!(error.kind, stillbox_sdk::contract::ErrorKind::Internal);
    error.message
}

#[test]
fn an_invalid_column_is_reported_as_an_error_of_the_host() {
    let texts = |offsets: [u32; 4], bytes: &[u8]| Texts { offsets: offsets.into(), bytes: bytes.into() };
    let text = |offsets, bytes: &[u8]| invalid("text", Values::Text(texts(offsets, bytes)), None);
    assert_eq!(
        text([0, 2, 1, 3], b"abc"),
        "the host sent an invalid column `text`: its offsets do not ascend from 0 to its length"
    );
    assert_eq!(text([0, 1, 2, 4], b"abc"), text([0, 2, 1, 3], b"abc"));
    assert_eq!(text([1, 1, 2, 3], b"abc"), text([0, 2, 1, 3], b"abc"));
    assert_eq!(text([0, 1, 2, 3], b"a\xff\xff"), "the host sent an invalid column `text`: it is not UTF-8");
    assert_eq!(
        text([0, 1, 2, 3], "aä".as_bytes()),
        "the host sent an invalid column `text`: a value ends inside a character"
    );
    assert_eq!(
        invalid("text", Values::Text(Texts { offsets: vec![0], bytes: vec![] }), None),
        "the host sent an invalid column `text`: it does not have one offset per row and one more"
    );
    assert_eq!(
        invalid("integer", Values::Integer(vec![1]), None),
        "the host sent an invalid column `integer`: it does not have one number per row"
    );
    assert_eq!(
        invalid("integer", Values::Float(vec![1.0; 3]), None),
        "the host sent an invalid column `integer`: its type is not integer"
    );
    assert_eq!(
        invalid("integer", Values::Integer(vec![1; 3]), Some(vec![0b101])),
        "the host sent an invalid column `integer`: a value is null"
    );
    assert_eq!(
        invalid("nullable", Values::Text(texts([0; 4], b"")), Some(vec![])),
        "the host sent an invalid column `nullable`: its validity does not have one bit per row"
    );
}

#[test]
fn a_missing_column_is_reported_as_an_error_of_the_host() {
    let mut columns = columns();
    columns.remove(3);
    let error = bind::<copy>("{}").unwrap().process(&batch(columns)).unwrap_err();
    assert_eq!(error.message, "the host sent no column `text`");
}
