//! The step `format-sft`.

use stillbox_prompt::{Columns, Prompt};
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::{Parameters, Result, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The column with the instruction: a text, or a list of messages.
    #[parameter(default = "instruction")]
    pub instruction: String,
    /// The text column with the answer.
    #[parameter(default = "generation")]
    pub answer: String,
    /// A text column with the instructions for the model, which become the first message. A null is none.
    pub system: Option<String>,
    /// The output column.
    #[parameter(default = "messages")]
    pub into: String,
}

impl Parameters {
    fn columns(&self) -> Columns<'_> {
        Columns::default().names([&self.instruction, &self.answer]).names(&self.system)
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns().fields()
    }

    fn outputs(&self) -> Vec<Field> {
        vec![Field::new(&self.into, DataType::Json)]
    }
}

/// Writes instructions and answers as lists of messages, for supervised fine-tuning.
#[step]
pub fn format_sft(parameters: &Parameters, row: AnyRow<'_>) -> Result<AnyOutput<'static>> {
    let columns = parameters.columns();
    let answer = columns.text(&row, &parameters.answer)?;
    ensure!(!answer.trim().is_empty(), "the answer in the column `{}` is empty", parameters.answer);
    let prompt = Prompt::from_columns(&columns, &row, &parameters.instruction, parameters.system.as_deref())?;
    Ok(AnyValue::Json(prompt.answered(answer).to_json().to_string().into()).into())
}
