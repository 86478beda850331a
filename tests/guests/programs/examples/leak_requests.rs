//! Sends very many requests for each row, and neither reads nor drops the responses.

use std::mem::forget;

use stillbox_sdk::{Input, Output, Result, step};
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, OutgoingRequest, Scheme};

#[derive(Input)]
struct Row<'a> {
    authority: &'a str,
    count: u64,
}

#[derive(Output)]
struct Sent {
    sent: u64,
    refused: u64,
}

/// Leaks requests.
#[step]
#[expect(clippy::unnecessary_wraps, reason = "the form of a step")]
fn leak_requests(row: Row<'_>) -> Result<Sent> {
    let (mut sent, mut refused) = (0, 0);
    for _ in 0..row.count {
        let request = OutgoingRequest::new(Fields::new());
        let is_set =
            request.set_scheme(Some(&Scheme::Http)).is_ok() && request.set_authority(Some(row.authority)).is_ok();
        assert!(is_set, "the URL is valid");
        match handle(request, None) {
            Ok(response) => {
                // The host reports a refusal with the response.
                if response.get().is_some() {
                    refused += 1;
                } else {
                    sent += 1;
                }
                forget(response);
            }
            Err(_) => refused += 1,
        }
    }
    Ok(Sent { sent, refused })
}
