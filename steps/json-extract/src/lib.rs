//! The step `json-extract`.

mod pointer;

pub use pointer::Pointer;
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::parameters::TextParameter as _;
use stillbox_sdk::{Context as _, JsonType, Parameters, Result, bail, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The column with the JSON. Cast a text column that contains JSON to `json` first.
    pub column: String,
    /// The place of the value: a JSON Pointer (RFC 6901) such as `/authors/0/name`. In a name, `~1` stands for `/` and `~0` for
    /// `~`. The empty pointer refers to the whole value. At most 4,096 bytes.
    pub pointer: Pointer,
    /// The output column, which is added or replaced.
    pub into: String,
    /// The type of the value. A value of another type rejects its row.
    #[parameter(name = "type", default = JsonType::Json)]
    pub value_type: JsonType,
    /// The treatment of a row without a value at the pointer: `null` writes a null, `reject` rejects the row.
    #[parameter(default = Missing::Null)]
    pub missing: Missing,
}

/// The treatment of a row without a value at the pointer.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Missing {
    /// The value becomes null.
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

/// Extracts a value from JSON.
#[step]
pub fn json_extract<'a>(parameters: &Parameters, row: AnyRow<'a>) -> Result<AnyOutput<'a>> {
    let found = match row.json(0) {
        Some(json) => parameters.pointer.find(json)?,
        None => None,
    };
    let Some(found) = found else {
        if parameters.missing == Missing::Reject {
            bail!("the column `{}` has no value at {:?}", parameters.column, parameters.pointer.source());
        }
        return Ok(AnyValue::Null.into());
    };
    if found.text() == "null" {
        return Ok(AnyValue::Null.into());
    }
    let value = found.value_as(parameters.value_type);
    let message =
        || format!("cannot extract {:?} from the column `{}`", parameters.pointer.source(), parameters.column);
    Ok(value.with_context(message)?.into())
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
    fn a_value_at_the_pointer_is_extracted_and_a_missing_one_is_null() {
        let output = extracted(r#""pointer": "/a/b/0", "type": "integer""#);
        assert_eq!(values::<Option<i64>>(&output, "x"), [Some(1), None, None, None, None]);
        assert_eq!(output.origins, None);
    }

    #[test]
    fn a_missing_value_or_one_of_another_type_rejects_its_row() {
        let output = extracted(r#""pointer": "/a/b/1", "type": "text", "missing": "reject""#);
        assert_eq!(values::<Option<String>>(&output, "x"), [Some("ä".to_owned())]);
        let messages: Vec<_> = output.rejections.iter().map(|rejection| rejection.error.message.as_str()).collect();
        let missing = "the column `json` has no value at \"/a/b/1\"";
        assert_eq!(messages, ["cannot extract \"/a/b/1\" from the column `json`", missing, missing, missing]);
        assert_eq!(output.rejections[0].error.causes, ["the number 2 is not a text"]);
    }

    #[test]
    fn a_pointer_without_a_leading_slash_is_rejected() {
        let error = bind::<json_extract>(r#"{"column": "json", "into": "x", "pointer": "a.b"}"#).unwrap_err();
        assert_eq!(error.message, "`pointer` does not start with `/`: write \"/a/b\" for the member b of the member a");
    }
}
