//! Three standard steps in sequence, on the data of the example `clean-text`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use filter_text::filter_text;
use normalize_text::normalize_text;
use stillbox_sdk::contract::Output;
use stillbox_sdk::serde_json::{Value, from_str, json};
use stillbox_sdk::testing::{Step, batch, bind, column, values};
use text_features::text_features;

const INPUT: &str = include_str!("../../../examples/clean-text/input.jsonl");
const EXPECTED: &str = include_str!("../../../examples/clean-text/expected.jsonl");

/// Runs a step on texts, and returns the identifiers of the output rows.
fn run<S: Step>(parameters: &Value, rows: &[(i64, String)]) -> (Vec<i64>, Output) {
    let mut step = bind::<S>(&parameters.to_string()).unwrap();
    let output = step.process(&batch([column("text", rows.iter().map(|(_, text)| text.as_str()))])).unwrap();
    assert!(output.rejections.is_empty(), "{:?}", output.rejections);
    let origins = output.origins.clone().unwrap_or_else(|| (0..rows.len() as u32).collect());
    (origins.iter().map(|origin| rows[*origin as usize].0).collect(), output)
}

#[test]
fn the_steps_of_clean_text_return_the_expected_rows() {
    let rows: Vec<Value> = INPUT.lines().map(|line| from_str(line).unwrap()).collect();
    let rows: Vec<_> =
        rows.iter().map(|row| (row["id"].as_i64().unwrap(), row["text"].as_str().unwrap().to_owned())).collect();

    let (ids, output) = run::<normalize_text>(&json!({"column": "text"}), &rows);
    let rows: Vec<_> = ids.into_iter().zip(values::<String>(&output, "text")).collect();

    let bounds = json!({"column": "text", "min-words": 5, "max-words": 60, "min-bytes": 40, "max-bytes": 400});
    let (kept, output) = run::<filter_text>(&bounds, &rows);
    assert!(output.columns.is_empty());
    let rows: Vec<_> = rows.into_iter().filter(|(id, _)| kept.binary_search(id).is_ok()).collect();
    assert_eq!(rows.len(), kept.len());

    let (ids, output) = run::<text_features>(&json!({"column": "text"}), &rows);
    let [n_words, n_bytes, tri_hash] = ["n_words", "n_bytes", "tri_hash"].map(|name| values::<i64>(&output, name));
    let made = (0..rows.len()).map(|i| {
        let text = json!(rows[i].1);
        format!(
            "{{\"id\":{},\"text\":{text},\"n_words\":{},\"n_bytes\":{},\"tri_hash\":{}}}",
            ids[i], n_words[i], n_bytes[i], tri_hash[i]
        )
    });
    let expected: Vec<_> = EXPECTED.lines().collect();
    assert_eq!(made.len(), expected.len());
    for (made, expected) in made.zip(expected) {
        assert_eq!(made, expected);
    }
}
