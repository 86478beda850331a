//! What the file as a whole says, and every complaint in its own words.

mod diagnostics;
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

/// A pipeline in which everything is right, for tests that break one thing.
const RIGHT: &str = r#"[pipeline]
name = "tidy"

[[source]]
path = "in.jsonl"

[[step]]
name = "trim"
component = "trim.wasm"

[[sink]]
path = "out.csv"
"#;

fn right(text: &str) -> Config {
    Config::parse(Path::new("jobs/p.toml"), text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"))
}

fn diagnostics(text: &str) -> String {
    Config::parse(Path::new("p.toml"), text).expect_err("something is wrong with it").to_string()
}

/// The complaints about the right pipeline with `from` replaced by `to`.
fn broken(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "{from}");
    diagnostics(&RIGHT.replacen(from, to, 1))
}
