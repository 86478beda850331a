//! The step `generate-text`.

mod image;
mod parameters;

pub use parameters::Parameters;
use stillbox_prompt::{Columns, Prompt, metadata};
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue};
use stillbox_sdk::model::{Answer, Model, Request};
use stillbox_sdk::serde_json::Value;
use stillbox_sdk::{Context as _, Result, bail, step};

/// Writes the answers of a language model to a prompt, which is a template over the columns or a list of messages.
#[step(concurrency = 1024)]
pub async fn generate_text(parameters: &Parameters, row: AnyRow<'_>, model: Model) -> Result<Vec<AnyOutput<'static>>> {
    let columns = parameters.columns();
    let prompt = prompt(parameters, &columns, &row)?;
    let mut request = parameters.set(prompt.request());
    for (index, name) in parameters.images.iter().enumerate() {
        if let AnyValue::Binary(bytes) = row.get(columns.len() + index) {
            let media_type = image::media_type(&bytes);
            let media_type = media_type.with_context(|| format!("cannot send the image of the column `{name}`"))?;
            request = request.image(media_type, bytes);
        }
    }
    let requests: Vec<Request> = (0..parameters.answers).map(|_| request.clone()).collect();
    let answers = model.generate_each(requests).await.into_iter().collect::<Result<Vec<_>>>()?;
    Ok(outputs(parameters, &prompt, answers))
}

/// Returns the input of the model.
fn prompt(parameters: &Parameters, columns: &Columns<'_>, row: &AnyRow<'_>) -> Result<Prompt> {
    let fill = |name: &str, template| columns.render(row, name, template);
    let system = parameters.system.as_ref().map(|template| fill("system", template)).transpose()?;
    if let Some(name) = &parameters.messages {
        let Some(list) = columns.get(row, name) else {
            bail!("the column `{name}` is null, and has to be a list of messages")
        };
        return Prompt::from_messages(list, system).with_context(|| format!("cannot use the column `{name}`"));
    }
    let Some(template) = &parameters.prompt else { bail!("there is neither `prompt` nor `messages`") };
    let text = fill("prompt", template)?;
    Ok(if parameters.completion { Prompt::Text(text) } else { Prompt::new(system, text) })
}

/// Returns the output rows: one for each answer, or one with all.
fn outputs(parameters: &Parameters, prompt: &Prompt, answers: Vec<Answer>) -> Vec<AnyOutput<'static>> {
    let output = |answer: AnyValue<'static>, known: &dyn Fn() -> Value| {
        let known = parameters.metadata.as_ref().map(|_| AnyValue::Json(known().to_string().into()));
        [answer].into_iter().chain(known).collect()
    };
    if parameters.is_list() {
        let texts: Value = answers.iter().map(|answer| answer.text.as_str()).collect();
        let known = || answers.iter().map(|answer| metadata(prompt, answer)).collect();
        return vec![output(AnyValue::Json(texts.to_string().into()), &known)];
    }
    let row = |answer: Answer| {
        let known = || metadata(prompt, &answer);
        output(AnyValue::Text(answer.text.clone().into()), &known)
    };
    answers.into_iter().map(row).collect()
}
