//! The step `json-extract`.

mod pointer;

pub use pointer::Pointer;
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::parameters::TextParameter as _;
use stillbox_sdk::{Context as _, JsonType, Parameters, Result, bail, step};

/// What the step is told.
#[derive(Debug, Parameters)]
#[parameters(inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The column to look into. A text that holds JSON has to be cast to `json` first.
    pub column: String,
    /// Where the value is: a JSON Pointer (RFC 6901) such as `/authors/0/name`. `~1` stands for `/` in a name, and `~0` for `~`.
    /// The empty pointer is the whole value. At most 4,096 bytes.
    pub pointer: Pointer,
    /// The column that the value goes to. It is added, or replaced.
    pub into: String,
    /// The type of the value. A value of another type rejects its row.
    #[parameter(name = "type", default = JsonType::Json)]
    pub value_type: JsonType,
    /// What becomes of a row where there is nothing: `null` makes the value null, `reject` rejects the row.
    #[parameter(default = Missing::Null)]
    pub missing: Missing,
}

/// What becomes of a row where there is nothing.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Missing {
    /// The value is null.
    Null,
    /// The row is rejected.
    Reject,
}

impl Parameters {
    fn inputs(&self) -> Vec<Field> {
        vec![Field::new(&self.column, DataType::Json)]
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(&self.into, self.value_type.data_type())]
    }
}

/// Takes a value out of JSON.
#[step]
pub fn json_extract<'a>(parameters: &Parameters, row: AnyRow<'a>) -> Result<AnyOutput<'a>> {
    let found = match row.json(0) {
        Some(json) => parameters.pointer.find(json)?,
        None => None,
    };
    let Some(found) = found else {
        if parameters.missing == Missing::Reject {
            bail!("the column `{}` has nothing at {:?}", parameters.column, parameters.pointer.source());
        }
        return Ok(AnyValue::Null.into());
    };
    if found.text() == "null" {
        return Ok(AnyValue::Null.into());
    }
    let value = found.value_as(parameters.value_type);
    let place = || format!("the column `{}` at {:?}", parameters.column, parameters.pointer.source());
    Ok(value.with_context(place)?.into())
}

#[cfg(test)]
mod tests {
    use stillbox_sdk::Json;
    use stillbox_sdk::contract::Output;
    use stillbox_sdk::testing::{batch, bind, column, values};

    use super::*;

    fn extracted(parameters: &str) -> Output {
        let mut step = bind::<json_extract>(&format!(r#"{{"column": "json", "into": "x", {parameters}}}"#)).unwrap();
        let rows = [r#"{"a": {"b": [1, "ä"]}}"#, r#"{"a": {"b": [null, 2]}}"#, r#"{"a": 1}"#, "[]", "null"];
        step.process(&batch([column("json", rows.map(Json::from_text))])).unwrap()
    }

    #[test]
    fn a_value_is_found_or_null() {
        let output = extracted(r#""pointer": "/a/b/0", "type": "integer""#);
        assert_eq!(values::<Option<i64>>(&output, "x"), [Some(1), None, None, None, None]);
        assert_eq!(output.origins, None);
    }

    #[test]
    fn nothing_there_or_another_type_may_be_rejected() {
        let output = extracted(r#""pointer": "/a/b/1", "type": "text", "missing": "reject""#);
        assert_eq!(values::<Option<String>>(&output, "x"), [Some("ä".to_owned())]);
        let said: Vec<_> = output.rejections.iter().map(|rejection| rejection.error.message.as_str()).collect();
        let nothing = "the column `json` has nothing at \"/a/b/1\"";
        assert_eq!(said, ["the column `json` at \"/a/b/1\"", nothing, nothing, nothing]);
        assert_eq!(output.rejections[0].error.causes, ["the number 2 is not a text"]);
    }

    #[test]
    fn a_pointer_begins_with_a_slash() {
        let error = bind::<json_extract>(r#"{"column": "json", "into": "x", "pointer": "a.b"}"#).unwrap_err();
        assert_eq!(error.message, "`pointer` does not begin with `/`: write \"/a/b\" for the member b of the member a");
    }
}
