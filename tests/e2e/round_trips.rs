//! Values and texts are written as they were read.

use stillbox_test_guests::KEEP_LONG;

use crate::harness::rows::json_lines;
use crate::harness::{Folder, PipelineFile, pipeline, step};

/// Passes an input through a step that keeps all rows, and returns the output.
fn pass_through(input: &str) -> String {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", input);
    folder.output_of(PipelineFile::new().add(step("keep_long").parameters("min-bytes = 0")))
}

#[test]
fn integers_of_64_bits_are_written_without_loss() {
    let input = "{\"text\":\"\",\"n\":9223372036854775807}\n{\"text\":\"\",\"n\":-9223372036854775808}\n\
                 {\"text\":\"\",\"n\":9007199254740993}\n{\"text\":\"\",\"n\":0}\n";
    assert_eq!(pass_through(input), input);
}

#[test]
fn numbers_that_fit_no_type_keep_their_text() {
    let input = "{\"text\":\"\",\"n\":18446744073709551615}\n{\"text\":\"\",\"n\":1e400}\n{\"text\":\"\",\"n\":1}\n";
    assert_eq!(pass_through(input), input);
}

#[test]
fn floats_are_written_without_loss() {
    let input = "{\"text\":\"\",\"f\":0.1}\n{\"text\":\"\",\"f\":1.7976931348623157e308}\n\
                 {\"text\":\"\",\"f\":5e-324}\n{\"text\":\"\",\"f\":-0.0}\n";
    let numbers =
        |text: &str| -> Vec<u64> { json_lines(text).iter().map(|row| row["f"].as_f64().unwrap().to_bits()).collect() };
    assert_eq!(numbers(&pass_through(input)), numbers(input));
}

#[test]
fn a_missing_key_is_read_as_null() {
    let input = "{\"text\":\"a\",\"x\":1,\"b\":true}\n{\"text\":\"a\",\"x\":null}\n{\"text\":\"a\",\"b\":false}\n";
    insta::assert_snapshot!(pass_through(input), @r#"
    {"text":"a","x":1,"b":true}
    {"text":"a","x":null,"b":null}
    {"text":"a","x":null,"b":false}
    "#);
}

#[test]
fn a_null_in_a_required_column_is_reported() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"abc\"}\n{\"text\":null}\n");
    insta::assert_snapshot!(folder.run(pipeline("input.jsonl", &["keep_long"], "output.jsonl")).failed(1), @r#"
    incompatible in step keep_long: the column "text" is null, and the step does not take null there
      at: input.jsonl:2 (batch 0)
      hint: fill the value, filter such rows before this step, or let the step take null
    "#);
}

/// Texts of many scripts, and one of all control characters.
fn texts() -> Vec<String> {
    let controls = ('\0'..='\u{a0}').collect::<String>();
    let texts = [
        "日本語 한국어 עברית العربية हिन्दी ไทย Ελληνικά Кириллица",
        "e\u{301} \u{200d} \u{feff} \u{202e}rtl\u{202c} \u{fffd} \u{ffff} \u{10ffff} 👩‍👩‍👧‍👦",
        "\u{2028}\u{2029}\u{85}",
        "\"quoted\", 'single', \\back\\slash\\, /slash/",
        "=1+1,;\t|",
        "line\nbreak\r\nand\rcarriage",
        " leading and trailing ",
    ];
    texts.iter().map(|text| (*text).to_owned()).chain([controls]).collect()
}

#[test]
fn text_is_unchanged_by_every_format() {
    let folder = Folder::new();
    let line = |text: &String| format!("{}\n", serde_json::json!({ "text": text }));
    let input: String = texts().iter().map(line).collect();
    folder.write("0.jsonl", &input);
    let formats = ["jsonl", "csv", "jsonl.gz", "parquet", "csv.zst", "arrow", "jsonl.zst", "csv.gz", "jsonl"];
    for (index, pair) in formats.windows(2).enumerate() {
        let (from, to) = (format!("{index}.{}", pair[0]), format!("{}.{}", index + 1, pair[1]));
        folder.run(pipeline(&from, &[], &to)).succeeded();
    }
    let read: Vec<String> =
        folder.json_lines("8.jsonl").iter().map(|row| row["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(read, texts());
}

#[test]
fn text_is_unchanged_by_a_step() {
    let input: String = texts().iter().map(|text| format!("{}\n", serde_json::json!({ "text": text }))).collect();
    let output = pass_through(&input);
    assert_eq!(json_lines(&output), json_lines(&input));
}
