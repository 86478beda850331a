//! The parameters of the step.

use stillbox_prompt::{Columns, Template};
use stillbox_sdk::any::{DataType, Field};
use stillbox_sdk::model::Request;
use stillbox_sdk::{Parameters, Result, ensure};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The message to the model: a template over the columns, such as `Translate: {{ text }}`.
    pub prompt: Option<Template>,
    /// A column with a conversation, instead of `prompt`: a list of objects with a `role` (`system`, `user` or `assistant`) and a `content`.
    pub messages: Option<String>,
    /// The instructions for the model, a template like `prompt`. A conversation of `messages` that has its own keeps them.
    pub system: Option<Template>,
    /// The output column.
    #[parameter(default = "generation")]
    pub into: String,
    /// The number of answers. More than one are a JSON list, unless `rows` is set.
    #[parameter(default = 1, min = 1, max = 1000)]
    pub answers: u32,
    /// Writes a row for each answer.
    #[parameter(default)]
    pub rows: bool,
    /// Binary columns with images (PNG, JPEG, GIF or WebP), which follow the last message. A null is no image.
    #[parameter(default)]
    pub images: Vec<String>,
    /// Continues the text of `prompt` at the endpoint for completions, which applies no chat template. Not all servers can.
    #[parameter(default)]
    pub completion: bool,
    /// The largest number of tokens of an answer.
    #[parameter(min = 1)]
    pub max_tokens: Option<u32>,
    /// The randomness of an answer, from 0.
    #[parameter(min = 0.0)]
    pub temperature: Option<f64>,
    /// The probability mass from which tokens are drawn.
    #[parameter(min = 0.0, max = 1.0)]
    pub top_p: Option<f64>,
    /// Texts at which an answer ends.
    #[parameter(default)]
    pub stop: Vec<String>,
    /// The seed of the server's random numbers.
    pub seed: Option<i64>,
    /// Keeps an answer that is cut off at the largest number of tokens, which otherwise rejects its row.
    #[parameter(default)]
    pub allow_truncated: bool,
    /// An output column for what is known about an answer. By default there is none.
    pub metadata: Option<String>,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        ensure!(self.prompt.is_some() != self.messages.is_some(), "give either `prompt` or `messages`");
        if self.completion {
            ensure!(self.prompt.is_some(), "`completion` continues the text of `prompt`, and not `messages`");
            ensure!(
                self.system.is_none(),
                "`completion` has no `system` message; write the instructions into `prompt`"
            );
            ensure!(self.images.is_empty(), "`completion` cannot have `images`");
        }
        ensure!(!self.rows || self.answers > 1, "`rows` needs more than one of `answers`");
        ensure!(self.answers == 1 || self.temperature != Some(0.0), "`answers` at a `temperature` of 0 are the same");
        for image in &self.images {
            ensure!(!self.columns().contains(image), "the column `{image}` is an image, and cannot be used as a text");
        }
        Ok(())
    }

    /// Returns the columns that are not images.
    pub(crate) fn columns(&self) -> Columns<'_> {
        let columns = Columns::default().template(self.prompt.as_ref()).template(self.system.as_ref());
        columns.names(&self.messages)
    }

    /// Returns whether the output column is a list.
    pub(crate) fn is_list(&self) -> bool {
        self.answers > 1 && !self.rows
    }

    fn inputs(&self) -> Vec<Field> {
        let images = self.images.iter().map(|name| Field::new(name, DataType::Binary));
        self.columns().fields().into_iter().chain(images).collect()
    }

    fn outputs(&self) -> Vec<Field> {
        let into = Field::new(&self.into, if self.is_list() { DataType::Json } else { DataType::Text });
        let metadata = self.metadata.as_ref().map(|name| Field::new(name, DataType::Json));
        [into].into_iter().chain(metadata).collect()
    }

    /// Sets the settings of a request.
    pub(crate) fn set(&self, mut request: Request) -> Request {
        if let Some(tokens) = self.max_tokens {
            request = request.max_tokens(tokens);
        }
        if let Some(temperature) = self.temperature {
            request = request.temperature(temperature);
        }
        if let Some(top_p) = self.top_p {
            request = request.top_p(top_p);
        }
        if let Some(seed) = self.seed {
            request = request.seed(seed);
        }
        if self.allow_truncated {
            request = request.allow_truncated();
        }
        self.stop.iter().fold(request, Request::stop)
    }
}
