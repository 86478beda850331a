//! The text benchmark: the same result for any format and any number of threads.

mod input;
mod reference;

use sha2::{Digest as _, Sha256};
use stillbox_test_guests::{FILTER_TEXT, NORMALIZE_TEXT, TEXT_FEATURES};

use crate::harness::{Folder, PipelineFile, ROOT, outcome_with_input, sink, source, step};

pub(crate) use input::{SEED, input};
pub(crate) use reference::{Clean, cleaned, lines, rows};

/// The SHA-256 digests of 10,000 rows of input and of their output, computed from files that Python wrote.
const INPUT_10K: &str = "d083e14315afcdd250aa92e913bb3156e9d683f33f5b63da80097b668da51d7a";
const OUTPUT_10K: &str = "2de085b586049130d90561460e6bea58ef0771d53efb393af5c5acf5bb70424d";

/// More seeds than the one of the benchmark.
const OTHER_SEEDS: [u64; 2] = [1, 0xDEAD_BEEF_0BAD_CAFE];

/// The benchmark's pipeline between two files.
pub(crate) fn clean_text(input: &str, output: &str) -> PipelineFile {
    clean_text_steps().add(source(input)).add(sink(output))
}

/// The benchmark's steps.
fn clean_text_steps() -> PipelineFile {
    let ranges = r#"column = "text", min-words = 5, max-words = 60, min-bytes = 40, max-bytes = 400"#;
    PipelineFile::new()
        .name("clean-text")
        .batch_rows(1000)
        .add(step("normalize_text").name("normalize").parameters(r#"column = "text""#))
        .add(step("filter_text").name("filter").parameters(ranges))
        .add(step("text_features").name("features").parameters(r#"column = "text""#))
}

/// A folder with the benchmark's steps.
pub(crate) fn folder() -> Folder {
    Folder::with(&[NORMALIZE_TEXT, FILTER_TEXT, TEXT_FEATURES])
}

fn digest(bytes: impl AsRef<[u8]>) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[test]
fn the_text_benchmark_has_the_same_digest_for_any_number_of_threads() {
    let input = input(SEED, 10_000);
    assert_eq!(digest(&input), INPUT_10K, "the generator is not the benchmark's");
    let folder = folder();
    folder.write("input.jsonl", input);
    for threads in ["1", "2", "8"] {
        folder.run_with(clean_text("input.jsonl", "output.jsonl"), ["--threads", threads]).succeeded();
        assert_eq!(digest(folder.bytes("output.jsonl")), OUTPUT_10K, "{threads} threads");
    }
}

#[test]
fn the_text_benchmark_has_the_same_digest_for_any_batch_size() {
    let folder = folder();
    folder.write("input.jsonl", input(SEED, 10_000));
    for rows in [7777, 100_000] {
        folder.run(clean_text("input.jsonl", "output.jsonl").batch_rows(rows)).succeeded();
        assert_eq!(digest(folder.bytes("output.jsonl")), OUTPUT_10K, "{rows} rows");
    }
}

#[test]
fn the_text_benchmark_has_the_same_digest_over_standard_input_and_output() {
    let folder = folder();
    folder.write_pipeline(clean_text_steps().add(source("-").format("jsonl")).add(sink("-").format("jsonl")));
    let outcome =
        outcome_with_input(folder.command().args(["run", "pipeline.toml"]), input(SEED, 10_000).as_bytes()).succeeded();
    assert_eq!(digest(outcome.stdout), OUTPUT_10K);
}

#[test]
fn the_text_benchmark_matches_the_reference_for_other_seeds() {
    let folder = folder();
    for seed in OTHER_SEEDS {
        let input = input(seed, 3_000);
        folder.write("input.jsonl", &input);
        folder.run(clean_text("input.jsonl", "output.jsonl")).succeeded();
        let expected: String = cleaned(&input).iter().map(Clean::to_line).collect();
        assert!(folder.text("output.jsonl") == expected, "seed {seed}");
    }
}

#[test]
fn nested_json_values_pass_through_steps_unchanged() {
    let folder = folder();
    let nested = [
        r#"{"b":[1,2.50,{"c":null}],"a":"ü\u00fc","n":1e400}"#,
        r#"[[],{},"x  y",-0.0,12345678901234567890123]"#,
        "null",
        r#""TEXT  KEPT""#,
    ];
    let input: String = lines(&input(SEED, 2_000))
        .iter()
        .zip(nested.iter().cycle())
        .map(|(line, nested)| format!("{{\"extra\":{nested},{}\n", &line[1..]))
        .collect();
    folder.write("input.jsonl", &input);
    folder.run(clean_text("input.jsonl", "output.jsonl")).succeeded();
    let expected: String = cleaned(&input)
        .iter()
        .map(|row| format!("{{\"extra\":{},{}", nested[row.id as usize % nested.len()], &row.to_line()[1..]))
        .collect();
    assert!(folder.text("output.jsonl") == expected);
}

#[test]
fn the_clean_text_steps_produce_the_expected_output_of_the_example() {
    let folder = folder();
    let example = format!("{ROOT}/examples/clean-text");
    folder.write("input.jsonl", std::fs::read(format!("{example}/input.jsonl")).unwrap());
    folder.run(clean_text("input.jsonl", "output.jsonl")).succeeded();
    let expected = std::fs::read_to_string(format!("{example}/expected.jsonl")).unwrap();
    assert!(folder.text("output.jsonl") == expected);
}
