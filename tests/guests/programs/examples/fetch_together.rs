//! Sends the requests of all rows of a batch at the same time.

use stillbox_sdk::{Input, Output, Result, http, step};

#[derive(Input)]
struct Row<'a> {
    url: &'a str,
}

#[derive(Output)]
struct Fetched {
    answer: String,
}

/// Fetches a URL.
#[step(concurrency = 64)]
async fn fetch_together(row: Row<'_>) -> Result<Fetched> {
    Ok(Fetched { answer: http::Request::get(row.url).send_async().await?.text()? })
}
