//! The step `concat-columns`.

use stillbox_sdk::any::{AnyRow, DataType, Field};
use stillbox_sdk::{Output, Parameters, Result, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check_columns, inputs = Self::inputs)]
pub struct Parameters {
    /// The columns to concatenate, in this order: at least one, each only once.
    pub columns: Vec<String>,
    /// The output column, which is added or replaced.
    pub into: String,
    /// The text between two values.
    #[parameter(default = " ")]
    pub separator: String,
    /// The treatment of a null: `skip` omits it and its separator; `empty` treats it as an empty text.
    #[parameter(default = Nulls::Skip)]
    pub nulls: Nulls,
}

/// The treatment of a null.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Nulls {
    /// Omits the null and its separator.
    Skip,
    /// Treats the null as an empty text.
    Empty,
}

impl Parameters {
    fn check_columns(&self) -> Result<()> {
        ensure!(!self.columns.is_empty(), "`columns` names no column");
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns.iter().map(|name| Field::new(name, DataType::Json)).collect()
    }
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Joined {
    /// The text.
    #[column(from = "into")]
    pub text: String,
}

/// Concatenates the values of columns into one text. Texts are inserted unchanged, other values as JSON.
#[step]
pub fn concat_columns(parameters: &Parameters, row: AnyRow<'_>) -> Result<Joined> {
    let mut text = String::new();
    let mut is_first = true;
    for column in 0..parameters.columns.len() {
        let value = row.json(column);
        if value.is_none() && parameters.nulls == Nulls::Skip {
            continue;
        }
        if !std::mem::replace(&mut is_first, false) {
            text.push_str(&parameters.separator);
        }
        if let Some(value) = value {
            text.push_str(&value.to_text()?);
        }
    }
    Ok(Joined { text })
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::testing::{batch, bind, column, values};
    use stillbox_sdk::{Json, contract};

    use super::*;

    fn rows() -> contract::Batch {
        let json = |text| Some(Json::from_text(text));
        batch([
            column("a", [json("\"x\""), None, None, json("\"\"")]),
            column("b", [json("1"), json("[true]"), None, json("\"ü\"")]),
        ])
    }

    #[test]
    fn nulls_are_skipped_by_default() {
        let mut step = bind::<concat_columns>(r#"{"columns": ["b", "a"], "into": "c"}"#).unwrap();
        assert_eq!(values::<String>(&step.process(&rows()).unwrap(), "c"), ["1 x", "[true]", "", "ü "]);
    }

    #[test]
    fn nulls_are_empty_texts_if_requested() {
        let parameters = r#"{"columns": ["a", "b"], "into": "a", "separator": ", ", "nulls": "empty"}"#;
        let mut step = bind::<concat_columns>(parameters).unwrap();
        assert_eq!(values::<String>(&step.process(&rows()).unwrap(), "a"), ["x, 1", ", [true]", ", ", ", ü"]);
    }

    #[test]
    fn a_missing_or_repeated_column_is_rejected() {
        let message = |columns: &str| {
            bind::<concat_columns>(&format!(r#"{{"columns": {columns}, "into": "c"}}"#)).unwrap_err().message
        };
        assert_eq!(message("[]"), "`columns` names no column");
        assert_eq!(message(r#"["a", "a"]"#), "two input columns have the name `a`");
    }
}
