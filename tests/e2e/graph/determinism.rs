//! Pipelines of several shapes, whose bytes depend neither on threads nor, where the steps allow it, on batches.

use stillbox_test_guests::{ADD_COLUMN, COUNT_FROM, COUNT_TEXTS, EXPAND_WORDS, KEEP_LONG, TURN_AROUND};

use crate::harness::Folder;

/// Texts of several words, of which some are alike and some are short.
fn texts(count: usize) -> String {
    (0..count)
        .map(|row| format!("{{\"id\":{row},\"text\":\"{}word {}\"}}\n", "long ".repeat(row % 3), row % 10))
        .collect()
}

/// Runs the pipeline with several numbers of threads and rows of a batch; all have to write the same bytes to all outputs.
fn same_bytes(folder: &Folder, steps: &str, outputs: &[&str], batches: &[usize]) -> Vec<String> {
    let mut first: Option<Vec<Vec<u8>>> = None;
    for batch_rows in batches {
        for threads in ["1", "2", "8"] {
            let pipeline = format!("[pipeline]\nname = \"shape\"\nbatch-rows = {batch_rows}\n{steps}");
            folder.run_with(&pipeline, ["--threads", threads]).succeeded();
            let bytes: Vec<Vec<u8>> = outputs.iter().map(|output| folder.bytes(output)).collect();
            match &first {
                None => first = Some(bytes),
                Some(first) => assert!(*first == bytes, "{threads} threads, {batch_rows} rows"),
            }
        }
    }
    first.unwrap_or_default().into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
}

const BATCHES: &[usize] = &[1, 7, 100, 1000];

#[test]
fn a_diamond_by_rows_writes_the_same_bytes() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", texts(100));
    let written = same_bytes(
        &folder,
        r#"
[[source]]
name = "texts"
path = "input.jsonl"

[[step]]
name = "one"
component = "add_column.wasm"
from = "texts"

[[step]]
name = "two"
component = "add_column.wasm"
from = "texts"

[[sink]]
path = "output.jsonl"
from = ["one", "two"]
combine = "rows"
"#,
        &["output.jsonl"],
        BATCHES,
    );
    let ids: Vec<&str> = written[0].lines().map(|line| line.split([':', ',']).nth(1).unwrap()).collect();
    assert_eq!(ids.len(), 200);
    assert_eq!(ids[..6], ["0", "0", "1", "1", "2", "2"], "by the row of the input first");
}

#[test]
fn a_diamond_by_columns_after_an_expansion_writes_the_same_bytes() {
    let folder = Folder::with(&[ADD_COLUMN, EXPAND_WORDS]);
    folder.write("input.jsonl", "{\"text\":\"one two\"}\n{\"text\":\"three\"}\n");
    let written = same_bytes(
        &folder,
        r#"
[[source]]
path = "input.jsonl"

[[step]]
name = "words"
component = "expand_words.wasm"

[[step]]
name = "length"
component = "add_column.wasm"
from = "words"

[[step]]
name = "length-of-word"
component = "add_column.wasm"
from = "words"
inputs = { text = "word" }
outputs = { length = "word_length" }

[[sink]]
path = "output.jsonl"
from = ["length", "length-of-word"]
combine = "columns"
"#,
        &["output.jsonl"],
        BATCHES,
    );
    insta::assert_snapshot!(written[0], @r#"
    {"text":"one two","word":"one","length":7,"word_length":3}
    {"text":"one two","word":"two","length":7,"word_length":3}
    {"text":"three","word":"three","length":5,"word_length":5}
    "#);
}

#[test]
fn a_diamond_with_a_route_and_an_aggregate_writes_the_same_bytes() {
    let folder = Folder::with(&[ADD_COLUMN, KEEP_LONG, TURN_AROUND, COUNT_TEXTS]);
    folder.write("input.jsonl", texts(500));
    let written = same_bytes(
        &folder,
        r#"
[[source]]
name = "texts"
path = "input.jsonl"
route = { to = ["left", "right"], by = "sample", seed = 3 }

[[step]]
name = "left"
component = "add_column.wasm"

[[step]]
name = "right"
component = "add_column.wasm"
outputs = { length = "size" }

[[step]]
name = "around"
component = "turn_around.wasm"
from = ["left", { name = "right", rename = { size = "length" } }]
combine = "rows"

[[step]]
name = "long"
component = "keep_long.wasm"

[[step]]
name = "counts"
component = "count_texts.wasm"
from = "texts"
select = ["text"]

[[sink]]
path = "long.jsonl.gz"
from = "long"

[[sink]]
path = "around.csv"
from = "around"
select = ["place", "id"]

[[sink]]
path = "counts.jsonl"
from = "counts"
"#,
        &["around.csv", "counts.jsonl"],
        BATCHES,
    );
    let expected: String = (0..500).map(|place| format!("{place},{}\n", 499 - place)).collect();
    assert_eq!(written[0], format!("place,id\n{expected}"), "rejoined in the order of the input, and turned around");
    assert_eq!(written[1].lines().count(), 30, "{}", written[1]);
}

#[test]
fn an_aggregate_joined_with_its_source_writes_the_same_bytes() {
    let folder = Folder::with(&[TURN_AROUND]);
    folder.write("input.jsonl", texts(50));
    let written = same_bytes(
        &folder,
        r#"
[[source]]
name = "texts"
path = "input.jsonl"

[[step]]
name = "around"
component = "turn_around.wasm"

[[sink]]
path = "output.csv"
from = ["texts", { name = "around", rename = { id = "other" }, drop = ["text"] }]
combine = "columns"
select = ["id", "other", "place"]
"#,
        &["output.csv"],
        BATCHES,
    );
    let expected: String = (0..50).map(|row| format!("{row},{},{row}\n", 49 - row)).collect();
    assert_eq!(written[0], format!("id,other,place\n{expected}"));
}

#[test]
fn files_and_source_steps_are_concatenated_in_file_order() {
    let folder = Folder::with(&[COUNT_FROM, COUNT_TEXTS]);
    folder.write("a.jsonl", "{\"number\":1,\"text\":\"from a file\"}\n{\"number\":2,\"text\":\"from a file\"}\n");
    folder.write("b.csv", "text,number\nfrom another,3\n");
    let written = same_bytes(
        &folder,
        r#"
[[source]]
name = "a"
path = "a.jsonl"

[[source]]
name = "b"
path = "b.csv"

[[step]]
name = "made"
component = "count_from.wasm"
parameters = { from = 10, count = 3, at-once = 2 }

[[step]]
name = "counts"
component = "count_texts.wasm"
from = ["made", "b", "a"]
combine = "rows"

[[sink]]
path = "rows.jsonl"
from = ["made", "b", "a"]
combine = "rows"

[[sink]]
path = "counts.csv"
from = "counts"
select = ["text", "count"]
"#,
        &["rows.jsonl", "counts.csv"],
        BATCHES,
    );
    insta::assert_snapshot!(written[0], @r#"
    {"number":1,"text":"from a file"}
    {"number":2,"text":"from a file"}
    {"number":3,"text":"from another"}
    {"number":10,"text":"number 10"}
    {"number":11,"text":"number 11"}
    {"number":12,"text":"number 12"}
    "#);
    insta::assert_snapshot!(written[1], @r"
    text,count
    from a file,2
    from another,1
    number 10,1
    number 11,1
    number 12,1
    ");
}
