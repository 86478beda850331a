//! The step `magpie`.

use stillbox_prompt::{Columns, Prompt, Role, Template};
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::model::{Model, Request};
use stillbox_sdk::{Parameters, Result, bail, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// Instructions for the model, a template over the columns, such as `You help with {{ topic }}.`
    pub system: Option<Template>,
    /// The number of messages of the user, each with an answer.
    #[parameter(default = 1, min = 1, max = 16)]
    pub turns: u32,
    /// Whether the model answers the last message of the user.
    #[parameter(default = true)]
    pub answer: bool,
    /// The output column for the list of messages.
    #[parameter(default = "messages")]
    pub into: String,
    /// The text before a message of the user in the chat template of the model. By default that of `ChatML`.
    #[parameter(default = "<|im_start|>user\n")]
    pub user: String,
    /// The text before an answer.
    #[parameter(default = "<|im_start|>assistant\n")]
    pub assistant: String,
    /// The text before the instructions.
    #[parameter(default = "<|im_start|>system\n")]
    pub system_start: String,
    /// The text after each message. Without the white space around it, it ends the answers.
    #[parameter(default = "<|im_end|>\n")]
    pub end: String,
    /// The largest number of tokens of a message.
    #[parameter(min = 1)]
    pub max_tokens: Option<u32>,
    /// The randomness of the messages, from 0.
    #[parameter(min = 0.0)]
    pub temperature: Option<f64>,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        ensure!(!self.user.trim().is_empty(), "`user` is empty");
        ensure!(!self.end.trim().is_empty(), "`end` is empty");
        Ok(())
    }

    fn columns(&self) -> Columns<'_> {
        Columns::default().template(self.system.as_ref())
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns().fields()
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(&self.into, DataType::Json)]
    }

    /// Returns the text before a message.
    fn start(&self, role: Role) -> &str {
        match role {
            Role::System => &self.system_start,
            Role::User => &self.user,
            Role::Assistant => &self.assistant,
        }
    }

    /// Returns the request for the next message after a text.
    fn request(&self, text: &str) -> Request {
        let mut request = Request::completion(text).stop(self.end.trim());
        if let Some(tokens) = self.max_tokens {
            request = request.max_tokens(tokens);
        }
        if let Some(temperature) = self.temperature {
            request = request.temperature(temperature);
        }
        request
    }
}

/// Lets a language model write both sides of conversations: it continues the start of a user's message in its own chat template, so
/// it writes what its training has users ask (Xu et al.: Magpie, 2024).
#[step(concurrency = 1024)]
pub async fn magpie(parameters: &Parameters, row: AnyRow<'_>, model: Model) -> Result<AnyOutput<'static>> {
    let columns = parameters.columns();
    let mut messages = Vec::new();
    let mut text = String::new();
    if let Some(template) = &parameters.system {
        let system = columns.render(&row, "system", template)?;
        text.extend([&*parameters.system_start, &*system, &*parameters.end]);
        messages.push((Role::System, system));
    }
    for turn in 1..=parameters.turns {
        for role in [Role::User, Role::Assistant] {
            if role == Role::Assistant && turn == parameters.turns && !parameters.answer {
                continue;
            }
            text += parameters.start(role);
            let written = model.generate_one(parameters.request(&text)).await?.text;
            // Not all servers remove it.
            let written = written.split(parameters.end.trim()).next().unwrap_or_default().trim();
            if written.is_empty() {
                let message = if role == Role::User { "message of the user" } else { "answer" };
                bail!("the model wrote an empty {message} in turn {turn}");
            }
            text.extend([written, &*parameters.end]);
            messages.push((role, written.to_owned()));
        }
    }
    Ok(AnyValue::Json(Prompt::Messages(messages).to_json().to_string().into()).into())
}
