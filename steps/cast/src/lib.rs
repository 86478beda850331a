//! The step `cast`.

mod convert;

pub use convert::{convert, convert_non_finite};
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::{Context as _, JsonType, Parameters, Result, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The column to convert, of any type.
    pub column: String,
    /// The type to convert to.
    #[parameter(name = "type")]
    pub to: JsonType,
    /// The output column. By default `column` is replaced.
    pub into: Option<String>,
    /// The treatment of a value that does not fit: `reject` rejects its row, `null` writes a null.
    #[parameter(default = Invalid::Reject)]
    pub invalid: Invalid,
}

/// The treatment of a value that does not fit.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Invalid {
    /// The row is rejected.
    Reject,
    /// The value becomes null.
    Null,
}

impl Parameters {
    fn inputs(&self) -> Vec<Field> {
        vec![Field::new(&self.column, DataType::Json)]
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(self.into.as_ref().unwrap_or(&self.column), self.to.data_type())]
    }
}

/// Converts a column to another type. A value that does not fit is rejected, and no value is rounded silently.
#[step]
pub fn cast<'a>(parameters: &Parameters, row: AnyRow<'a>) -> Result<AnyOutput<'a>> {
    let Some(json) = row.json(0) else { return Ok(AnyValue::Null.into()) };
    let converted = match row.non_finite(0) {
        Some(number) => convert_non_finite(number, parameters.to),
        None => convert(json, parameters.to),
    };
    match converted {
        Err(_) if parameters.invalid == Invalid::Null => Ok(AnyValue::Null.into()),
        converted => Ok(converted.with_context(|| format!("cannot cast the column `{}`", parameters.column))?.into()),
    }
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::Json;
    use stillbox_sdk::testing::{batch, bind, column, values};

    use super::*;

    #[test]
    fn a_value_that_does_not_fit_rejects_its_row() {
        let mut step = bind::<cast>(r#"{"column": "n", "type": "integer"}"#).unwrap();
        let rows = ["\"12\"", "null", "\"x\"", "3.5"].map(Json::from_text);
        let output = step.process(&batch([column("n", rows)])).unwrap();
        assert_eq!(values::<Option<i64>>(&output, "n"), [Some(12), None]);
        let rejections: Vec<_> = output.rejections.iter().map(|rejection| (rejection.row, &rejection.error)).collect();
        assert_eq!(rejections.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(rejections[0].1.message, "cannot cast the column `n`");
        assert_eq!(rejections[0].1.causes, ["the text \"x\" is not an integer"]);
    }

    #[test]
    fn a_value_that_does_not_fit_becomes_null_if_requested() {
        let mut step = bind::<cast>(r#"{"column": "n", "type": "float", "into": "f", "invalid": "null"}"#).unwrap();
        let output = step.process(&batch([column("n", ["\"1.5\"", "\"x\"", "2"].map(Json::from_text))])).unwrap();
        assert_eq!(values::<Option<f64>>(&output, "f"), [Some(1.5), None, Some(2.0)]);
        assert_eq!(output.origins, None);
    }

    #[test]
    fn an_unknown_type_is_rejected() {
        let error = bind::<cast>(r#"{"column": "n", "type": "int"}"#).unwrap_err();
        let message = "`type` cannot be \"int\"; expected one of `boolean`, `integer`, `float`, `text`, `json`";
        assert_eq!(error.message, message);
    }
}
