//! Requests to a model, and their JSON.

use std::fmt::Write as _;

use arrow_cast::base64::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};

use super::settings::ModelSettings;

/// A request for text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelRequest {
    pub(crate) prompt: Prompt,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) stop: Vec<String>,
    pub(crate) seed: Option<i64>,
    /// The JSON Schema that the answer has to match.
    pub(crate) schema: Option<Value>,
    /// Whether an answer that the server cut off is used.
    pub(crate) allow_truncated: bool,
}

/// The text that the model continues.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Prompt {
    /// A conversation.
    Messages(Vec<ModelMessage>),
    /// The start of a text, with the markers of the model itself.
    Text(String),
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ModelMessage {
    pub(crate) speaker: Speaker,
    pub(crate) content: Vec<Part>,
}

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    System,
    User,
    Assistant,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Text(String),
    /// The media type and the bytes of an image.
    Image(String, Vec<u8>),
}

impl Speaker {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl ModelRequest {
    /// Returns the path of the endpoint.
    pub(crate) fn path(&self) -> &'static str {
        match self.prompt {
            Prompt::Messages(_) => "chat/completions",
            Prompt::Text(_) => "completions",
        }
    }

    /// Returns the name of the operation in telemetry.
    pub(crate) fn operation(&self) -> &'static str {
        match self.prompt {
            Prompt::Messages(_) => "chat",
            Prompt::Text(_) => "text_completion",
        }
    }

    /// Returns the JSON that is sent.
    pub(crate) fn body(&self, settings: &ModelSettings) -> Value {
        let mut body = settings.body.clone();
        body.insert("model".into(), settings.model.clone().into());
        match &self.prompt {
            Prompt::Messages(messages) => {
                body.insert("messages".into(), messages.iter().map(message).collect());
            }
            Prompt::Text(text) => {
                body.insert("prompt".into(), text.clone().into());
            }
        }
        let mut set = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(key.to_owned(), value);
            }
        };
        set("max_tokens", self.max_tokens.map(Into::into));
        set("temperature", self.temperature.map(Into::into));
        set("top_p", self.top_p.map(Into::into));
        set("seed", self.seed.map(Into::into));
        set("stop", (!self.stop.is_empty()).then(|| self.stop.clone().into()));
        let format = |schema: &Value| json!({ "type": "json_schema", "json_schema": { "name": "answer", "strict": true, "schema": schema } });
        set("response_format", self.schema.as_ref().map(format));
        Value::Object(body)
    }

    /// Returns the JSON of a short request to the same endpoint.
    pub(crate) fn short(&self, settings: &ModelSettings) -> Value {
        match self.prompt {
            Prompt::Messages(_) => {
                json!({ "model": settings.model, "messages": [{ "role": "user", "content": "Hi" }], "max_tokens": 1 })
            }
            Prompt::Text(_) => json!({ "model": settings.model, "prompt": "Hi", "max_tokens": 1 }),
        }
    }

    /// Returns the request with an answer that does not match the schema, and a message that asks for another one.
    pub(crate) fn corrected(&self, answer: &str, problem: &str) -> Self {
        let mut next = self.clone();
        match &mut next.prompt {
            Prompt::Messages(messages) => {
                let text = |speaker, text: String| ModelMessage { speaker, content: vec![Part::Text(text)] };
                let ask =
                    format!("This does not match the JSON Schema: {problem}\nAnswer with the corrected JSON alone.");
                messages.extend([text(Speaker::Assistant, answer.to_owned()), text(Speaker::User, ask)]);
            }
            Prompt::Text(prompt) => {
                let _ =
                    write!(prompt, "{answer}\nThis does not match the JSON Schema: {problem}\nThe corrected JSON:\n");
            }
        }
        next
    }
}

fn message(message: &ModelMessage) -> Value {
    let content = match &message.content[..] {
        // The oldest servers take a text alone.
        [Part::Text(text)] => Value::from(text.as_str()),
        parts => parts.iter().map(part).collect(),
    };
    let mut object = Map::new();
    object.insert("role".into(), message.speaker.name().into());
    object.insert("content".into(), content);
    Value::Object(object)
}

fn part(part: &Part) -> Value {
    match part {
        Part::Text(text) => json!({ "type": "text", "text": text }),
        Part::Image(media_type, bytes) => {
            let url = format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes));
            json!({ "type": "image_url", "image_url": { "url": url } })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_the_settings_of_the_model_and_of_the_request() {
        let mut settings = ModelSettings::new("writer", "http://localhost:1/v1", "small");
        settings.body = serde_json::from_str(r#"{ "temperature": 1, "top_k": 20 }"#).unwrap();
        let mut request = ModelRequest {
            prompt: Prompt::Messages(vec![
                ModelMessage { speaker: Speaker::System, content: vec![Part::Text("Be brief.".into())] },
                ModelMessage {
                    speaker: Speaker::User,
                    content: vec![
                        Part::Text("What is it?".into()),
                        Part::Image("image/png".into(), vec![255, 0, 1, 2]),
                    ],
                },
            ]),
            max_tokens: Some(5),
            temperature: Some(0.5),
            top_p: None,
            stop: vec!["\n".into()],
            seed: Some(-1),
            schema: Some(json!({ "type": "object" })),
            allow_truncated: false,
        };
        insta::assert_snapshot!(request.body(&settings), @r#"{"temperature":0.5,"top_k":20,"model":"small","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"What is it?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,/wABAg=="}}]}],"max_tokens":5,"seed":-1,"stop":["\n"],"response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}}}"#);
        request.prompt = Prompt::Text("Once".into());
        (request.schema, request.stop) = (None, Vec::new());
        insta::assert_snapshot!(request.body(&settings), @r#"{"temperature":0.5,"top_k":20,"model":"small","prompt":"Once","max_tokens":5,"seed":-1}"#);
        assert_eq!(request.path(), "completions");
    }

    #[test]
    fn images_have_the_test_vectors_of_rfc_4648() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")];
        for (plain, encoded) in pairs {
            let image = part(&Part::Image("image/png".into(), plain.into()));
            assert_eq!(image["image_url"]["url"], format!("data:image/png;base64,{encoded}"));
        }
    }
}
