//! Asks a model two times for each row, or once, the rows of a batch together.

use stillbox_sdk::model::{Model, Request};
use stillbox_sdk::{Input, Output, Result, step};

#[derive(Input)]
struct Question<'a> {
    prompt: &'a str,
}

#[derive(Output)]
struct Answered {
    answer: String,
}

/// Asks a model two times.
#[step(concurrency = 64)]
async fn ask_twice(row: Question<'_>, model: Model) -> Result<Answered> {
    if row.prompt.starts_with("once") {
        return Ok(Answered { answer: model.generate_one(Request::new(row.prompt)).await?.text });
    }
    let first = model.generate_one(Request::new(row.prompt)).await?;
    let second = Request::new(row.prompt).assistant(first.text).user("again");
    Ok(Answered { answer: model.generate_one(second).await?.text })
}
