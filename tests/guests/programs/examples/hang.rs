//! Does not end: loops, sleeps, waits for a response or for an answer of a model, as each row says.

use stillbox_sdk::model::{Model, Request};
use stillbox_sdk::{Input, Output, Result, http, step};

#[derive(Input)]
struct Row<'a> {
    /// `loop`, `sleep`, `fetch` or `ask`; anything else ends at once.
    how: &'a str,
    /// The URL to fetch.
    #[column(optional)]
    url: Option<&'a str>,
}

#[derive(Output)]
struct Ended {
    ended: bool,
}

/// Hangs.
#[step]
fn hang(row: Row<'_>) -> Result<Ended> {
    match row.how {
        "loop" => loop_forever(),
        "sleep" => std::thread::sleep(std::time::Duration::from_mins(10)),
        "fetch" => {
            http::Request::new("GET", row.url.unwrap_or_default()).send()?;
        }
        "ask" => {
            Model::default().generate(vec![Request::new("Are you there?")])?;
        }
        _ => {}
    }
    Ok(Ended { ended: true })
}

#[inline(never)]
fn loop_forever() {
    loop {
        std::hint::spin_loop();
    }
}
