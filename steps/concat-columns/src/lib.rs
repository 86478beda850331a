//! The step `concat-columns`.

use stillbox_sdk::any::{AnyRow, DataType, Field};
use stillbox_sdk::{Output, Parameters, Result, ensure, step};

/// What the step is told.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check_columns, inputs = Self::inputs)]
pub struct Parameters {
    /// The columns to put together, in this order: at least one, each once.
    pub columns: Vec<String>,
    /// The column that the text goes to. It is added, or replaced.
    pub into: String,
    /// What stands between two values.
    #[parameter(default = " ")]
    pub separator: String,
    /// What becomes of a null: `skip` leaves it out, with its separator; `empty` has an empty text in its place.
    #[parameter(default = Nulls::Skip)]
    pub nulls: Nulls,
}

/// What becomes of a null.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Nulls {
    /// It is left out, and so is its separator.
    Skip,
    /// An empty text stands in its place.
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

/// What the step writes.
#[derive(Debug, Output)]
pub struct Joined {
    /// The text.
    #[column(from = "into")]
    pub text: String,
}

/// Puts the values of columns together to one text. Texts are put in as they are, and other values as their JSON.
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
    fn nulls_are_skipped() {
        let mut step = bind::<concat_columns>(r#"{"columns": ["b", "a"], "into": "c"}"#).unwrap();
        assert_eq!(values::<String>(&step.process(&rows()).unwrap(), "c"), ["1 x", "[true]", "", "ü "]);
    }

    #[test]
    fn nulls_are_empty_where_that_is_asked_for() {
        let parameters = r#"{"columns": ["a", "b"], "into": "a", "separator": ", ", "nulls": "empty"}"#;
        let mut step = bind::<concat_columns>(parameters).unwrap();
        assert_eq!(values::<String>(&step.process(&rows()).unwrap(), "a"), ["x, 1", ", [true]", ", ", ", ü"]);
    }

    #[test]
    fn columns_are_needed_and_named_once() {
        let message = |columns: &str| {
            bind::<concat_columns>(&format!(r#"{{"columns": {columns}, "into": "c"}}"#)).unwrap_err().message
        };
        assert_eq!(message("[]"), "`columns` names no column");
        assert_eq!(message(r#"["a", "a"]"#), "two input columns have the name `a`");
    }
}
