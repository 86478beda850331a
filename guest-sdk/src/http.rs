//! Requests by HTTP, for a step with a grant. Feature `http`.
//!
//! ```no_run
//! # use stillbox_sdk::{Result, http};
//! # fn example(id: u64) -> Result<()> {
//! let page = http::get(&format!("https://api.example.org/v1/items/{id}"))?.text()?;
//! let answer = http::Request::post("https://api.example.org/v1/score")
//!     .header("content-type", "application/json")
//!     .body(r#"{"text": "some words"}"#)
//!     .send()?;
//! # Ok(())
//! # }
//! ```
//!
//! The host decides which requests leave the machine: the pipeline file grants URLs under `[[step.allow.http]]`, and the host
//! adds keys and tokens by itself. It follows no redirects. Requests to anything else fail, and the failure's record has the
//! lines that are missing from the pipeline file.
//!
//! In an `async` step the rows of a batch are processed at the same time, and each request waits without holding up the others:
//!
//! ```no_run
//! # use stillbox_sdk::{Input, Output, Result, http, step};
//! # #[derive(Input)]
//! # struct Row<'a> { url: &'a str }
//! # #[derive(Output)]
//! # struct Fetched { status: u16 }
//! /// Fetches a URL.
//! #[step(concurrency = 32)]
//! async fn fetch(row: Row<'_>) -> Result<Fetched> {
//!     Ok(Fetched { status: http::Request::get(row.url).send_async().await?.status() })
//! }
//! # fn main() {}
//! ```
//!
//! A step that takes a whole batch, a source or an aggregate sends requests at the same time with [`join_all`]:
//!
//! ```no_run
//! # use stillbox_sdk::{Result, http};
//! # fn example(urls: &[String]) -> Result<()> {
//! let responses = http::join_all(8, urls.iter().map(|url| http::Request::get(url).send_async()));
//! # Ok(())
//! # }
//! ```
//!
//! An error of a request is transient if another attempt may succeed: no connection, a timeout, or a response with the status 408,
//! 425, 429 or 5xx, whose `retry-after` the host obeys under `on-failure = { retry = … }`.

#[cfg(target_arch = "wasm32")]
mod client;
mod request;
mod response;
#[cfg(target_arch = "wasm32")]
mod wait;

pub use crate::run::join_all;
pub use request::{Request, get};
pub use response::Response;
#[cfg(target_arch = "wasm32")]
pub(crate) use wait::wait_for_any;

/// Elsewhere than in a component nothing can be waited for.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn wait_for_any() -> bool {
    false
}
