//! Columns that the parameters define.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::contract::Output;
use stillbox_sdk::testing::{Bound, batch, bind, column, values};
use stillbox_sdk::{Json, JsonType, Parameters, Result, ensure, step};

#[derive(Parameters)]
struct Column {
    name: String,
    data_type: String,
}

#[derive(Parameters)]
#[parameters(inputs = Self::inputs, outputs = Self::outputs)]
struct Wanted {
    columns: Vec<Column>,
    /// A suffix for the names of the copies.
    #[parameter(default = "_2")]
    suffix: String,
    #[parameter(default = false)]
    swap: bool,
    #[parameter(default = false)]
    or_missing: bool,
}

impl Wanted {
    fn fields(&self, suffix: &str) -> Vec<Field> {
        let field = |column: &Column| {
            let data_type = match column.data_type.as_str() {
                "boolean" => DataType::Boolean,
                "integer" => DataType::Integer,
                "float" => DataType::Float,
                "text" => DataType::Text,
                "binary" => DataType::Binary,
                "json" => DataType::Json,
                _ => DataType::Vector,
            };
            Field::new(format!("{}{suffix}", column.name), data_type)
        };
        self.columns.iter().map(field).collect()
    }

    fn inputs(&self) -> Vec<Field> {
        let fields = self.fields("").into_iter();
        fields.map(|field| if self.or_missing { field.or_missing() } else { field }).collect()
    }

    fn outputs(&self) -> Vec<Field> {
        self.fields(&self.suffix)
    }
}

/// Copies columns.
#[step]
fn copy<'a>(parameters: &Wanted, row: AnyRow<'a>) -> Result<AnyOutput<'a>> {
    let mut values: Vec<AnyValue<'a>> = (0..parameters.columns.len()).map(|i| row.get(i)).collect();
    if parameters.swap {
        values.reverse();
    }
    ensure!(values.first() != Some(&AnyValue::Integer(13)), "an unlucky number");
    Ok(AnyOutput(values))
}

fn bound(columns: &[(&str, &str)], more: &str) -> Bound {
    let columns: Vec<_> =
        columns.iter().map(|(name, ty)| format!(r#"{{"name": "{name}", "data-type": "{ty}"}}"#)).collect();
    bind::<copy>(&format!(r#"{{"columns": [{}]{more}}}"#, columns.join(","))).unwrap()
}

#[test]
fn every_type_is_read_and_written_with_nulls() {
    let types = ["boolean", "integer", "float", "text", "binary", "json", "vector"];
    let mut step = bound(&types.map(|name| (name, name)), "");
    assert!(step.signature().inputs.iter().chain(&step.signature().outputs).all(|field| field.nullable));
    let output = step
        .process(&batch([
            column("boolean", [None, Some(true)]),
            column("integer", [None, Some(-1)]),
            column("float", [None, Some(0.5)]),
            column("text", [None, Some("ä")]),
            column("binary", [None, Some(&[0_u8, 255][..])]),
            column("json", [None, Some(Json::from_text("[1]"))]),
            column("vector", [None, Some([1.5_f32, 2.0])]),
        ]))
        .unwrap();
    assert_eq!(output.origins, None);
    assert_eq!(values::<Option<bool>>(&output, "boolean_2"), [None, Some(true)]);
    assert_eq!(values::<Option<i64>>(&output, "integer_2"), [None, Some(-1)]);
    assert_eq!(values::<Option<f64>>(&output, "float_2"), [None, Some(0.5)]);
    assert_eq!(values::<Option<String>>(&output, "text_2"), [None, Some("ä".to_owned())]);
    assert_eq!(values::<Option<Vec<u8>>>(&output, "binary_2"), [None, Some(vec![0, 255])]);
    assert_eq!(values::<Option<stillbox_sdk::serde_json::Value>>(&output, "json_2")[1].as_ref().unwrap()[0], 1);
    assert_eq!(values::<Option<Vec<f32>>>(&output, "vector_2"), [None, Some(vec![1.5, 2.0])]);
}

#[test]
fn columns_without_values_have_the_declared_type() {
    let mut step = bound(&[("a", "integer"), ("b", "text")], "");
    for rows in [0, 3] {
        let nulls = vec![None::<i64>; rows];
        let output = step.process(&batch([column("a", nulls), column("b", vec![None::<String>; rows])])).unwrap();
        assert_eq!(values::<Option<i64>>(&output, "a_2"), vec![None; rows]);
        assert_eq!(values::<Option<String>>(&output, "b_2"), vec![None; rows]);
    }
}

fn numbers(output: &Output, name: &str) -> Vec<i64> {
    values::<Option<i64>>(output, name).into_iter().flatten().collect()
}

#[test]
fn a_rejected_row_adds_no_values() {
    let mut step = bound(&[("a", "integer")], "");
    let output = step.process(&batch([column("a", [1, 13, 2])])).unwrap();
    assert_eq!(numbers(&output, "a_2"), [1, 2]);
    assert_eq!(output.origins.as_deref(), Some(&[0, 2][..]));
    assert_eq!(output.rejections[0].row, 1);
}

#[test]
fn a_value_whose_type_differs_from_the_declared_one_is_an_internal_error() {
    let mut step = bound(&[("a", "integer"), ("b", "text")], r#", "swap": true"#);
    let error = step.process(&batch([column("a", [1]), column("b", ["x"])])).unwrap_err();
    assert_eq!(
        error.message,
        "the column `a_2` has values of the type DataType::Text, but the parameters declare DataType::Integer"
    );
    let rows = batch([column("a", [Some(1), Some(2)]), column("b", [None, Some("x")])]);
    let output = bound(&[("a", "integer"), ("b", "text")], "").process(&rows).unwrap();
    assert_eq!(values::<Option<String>>(&output, "b_2"), [None, Some("x".to_owned())]);
}

#[test]
fn a_missing_optional_column_is_null() {
    let mut step = bound(&[("a", "integer"), ("b", "text")], r#", "or-missing": true"#);
    assert!(step.signature().inputs.iter().all(|field| field.optional));
    let output = step.process(&batch([column("b", ["x"])])).unwrap();
    assert_eq!(values::<Option<i64>>(&output, "a_2"), [None]);
    let error = bound(&[("a", "integer"), ("b", "text")], "").process(&batch([column("b", ["x"])])).unwrap_err();
    assert_eq!(error.message, "the host sent no column `a`");
}

#[test]
fn two_columns_with_the_same_name_are_rejected() {
    let message = |json: &str| bind::<copy>(json).unwrap_err().message;
    let twice = r#"{"columns": [{"name": "a", "data-type": "text"}, {"name": "a", "data-type": "json"}]}"#;
    assert_eq!(message(twice), "two input columns have the name `a`");
    let twice =
        r#"{"columns": [{"name": "a", "data-type": "text"}, {"name": "a_2", "data-type": "text"}], "suffix": ""}"#;
    assert!(bind::<copy>(twice).is_ok());
}

#[test]
fn a_json_value_is_read_as_a_column_type() {
    let read = |json: &'static str, ty| match Json::from_text(json).value_as(ty) {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.message().to_owned(),
    };
    assert_eq!(read("1", JsonType::Integer), "Integer(1)");
    assert_eq!(read("1e3", JsonType::Integer), "Integer(1000)");
    assert_eq!(read("1.5", JsonType::Integer), "the number 1.5 is not a 64-bit integer");
    assert_eq!(
        read("9223372036854775808", JsonType::Integer),
        "the number 9223372036854775808 is not a 64-bit integer"
    );
    assert_eq!(read("0.1", JsonType::Float), "Float(0.1)");
    assert_eq!(read("1e400", JsonType::Float), "the number 1e400 is too large for a float");
    assert_eq!(read("\"1\"", JsonType::Integer), "the text \"1\" is not an integer");
    assert_eq!(read("\"\\u00e4\"", JsonType::Text), "Text(\"ä\")");
    assert_eq!(read("null", JsonType::Text), "Null");
    assert_eq!(read("[ 1]", JsonType::Json), "Json(\"[ 1]\")");
    assert_eq!(read("true", JsonType::Boolean), "Boolean(true)");
    assert_eq!(read("x", JsonType::Boolean), "\"x\" is not JSON");
    let long = format!("\"{}\"", "ä".repeat(70));
    let message = Json::from_text(&long).value_as(JsonType::Integer).unwrap_err().message().to_owned();
    assert_eq!(message, format!("the text \"{}...\" is not an integer", "ä".repeat(60)));
}
