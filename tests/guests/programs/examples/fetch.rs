//! Sends one request for each row, one after the other, and returns the response.

use stillbox_sdk::{Input, Output, Result, http, step};

#[derive(Input)]
struct Row<'a> {
    url: &'a str,
    /// GET by default.
    #[column(optional)]
    method: Option<&'a str>,
    #[column(optional)]
    body: Option<&'a str>,
    /// A header as `name: value`.
    #[column(optional)]
    header: Option<&'a str>,
}

#[derive(Output)]
struct Fetched {
    status: u16,
    answer: String,
    headers: String,
}

/// Fetches a URL.
#[step]
fn fetch(row: Row<'_>) -> Result<Fetched> {
    let mut request = http::Request::new(row.method.unwrap_or("GET"), row.url).body(row.body.unwrap_or_default());
    if let Some((name, value)) = row.header.and_then(|header| header.split_once(": ")) {
        request = request.header(name, value);
    }
    let response = request.send()?;
    let headers: Vec<String> =
        response.headers().iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
    let answer = String::from_utf8_lossy(response.body()).into_owned();
    Ok(Fetched { status: response.status(), answer, headers: headers.join("\n") })
}
