//! Keys and values of the generated pipeline file.

use toml::{Table, Value};

/// Returns a key in TOML.
pub(super) fn quoted_key(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if key.chars().all(is_bare) { key.to_owned() } else { Value::String(key.to_owned()).to_string() }
}

/// Returns a TOML value if the text parses as one, and the text otherwise.
pub(super) fn parse(value: &str) -> Value {
    let document = format!("value = {}", value.trim());
    let parsed =
        document.parse::<Table>().ok().filter(|table| table.len() == 1).and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(value.to_owned()))
}
