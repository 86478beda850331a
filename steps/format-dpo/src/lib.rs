//! The step `format-dpo`.

use stillbox_prompt::{Columns, Prompt};
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue, DataType, Field};
use stillbox_sdk::{Json, Parameters, Result, bail, ensure, step};

/// The parameters of the step.
#[derive(Debug, Parameters)]
#[parameters(check = Self::check, inputs = Self::inputs, outputs = Self::outputs)]
pub struct Parameters {
    /// The column with the instruction: a text, or a list of messages.
    #[parameter(default = "instruction")]
    pub instruction: String,
    /// A text column with the instructions for the model, which become the first message. A null is none.
    pub system: Option<String>,
    /// The text column with the better answer.
    pub better: Option<String>,
    /// The text column with the worse answer.
    pub worse: Option<String>,
    /// A column with a list of answers, instead of `better` and `worse`: those with the highest and the lowest score are used.
    pub answers: Option<String>,
    /// The column with the list of scores of `answers`. A row whose scores are all equal is rejected, because it has no preference.
    pub scores: Option<String>,
    /// The output column for the conversation with the better answer.
    #[parameter(default = "chosen")]
    pub chosen: String,
    /// The output column for the conversation with the worse answer.
    #[parameter(default = "rejected")]
    pub rejected: String,
    /// The output column for the score of the better answer, if there are `scores`.
    #[parameter(default = "chosen_score")]
    pub chosen_score: String,
    /// The output column for the score of the worse answer, if there are `scores`.
    #[parameter(default = "rejected_score")]
    pub rejected_score: String,
}

impl Parameters {
    fn check(&self) -> Result<()> {
        ensure!(self.better.is_some() == self.worse.is_some(), "`better` and `worse` need each other");
        ensure!(self.answers.is_some() == self.scores.is_some(), "`answers` and `scores` need each other");
        ensure!(
            self.better.is_some() != self.answers.is_some(),
            "give either `better` and `worse`, or `answers` and `scores`"
        );
        Ok(())
    }

    fn columns(&self) -> Columns<'_> {
        let columns = Columns::default().names([&self.instruction]).names(&self.system);
        columns.names(&self.better).names(&self.worse).names(&self.answers).names(&self.scores)
    }

    fn inputs(&self) -> Vec<Field> {
        self.columns().fields()
    }

    fn outputs(&self) -> Vec<Field> {
        let mut fields = vec![Field::new(&self.chosen, DataType::Json), Field::new(&self.rejected, DataType::Json)];
        if self.scores.is_some() {
            fields.extend([&self.chosen_score, &self.rejected_score].map(|name| Field::new(name, DataType::Float)));
        }
        fields
    }
}

/// Writes instructions with a better and a worse answer as two lists of messages, for training on preferences.
#[step]
pub fn format_dpo(parameters: &Parameters, row: AnyRow<'_>) -> Result<AnyOutput<'static>> {
    let columns = parameters.columns();
    let prompt = Prompt::from_columns(&columns, &row, &parameters.instruction, parameters.system.as_deref())?;
    let conversation = |answer: &str| AnyValue::Json(prompt.clone().answered(answer).to_json().to_string().into());
    if let (Some(better), Some(worse)) = (&parameters.better, &parameters.worse) {
        let (better, worse) = (columns.text(&row, better)?, columns.text(&row, worse)?);
        ensure!(better != worse, "the better and the worse answer are the same");
        return Ok(AnyOutput(vec![conversation(&better), conversation(&worse)]));
    }
    let (Some(answers), Some(scores)) = (&parameters.answers, &parameters.scores) else {
        bail!("there are neither `better` and `worse` nor `answers` and `scores`");
    };
    let texts = columns.texts(&row, answers)?;
    let scores = numbers(columns.get(&row, scores), scores)?;
    ensure!(texts.len() == scores.len(), "there are {} answers, but {} scores", texts.len(), scores.len());
    // The first ones of equals.
    let best = (0..scores.len()).rev().max_by(|one, other| scores[*one].total_cmp(&scores[*other]));
    let worst = (0..scores.len()).min_by(|one, other| scores[*one].total_cmp(&scores[*other]));
    let (Some(best), Some(worst)) = (best, worst) else { bail!("there are no answers") };
    ensure!(scores[best] > scores[worst], "the scores of all {} answers are equal, so none is better", texts.len());
    let (chosen, rejected) = (conversation(&texts[best]), conversation(&texts[worst]));
    Ok(AnyOutput(vec![chosen, rejected, AnyValue::Float(scores[best]), AnyValue::Float(scores[worst])]))
}

/// Reads a list of numbers.
fn numbers(list: Option<Json<'_>>, name: &str) -> Result<Vec<f64>> {
    let Some(list) = list else { bail!("the column `{name}` is null, and has to be a list of numbers") };
    match list.parse() {
        Ok(numbers) => Ok(numbers),
        Err(error) => Err(error.context(format_args!("the column `{name}` has to be a list of numbers"))),
    }
}
