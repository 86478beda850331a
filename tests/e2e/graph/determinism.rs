//! Pipelines of several shapes write the same bytes for any number of threads and any batch size.

use stillbox_test_guests::{ADD_COLUMN, COUNT_FROM, COUNT_TEXTS, EXPAND_WORDS, KEEP_LONG, TURN_AROUND};

use crate::harness::{Folder, PipelineFile, sink, source, step};

/// Texts of several words. Some are equal, and some are short.
fn texts(count: usize) -> String {
    (0..count)
        .map(|row| format!("{{\"id\":{row},\"text\":\"{}word {}\"}}\n", "long ".repeat(row % 3), row % 10))
        .collect()
}

/// Runs a pipeline with several numbers of threads and batch sizes. All runs have to write the same bytes to all outputs, whose
/// texts are returned.
fn same_bytes<const N: usize>(folder: &Folder, pipeline: &PipelineFile, outputs: [&str; N]) -> [String; N] {
    let mut first: Option<[String; N]> = None;
    for batch_rows in [1, 7, 100, 1000] {
        for threads in ["1", "2", "8"] {
            folder.run_with(pipeline.clone().batch_rows(batch_rows), ["--threads", threads]).succeeded();
            let written = outputs.map(|output| folder.text(output));
            match &first {
                None => first = Some(written),
                Some(first) => assert!(*first == written, "{threads} threads, {batch_rows} rows"),
            }
        }
    }
    first.expect("the pipeline has run")
}

#[test]
fn a_diamond_by_rows_writes_the_same_bytes() {
    let folder = Folder::with(&[ADD_COLUMN]);
    folder.write("input.jsonl", texts(100));
    let pipeline = PipelineFile::new()
        .add(source("input.jsonl").name("texts"))
        .add(step("add_column").name("one").from(&["texts"]))
        .add(step("add_column").name("two").from(&["texts"]))
        .add(sink("output.jsonl").from(&["one", "two"]).combine("rows"));
    let [written] = same_bytes(&folder, &pipeline, ["output.jsonl"]);
    let ids: Vec<&str> = written.lines().map(|line| line.split([':', ',']).nth(1).unwrap()).collect();
    assert_eq!(ids.len(), 200);
    assert_eq!(ids[..6], ["0", "0", "1", "1", "2", "2"], "ordered by the row of the input first");
}

#[test]
fn a_diamond_by_columns_after_an_expansion_writes_the_same_bytes() {
    let folder = Folder::with(&[ADD_COLUMN, EXPAND_WORDS]);
    folder.write("input.jsonl", "{\"text\":\"one two\"}\n{\"text\":\"three\"}\n");
    let length_of_word = step("add_column")
        .name("length-of-word")
        .from(&["words"])
        .set("inputs", r#"{ text = "word" }"#)
        .set("outputs", r#"{ length = "word_length" }"#);
    let pipeline = PipelineFile::new()
        .add(step("expand_words").name("words"))
        .add(step("add_column").name("length").from(&["words"]))
        .add(length_of_word)
        .add(sink("output.jsonl").from(&["length", "length-of-word"]).combine("columns"));
    let [written] = same_bytes(&folder, &pipeline, ["output.jsonl"]);
    insta::assert_snapshot!(written, @r#"
    {"text":"one two","word":"one","length":7,"word_length":3}
    {"text":"one two","word":"two","length":7,"word_length":3}
    {"text":"three","word":"three","length":5,"word_length":5}
    "#);
}

#[test]
fn a_diamond_with_a_route_and_an_aggregate_writes_the_same_bytes() {
    let folder = Folder::with(&[ADD_COLUMN, KEEP_LONG, TURN_AROUND, COUNT_TEXTS]);
    folder.write("input.jsonl", texts(500));
    let both = r#"["left", { name = "right", rename = { size = "length" } }]"#;
    let pipeline = PipelineFile::new()
        .add(source("input.jsonl").name("texts").set("route", r#"{ to = ["left", "right"], by = "sample", seed = 3 }"#))
        .add(step("add_column").name("left"))
        .add(step("add_column").name("right").set("outputs", r#"{ length = "size" }"#))
        .add(step("turn_around").name("around").set("from", both).combine("rows"))
        .add(step("keep_long").name("long"))
        .add(step("count_texts").name("counts").from(&["texts"]).select(&["text"]))
        .add(sink("long.jsonl.gz").from(&["long"]))
        .add(sink("around.csv").from(&["around"]).select(&["place", "id"]))
        .add(sink("counts.jsonl").from(&["counts"]));
    let [around, counts] = same_bytes(&folder, &pipeline, ["around.csv", "counts.jsonl"]);
    let expected: String = (0..500).map(|place| format!("{place},{}\n", 499 - place)).collect();
    assert_eq!(around, format!("place,id\n{expected}"), "combined in the order of the input, and turned around");
    assert_eq!(counts.lines().count(), 30, "{counts}");
}

#[test]
fn an_aggregate_joined_with_its_source_writes_the_same_bytes() {
    let folder = Folder::with(&[TURN_AROUND]);
    folder.write("input.jsonl", texts(50));
    let both = r#"["texts", { name = "around", rename = { id = "other" }, drop = ["text"] }]"#;
    let joined = sink("output.csv").set("from", both).combine("columns").select(&["id", "other", "place"]);
    let pipeline = PipelineFile::new()
        .add(source("input.jsonl").name("texts"))
        .add(step("turn_around").name("around"))
        .add(joined);
    let [written] = same_bytes(&folder, &pipeline, ["output.csv"]);
    let expected: String = (0..50).map(|row| format!("{row},{},{row}\n", 49 - row)).collect();
    assert_eq!(written, format!("id,other,place\n{expected}"));
}

#[test]
fn files_and_source_steps_are_concatenated_in_file_order() {
    let folder = Folder::with(&[COUNT_FROM, COUNT_TEXTS]);
    folder.write("a.jsonl", "{\"number\":1,\"text\":\"from a file\"}\n{\"number\":2,\"text\":\"from a file\"}\n");
    folder.write("b.csv", "text,number\nfrom another,3\n");
    let all = ["made", "b", "a"];
    let pipeline = PipelineFile::new()
        .add(source("a.jsonl").name("a"))
        .add(source("b.csv").name("b"))
        .add(step("count_from").name("made").parameters("from = 10, count = 3, at-once = 2"))
        .add(step("count_texts").name("counts").from(&all).combine("rows"))
        .add(sink("rows.jsonl").from(&all).combine("rows"))
        .add(sink("counts.csv").from(&["counts"]).select(&["text", "count"]));
    let [rows, counts] = same_bytes(&folder, &pipeline, ["rows.jsonl", "counts.csv"]);
    insta::assert_snapshot!(rows, @r#"
    {"number":1,"text":"from a file"}
    {"number":2,"text":"from a file"}
    {"number":3,"text":"from another"}
    {"number":10,"text":"number 10"}
    {"number":11,"text":"number 11"}
    {"number":12,"text":"number 12"}
    "#);
    insta::assert_snapshot!(counts, @r"
    text,count
    from a file,2
    from another,1
    number 10,1
    number 11,1
    number 12,1
    ");
}
