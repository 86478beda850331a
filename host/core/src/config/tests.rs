//! Parsing whole files, and the text of every diagnostic.

mod diagnostics;
mod documents;
mod files;
mod limits;
mod on_failure;
mod overrides;
mod rejects;
mod schema;
mod syntax;
mod whole;

use std::path::Path;

use super::Config;

/// A valid pipeline, for tests that break one setting.
const VALID: &str = r#"[pipeline]
name = "tidy"

[[source]]
path = "in.jsonl"

[[step]]
name = "trim"
component = "trim.wasm"

[[sink]]
path = "out.csv"
"#;

fn parse(text: &str) -> Config {
    Config::parse(Path::new("jobs/p.toml"), text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn diagnostics(text: &str) -> String {
    Config::parse(Path::new("p.toml"), text).expect_err("it has problems").to_string()
}

/// The diagnostics of the valid pipeline with `from` replaced by `to`.
fn broken(from: &str, to: &str) -> String {
    assert!(VALID.contains(from), "{from}");
    diagnostics(&VALID.replacen(from, to, 1))
}
