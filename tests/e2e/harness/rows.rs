//! Rows as JSON Lines.

use serde_json::Value;

/// The values of JSON Lines.
#[track_caller]
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    text.lines().map(parse).collect()
}

/// Rows that have only an `id`, one for each number.
pub(crate) fn with_ids(ids: impl IntoIterator<Item = u64>) -> String {
    ids.into_iter().map(|id| format!("{{\"id\":{id}}}\n")).collect()
}

/// The `id` of each row of JSON Lines.
pub(crate) fn ids(text: &str) -> Vec<u64> {
    json_lines(text).iter().map(|row| row["id"].as_u64().expect("an id is a number")).collect()
}

/// The value of a key that holds a number.
#[track_caller]
pub(crate) fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("{key} is not a number: {value}"))
}
