//! The step `post-json`.

mod body;
// The same type as in the step `json-extract`; a component cannot depend on another one.
#[path = "../../json-extract/src/pointer.rs"]
mod pointer;

pub use body::Body;
pub use pointer::Pointer;
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::http::Request;
use stillbox_sdk::parameters::TextParameter as _;
use stillbox_sdk::serde_json::value::RawValue;
use stillbox_sdk::{Context as _, Json, JsonType, Parameters, Result, bail, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The URL to which each row is sent.
    pub url: String,
    /// The body of the request: JSON text. A text in it that is the name of a column in braces, such as `"{title}"`, becomes the value of
    /// that column with its type; in other texts, `{title}` is replaced by the text of the value. Write `{{` and `}}` for literal braces.
    pub body: Body,
    /// The place of the value in the answer: a JSON Pointer (RFC 6901) such as `/choices/0/text`. By default the whole answer.
    #[parameter(default)]
    pub pointer: Pointer,
    /// The output column, which is added or replaced.
    pub into: String,
    /// The type of the value. A value of another type rejects its row.
    #[parameter(name = "type", default = JsonType::Json)]
    pub value_type: JsonType,
}

impl Parameters {
    fn inputs(&self) -> Vec<Field> {
        self.body.columns().iter().map(|name| Field::new(name, DataType::Json)).collect()
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(&self.into, self.value_type.data_type())]
    }

    /// Returns the value of an answer.
    fn value(&self, answer: &str) -> Result<AnyOutput<'static>> {
        // The pointer looks at a part of it only.
        let answer: &RawValue = Json::from_text(answer).parse().context("the answer is not JSON")?;
        let Some(found) = self.pointer.find(Json::from_text(answer.get()))? else {
            bail!("the answer has no value at {:?}", self.pointer.source());
        };
        if found.text() == "null" {
            return Ok(AnyValue::Null.into());
        }
        let value = found.value_as(self.value_type);
        let value = value.with_context(|| format!("cannot use the answer at {:?}", self.pointer.source()))?;
        Ok(value.into_static().into())
    }
}

/// Sends each row as JSON by POST, and takes a value from the answer. The rows of a batch are sent at the same time, as far as the grant
/// allows.
#[step(concurrency = 64)]
pub async fn post_json(parameters: &Parameters, row: AnyRow<'_>) -> Result<AnyOutput<'static>> {
    let body = parameters.body.fill(|column| row.json(column))?;
    let response = Request::post(&parameters.url).json(body).send_async().await?;
    parameters.value(&response.text()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_at_the_pointer_is_taken_with_its_type() {
        let parameters = |pointer: &str, value_type| Parameters {
            url: "https://example.org/".into(),
            body: Body::parse("{}").unwrap(),
            pointer: Pointer::parse(pointer).unwrap(),
            into: "x".into(),
            value_type,
        };
        let answer = r#"{"a": [{"b": "c"}, null], "d": 12345678901234567890}"#;
        let text = parameters("/a/0/b", JsonType::Text).value(answer).unwrap();
        assert_eq!(text, AnyValue::Text("c".into()).into());
        assert_eq!(parameters("/a/1", JsonType::Text).value(answer).unwrap(), AnyValue::Null.into());
        let json = parameters("/d", JsonType::Json).value(answer).unwrap();
        assert_eq!(json, AnyValue::Json("12345678901234567890".into()).into());
        let error = parameters("/e", JsonType::Json).value(answer).unwrap_err();
        assert_eq!(error.message(), "the answer has no value at \"/e\"");
        assert!(parameters("/a/0/b", JsonType::Integer).value(answer).is_err());
        assert!(parameters("", JsonType::Json).value("<html>").is_err());
    }
}
