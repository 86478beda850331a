//! Prompts: conversations, and texts to continue.

use std::borrow::Cow;

use serde_json::{Value, json};
use stillbox_sdk::any::AnyRow;
use stillbox_sdk::model::Request;
use stillbox_sdk::{Context as _, Json, JsonValue, Result, bail, ensure};

use crate::Columns;

/// The input of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// The messages of a conversation: their roles and texts.
    Messages(Vec<(Role, String)>),
    /// A text that the model continues.
    Text(String),
}

/// The author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Instructions for the whole conversation.
    System,
    /// The user of the model.
    User,
    /// The model.
    Assistant,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl Prompt {
    /// Starts a conversation with a message of the user, after instructions if there are any.
    pub fn new(system: Option<String>, user: impl Into<String>) -> Self {
        let system = system.map(|text| (Role::System, text));
        Self::Messages(system.into_iter().chain([(Role::User, user.into())]).collect())
    }

    /// Reads a list of objects with a `role` and a `content`. `system` is added unless the conversation has its own instructions.
    ///
    /// # Errors
    /// The value is not such a list, is empty, or ends with a message of the model.
    pub fn from_messages(list: Json<'_>, system: Option<String>) -> Result<Self> {
        let elements = match list.value()? {
            JsonValue::List(list) => list.elements()?,
            other => bail!("{} is not a list of messages", other.describe()),
        };
        let mut messages = Vec::with_capacity(elements.len() + 1);
        for (index, element) in elements.into_iter().enumerate() {
            let (role, text) = message(element).with_context(|| format!("message {index} is wrong"))?;
            ensure!(
                index == 0 || role != Role::System,
                "message {index} has the role `system`, which only the first one can have"
            );
            messages.push((role, text));
        }
        match messages.last() {
            None => bail!("the list of messages is empty"),
            Some((Role::User, _)) => {}
            Some((role, _)) => bail!("the last message has the role `{}`; it has to be one of the `user`", role.name()),
        }
        if let Some(system) = system
            && messages[0].0 != Role::System
        {
            messages.insert(0, (Role::System, system));
        }
        Ok(Self::Messages(messages))
    }

    /// Reads a column with a text, which becomes a message of the user, or with a list of messages. `system` is a column with
    /// instructions.
    ///
    /// # Errors
    /// The value is neither.
    pub fn from_columns(columns: &Columns<'_>, row: &AnyRow<'_>, name: &str, system: Option<&str>) -> Result<Self> {
        let system = system.filter(|system| columns.get(row, system).is_some());
        let system = system.map(|system| columns.text(row, system).map(Cow::into_owned)).transpose()?;
        match columns.get(row, name) {
            None => bail!("the column `{name}` is null, and has to be a text or a list of messages"),
            Some(json) => match json.value()? {
                JsonValue::Text(text) => Ok(Self::new(system, text)),
                _ => Self::from_messages(json, system).with_context(|| format!("cannot use the column `{name}`")),
            },
        }
    }

    /// Adds an answer of the model. No effect on a text.
    #[must_use]
    pub fn answered(mut self, answer: impl Into<String>) -> Self {
        if let Self::Messages(messages) = &mut self {
            messages.push((Role::Assistant, answer.into()));
        }
        self
    }

    /// Returns the request.
    pub fn request(&self) -> Request {
        match self {
            Self::Text(text) => Request::completion(text),
            Self::Messages(messages) => {
                messages.iter().fold(Request::conversation(), |request, (role, text)| match role {
                    Role::System => request.system(text),
                    Role::User => request.user(text),
                    Role::Assistant => request.assistant(text),
                })
            }
        }
    }

    /// Returns the list of messages, or the text.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Messages(messages) => {
                messages.iter().map(|(role, text)| json!({ "role": role.name(), "content": text })).collect()
            }
        }
    }
}

/// Reads a message. Its content is a text, or a list of parts that are texts.
fn message(value: Json<'_>) -> Result<(Role, String)> {
    let Some(role) = value.member("role")? else { bail!("it has no `role`") };
    let role = match role.value()? {
        JsonValue::Text(role) => {
            [Role::System, Role::User, Role::Assistant].into_iter().find(|known| known.name() == role)
        }
        _ => None,
    };
    let Some(role) = role else { bail!("its `role` is not `system`, `user` or `assistant`") };
    let Some(content) = value.member("content")? else { bail!("it has no `content`") };
    let text = match content.value()? {
        JsonValue::Text(text) => text.into_owned(),
        JsonValue::List(parts) => {
            let parts = parts.elements()?.into_iter().map(part).collect::<Result<Vec<_>>>()?;
            parts.concat()
        }
        other => bail!("its `content` has to be a text, not {}", other.describe()),
    };
    Ok((role, text))
}

fn part(value: Json<'_>) -> Result<Cow<'_, str>> {
    if let JsonValue::Object(part) = value.value()?
        && let Some(text) = part.member("text")?
        && let JsonValue::Text(text) = text.value()?
    {
        return Ok(text);
    }
    bail!("a part of its `content` is not a text; images are columns")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &'static str) -> Result<Prompt> {
        Prompt::from_messages(Json::from_text(json), Some("Be kind.".to_owned()))
    }

    #[test]
    fn messages_are_read_and_the_own_instructions_of_a_conversation_count() {
        let prompt =
            read(r#"[{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]"#)
                .unwrap();
        let expected = r#"[{"role":"system","content":"Be kind."},{"role":"user","content":"ab"}]"#;
        assert_eq!(prompt.to_json().to_string(), expected);
        let own = r#"[{"role":"system","content":"Be brief."},{"role":"user","content":"a"}]"#;
        assert_eq!(read(own).unwrap().to_json().to_string(), own);
    }

    #[test]
    fn a_wrong_message_is_named() {
        let problem = |json| format!("{:#}", read(json).unwrap_err());
        assert_eq!(problem("[]"), "the list of messages is empty");
        assert_eq!(problem("{}"), "the object {} is not a list of messages");
        assert_eq!(
            problem(r#"[{"role": "tool", "content": ""}]"#),
            "message 0 is wrong: its `role` is not `system`, `user` or `assistant`"
        );
        assert_eq!(
            problem(r#"[{"role": "user", "content": 1}]"#),
            "message 0 is wrong: its `content` has to be a text, not the number 1"
        );
        assert_eq!(
            problem(r#"[{"role": "assistant", "content": "a"}]"#),
            "the last message has the role `assistant`; it has to be one of the `user`"
        );
    }
}
