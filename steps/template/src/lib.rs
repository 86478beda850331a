//! The step `template`.

mod pieces;

pub use pieces::{Piece, Template};
use stillbox_sdk::any::{AnyRow, DataType, Field};
use stillbox_sdk::{Output, Parameters, Result, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check_optional, inputs = Self::inputs)]
pub struct Parameters {
    /// The text, with the names of columns in braces: `{title}: {body}`. Write `{{` and `}}` for literal braces. At most 65,536
    /// bytes.
    pub template: Template,
    /// The output column, which is added or replaced.
    pub into: String,
    /// The replacement of a null.
    #[parameter(default)]
    pub null: String,
    /// Columns of the template that may be missing; they count as null. All other columns must exist.
    #[parameter(default)]
    pub optional: Vec<String>,
}

impl Parameters {
    fn check_optional(&self) -> Result<()> {
        for name in &self.optional {
            ensure!(
                self.template.columns().contains(name),
                "`optional` names {name:?}, which `template` does not contain"
            );
        }
        Ok(())
    }

    fn inputs(&self) -> Vec<Field> {
        let field = |name: &String| {
            let field = Field::new(name, DataType::Json);
            if self.optional.contains(name) { field.or_missing() } else { field }
        };
        self.template.columns().iter().map(field).collect()
    }
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Filled {
    /// The text.
    #[column(from = "into")]
    pub text: String,
}

/// Fills the values of columns of any type into a text. Texts are inserted unchanged, other values as JSON.
#[step]
pub fn template(parameters: &Parameters, row: AnyRow<'_>) -> Result<Filled> {
    let mut text = String::new();
    for piece in parameters.template.pieces() {
        match piece {
            Piece::Text(piece) => text.push_str(piece),
            Piece::Column(column) => match row.json(*column) {
                Some(value) => text.push_str(&value.to_text()?),
                None => text.push_str(&parameters.null),
            },
        }
    }
    Ok(Filled { text })
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::testing::{batch, bind, column, values};

    use super::*;

    #[test]
    fn values_of_any_type_are_inserted() {
        let mut step = bind::<template>(r#"{"template": "{a}/{b}/{a}{{}}", "into": "c", "null": "-"}"#).unwrap();
        let json = |text| Some(stillbox_sdk::Json::from_text(text));
        let rows = batch([
            column("a", [json("\"\\u00e4\\n\""), json("1.50"), json("{\"x\": [1]}"), None]),
            column("b", [json("true"), None, json("\"\""), json("null")]),
        ]);
        let output = step.process(&rows).unwrap();
        let expected = ["ä\n/true/ä\n{}", "1.50/-/1.50{}", "{\"x\": [1]}//{\"x\": [1]}{}", "-/-/-{}"];
        assert_eq!(values::<String>(&output, "c"), expected);
    }

    #[test]
    fn an_optional_column_is_optional_in_the_signature() {
        let step = bind::<template>(r#"{"template": "{a}{b}", "into": "c", "optional": ["b"]}"#).unwrap();
        let optional: Vec<_> = step.signature().inputs.iter().map(|field| field.optional).collect();
        assert_eq!(optional, [false, true]);
        let error = bind::<template>(r#"{"template": "{a}", "into": "c", "optional": ["b"]}"#).unwrap_err();
        assert_eq!(error.message, "`optional` names \"b\", which `template` does not contain");
    }
}
