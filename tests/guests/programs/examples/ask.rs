//! Asks a model once for each row of a batch.

use stillbox_sdk::model::{Model, Request};
use stillbox_sdk::{Batch, Input, Output, Parameters, Result, Rows, step};

#[derive(Parameters)]
struct Parameters {
    #[parameter(default)]
    max_tokens: u32,
    /// A JSON Schema, or nothing.
    #[parameter(default)]
    schema: String,
    /// The part that the model plays.
    #[parameter(default = "default")]
    role: String,
}

#[derive(Input)]
struct Question<'a> {
    prompt: &'a str,
}

#[derive(Output)]
struct Answered {
    answer: String,
}

/// Asks a model.
#[step]
fn ask(parameters: &Parameters, batch: Batch<'_, Question<'_>>) -> Result<Rows<Answered>> {
    let request = |row: Result<Question<'_>>| {
        let mut request = Request::new(row?.prompt);
        if parameters.max_tokens > 0 {
            request = request.max_tokens(parameters.max_tokens);
        }
        Ok(if parameters.schema.is_empty() { request } else { request.schema(&parameters.schema) })
    };
    let requests = batch.iter().map(request).collect::<Result<_>>()?;
    let mut rows = Rows::new();
    for (row, answer) in Model::named(parameters.role.clone()).generate(requests)?.into_iter().enumerate() {
        rows.push_or_reject(row, answer.map(|answer| Answered { answer: answer.text }));
    }
    Ok(rows)
}
