//! The step `judge`.

mod parameters;
mod prompts;

pub use parameters::{Mode, Parameters};
use stillbox_prompt::{Columns, Prompt};
use stillbox_sdk::any::{AnyOutput, AnyRow, AnyValue};
use stillbox_sdk::model::{Answer, Model};
use stillbox_sdk::serde_json::{Value, json};
use stillbox_sdk::{Json, Result, bail, ensure, step};

/// The most candidates of a row.
const MAX_CANDIDATES: usize = 64;
/// The most candidates that are compared with each other: 120 pairs.
const MAX_COMPARED: usize = 16;

/// Scores candidates by criteria with a language model, one by one or in pairs.
#[step(concurrency = 1024)]
pub async fn judge(parameters: &Parameters, row: AnyRow<'_>, model: Model) -> Result<AnyOutput<'static>> {
    let columns = parameters.columns();
    let candidates = candidates(parameters, &columns, &row)?;
    let task = prompts::Task::new(parameters, &columns, &row)?;
    let (scores, rationales) = match parameters.mode {
        Mode::Absolute => score(parameters, &task, &candidates, &model).await?,
        Mode::Pairwise => compare(parameters, &task, &candidates, &model).await?,
    };
    // The first of equal ones.
    let best = scores.iter().enumerate().rev().max_by(|(_, one), (_, other)| one.total_cmp(other));
    let scores: Value = scores.iter().map(|score| number(*score)).collect();
    Ok(AnyOutput(vec![
        AnyValue::Json(scores.to_string().into()),
        AnyValue::Json(rationales.to_string().into()),
        best.map_or(AnyValue::Null, |(index, _)| AnyValue::Integer(index as i64)),
        best.map_or(AnyValue::Null, |(_, score)| AnyValue::Float(*score)),
    ]))
}

/// Returns the texts to judge.
fn candidates(parameters: &Parameters, columns: &Columns<'_>, row: &AnyRow<'_>) -> Result<Vec<String>> {
    let texts: Vec<String> = match &parameters.candidates {
        Some(list) => columns.texts(row, list)?.into_iter().map(Into::into).collect(),
        None => {
            parameters.columns.iter().map(|name| Ok(columns.text(row, name)?.into_owned())).collect::<Result<_>>()?
        }
    };
    let (min, max) = match parameters.mode {
        Mode::Absolute => (1, MAX_CANDIDATES),
        Mode::Pairwise => (2, MAX_COMPARED),
    };
    ensure!(
        (min..=max).contains(&texts.len()),
        "there are {} candidates, and {min} to {max} can be judged",
        texts.len()
    );
    Ok(texts)
}

/// Asks for the score of each candidate. Returns the scores and the rationales.
async fn score(
    parameters: &Parameters,
    task: &prompts::Task,
    candidates: &[String],
    model: &Model,
) -> Result<(Vec<f64>, Value)> {
    let schema = json!({
        "type": "object",
        "properties": {
            "rationale": { "type": "string" },
            "score": { "type": "integer", "minimum": parameters.min_score, "maximum": parameters.max_score },
        },
        "required": ["rationale", "score"],
        "additionalProperties": false,
    });
    let request = |candidate: &String| ask(task.score(parameters, candidate)).schema(&schema);
    let answers = model.generate_each(candidates.iter().map(request).collect()).await;
    let (mut scores, mut rationales) = (Vec::new(), Vec::new());
    for answer in answers {
        let answer = object(&answer?)?;
        let Some(score) = answer["score"].as_f64() else { bail!("the answer of the model has no score") };
        scores.push(score);
        rationales.push(answer["rationale"].clone());
    }
    Ok((scores, rationales.into()))
}

/// Asks for the better candidate of each pair. Returns the number of comparisons that each wins, and all comparisons.
async fn compare(
    parameters: &Parameters,
    task: &prompts::Task,
    candidates: &[String],
    model: &Model,
) -> Result<(Vec<f64>, Value)> {
    let schema = json!({
        "type": "object",
        "properties": { "rationale": { "type": "string" }, "better": { "enum": ["A", "B", "tie"] } },
        "required": ["rationale", "better"],
        "additionalProperties": false,
    });
    let all = candidates.len();
    let mut pairs: Vec<(usize, usize)> = (0..all).flat_map(|a| (a + 1..all).map(move |b| (a, b))).collect();
    if parameters.both_orders {
        pairs = pairs.into_iter().flat_map(|(a, b)| [(a, b), (b, a)]).collect();
    }
    let request = |(a, b): &(usize, usize)| ask(task.compare(&candidates[*a], &candidates[*b])).schema(&schema);
    let answers = model.generate_each(pairs.iter().map(request).collect()).await;
    let (mut scores, mut comparisons) = (vec![0.0; all], Vec::new());
    for (answer, (a, b)) in answers.into_iter().zip(pairs) {
        let answer = object(&answer?)?;
        let better = match answer["better"].as_str() {
            Some("A") => Some(a),
            Some("B") => Some(b),
            _ => None,
        };
        if let Some(better) = better {
            scores[better] += 1.0;
        } else {
            scores[a] += 0.5;
            scores[b] += 0.5;
        }
        comparisons.push(json!({ "a": a, "b": b, "better": better, "rationale": answer["rationale"] }));
    }
    Ok((scores, comparisons.into()))
}

fn ask(text: String) -> stillbox_sdk::model::Request {
    Prompt::new(Some(prompts::SYSTEM.to_owned()), text).request()
}

fn object(answer: &Answer) -> Result<Value> {
    Json::from_text(&answer.text).parse()
}

/// Returns a JSON number, without a fraction for a whole number.
fn number(score: f64) -> Value {
    if score.fract() == 0.0 { json!(score as i64) } else { json!(score) }
}
