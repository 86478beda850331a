//! Requests for text.

use crate::contract::stillbox::step::model as contract;

/// A request for text. Settings that are not set are those of the pipeline file, or of the server.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) contract: contract::Request,
}

impl Request {
    /// Starts a conversation with a message of the user.
    pub fn new(text: impl Into<String>) -> Self {
        Self::conversation().user(text)
    }

    /// Starts a conversation without a message.
    pub fn conversation() -> Self {
        Self::with(contract::Prompt::Messages(Vec::new()))
    }

    /// Asks for the continuation of a text, which contains the markers of the model's own format. Not all servers can.
    pub fn completion(text: impl Into<String>) -> Self {
        Self::with(contract::Prompt::Text(text.into()))
    }

    fn with(prompt: contract::Prompt) -> Self {
        let (max_tokens, temperature, top_p, seed, schema) = (None, None, None, None, None);
        let (stop, allow_truncated) = (Vec::new(), false);
        Self {
            contract: contract::Request { prompt, max_tokens, temperature, top_p, stop, seed, schema, allow_truncated },
        }
    }

    /// Sets the instructions for the whole conversation, before all other messages. No effect on a completion.
    #[must_use]
    pub fn system(mut self, text: impl Into<String>) -> Self {
        if let contract::Prompt::Messages(messages) = &mut self.contract.prompt {
            messages.insert(0, message(contract::Role::System, text.into()));
        }
        self
    }

    /// Adds a message of the user. No effect on a completion.
    #[must_use]
    pub fn user(self, text: impl Into<String>) -> Self {
        self.message(contract::Role::User, text.into())
    }

    /// Adds a message of the model. No effect on a completion.
    #[must_use]
    pub fn assistant(self, text: impl Into<String>) -> Self {
        self.message(contract::Role::Assistant, text.into())
    }

    fn message(mut self, role: contract::Role, text: String) -> Self {
        if let contract::Prompt::Messages(messages) = &mut self.contract.prompt {
            messages.push(message(role, text));
        }
        self
    }

    /// Adds an image to the last message, with its media type, such as `image/png`. No effect on a completion.
    #[must_use]
    pub fn image(mut self, media_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        let image = contract::Image { media_type: media_type.into(), bytes: bytes.into() };
        if let contract::Prompt::Messages(messages) = &mut self.contract.prompt
            && let Some(last) = messages.last_mut()
        {
            last.content.push(contract::Part::Image(image));
        }
        self
    }

    /// Sets the largest number of tokens of the answer.
    #[must_use]
    pub fn max_tokens(mut self, tokens: u32) -> Self {
        self.contract.max_tokens = Some(tokens);
        self
    }

    /// Sets the randomness of the answer, from 0.
    #[must_use]
    pub fn temperature(mut self, temperature: f64) -> Self {
        self.contract.temperature = Some(temperature);
        self
    }

    /// Sets the probability mass from which tokens are drawn, up to 1.
    #[must_use]
    pub fn top_p(mut self, top_p: f64) -> Self {
        self.contract.top_p = Some(top_p);
        self
    }

    /// Adds a text at which the answer ends.
    #[must_use]
    pub fn stop(mut self, text: impl Into<String>) -> Self {
        self.contract.stop.push(text.into());
        self
    }

    /// Sets the seed of the server's random numbers.
    #[must_use]
    pub fn seed(mut self, seed: i64) -> Self {
        self.contract.seed = Some(seed);
        self
    }

    /// Sets a JSON Schema that the answer has to match. The host validates the answer, and asks the model to correct it.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers pass values that they have just created")]
    pub fn schema(mut self, schema: impl ToString) -> Self {
        self.contract.schema = Some(schema.to_string());
        self
    }

    /// Returns an answer that is cut off at the largest number of tokens, instead of an error.
    #[must_use]
    pub fn allow_truncated(mut self) -> Self {
        self.contract.allow_truncated = true;
        self
    }

    /// Returns the bytes that the host has to read.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn size(&self) -> usize {
        let part = |part: &contract::Part| match part {
            contract::Part::Text(text) => text.len(),
            contract::Part::Image(image) => image.bytes.len() + image.media_type.len(),
        };
        let message =
            |message: &contract::Message| 32 + message.content.iter().map(|one| 32 + part(one)).sum::<usize>();
        let prompt = match &self.contract.prompt {
            contract::Prompt::Text(text) => text.len(),
            contract::Prompt::Messages(messages) => messages.iter().map(message).sum(),
        };
        let stop: usize = self.contract.stop.iter().map(|text| 8 + text.len()).sum();
        128 + prompt + stop + self.contract.schema.as_ref().map_or(0, String::len)
    }
}

fn message(role: contract::Role, text: String) -> contract::Message {
    contract::Message { role, content: vec![contract::Part::Text(text)] }
}
