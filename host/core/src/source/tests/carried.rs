//! Columns that are carried as text are written as those that were decoded.

use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::sink::{Encoded, Encoder, SinkSpec};

/// The bytes that a sink writes for the rows of an input, in which these columns are carried where possible, and the number of
/// chunks in which they were.
fn written(input: &InputFolder, carried: &[Range<usize>]) -> Result<(Vec<u8>, usize), String> {
    let mut source = open(&input.spec).map_err(|error| error.to_string())?;
    let SourceSchema::Known(schema) = &source.schema else { return Ok((Vec::new(), 0)) };
    let sink = encoder(schema);
    let source_decoder = source.decoder.carrying(carried).unwrap_or(source.decoder);
    let (mut out, mut chunks) = (Vec::new(), 0);
    while let Some(chunk) = source.reader.next_chunk().map_err(|error| error.to_string())? {
        let (rows, bad) = source_decoder.decode_all(chunk).map_err(|error| input.anonymous(&error.to_string()))?;
        chunks += usize::from(rows.carried.is_some());
        let encoded = match &rows.carried {
            Some(carried) => sink.encode_carried(&rows.rows, carried, &|row| row),
            None => sink.encode(&rows.rows),
        };
        match encoded.map_err(|error| error.to_string())? {
            Encoded::Bytes(bytes) => out.extend(bytes),
            Encoded::Rows(..) => panic!("JSON Lines are bytes"),
        }
        for row in 0..rows.rows.num_rows() {
            out.extend(input.anonymous(&rows.positions.position(row).to_string()).into_bytes());
        }
        for bad in bad {
            out.extend(bad.raw.bytes());
        }
    }
    Ok((out, chunks))
}

fn encoder(schema: &arrow_schema::SchemaRef) -> Arc<dyn Encoder> {
    let location = sink::SinkLocation::Stdout;
    let non_finite = crate::format::NonFinite::Error;
    let schema = Arc::clone(schema);
    let spec = SinkSpec { location, format: Format::JsonLines, compression: Compression::None, non_finite, schema };
    sink::encoder(&spec, false).unwrap()
}

/// Checks that the output does not depend on the columns that are carried. Returns the number of chunks in which all were.
fn carry(input: &InputFolder) -> usize {
    let decoded = written(input, &[]);
    for ranges in [[0..1, 2..3], [1..2, 3..4], [0..2, 2..4], [1..4, 4..9]] {
        let carried = written(input, &ranges).map(|(out, _)| out);
        assert_eq!(carried, decoded.clone().map(|(out, _)| out), "{ranges:?}");
    }
    let carried = written(input, std::slice::from_ref(&(0..9)));
    assert_eq!(carried.clone().map(|(out, _)| out), decoded.map(|(out, _)| out));
    carried.map_or(0, |(_, chunks)| chunks)
}

const COLUMNS: [(&str, DataType); 4] =
    [("i", DataType::Integer), ("té", DataType::Text), ("f", DataType::Float), ("b", DataType::Boolean)];

#[test]
fn values_are_written_in_the_form_of_decoded_ones() {
    let lines = [
        r#"{"i":1,"té":"a","f":0.5,"b":true}"#,
        r#" { "i" : -7 ,  "té" : "\"\\\/\b\f\n\r\t" , "f" : -0 , "b" : false } "#,
        r#"{"i": null, "té": null, "f": null, "b": null}"#,
        r#"{"i":9223372036854775807,"té":"","f":1e3,"b":true}"#,
        r#"{"i":-0,"té":"\u00e9\ud83d\ude00\u001f\/","f":5,"b":true}"#,
        r#"{"i":-9223372036854775808,"té":"\u0022","f":0.10000000000000001,"b":true}"#,
        "{\"i\":0,\"té\":\"\u{7f}数据\\n\",\"f\":1.0,\"b\":true}\r",
        "",
        r#"{"i":123456789012345678,"té":"a long text of more than eight bytes","f":-1.5e-7,"b":true}"#,
    ];
    let input = InputFolder::from_content(Format::JsonLines, lines.join("\n")).columns(&COLUMNS);
    assert_eq!(carry(&input), 1);
    assert_eq!(carry(&input.batch_rows(2)), 4);
    let input = InputFolder::from_content(Format::Json, format!("[{}]", lines[..6].join(","))).columns(&COLUMNS);
    assert_eq!(carry(&input), 1);
}

#[test]
fn other_lines_are_decoded_with_their_chunk() {
    for line in [
        r#"{"té":"a","i":1,"f":0.5,"b":true}"#,
        r#"{"i":1,"té":"a","f":0.5}"#,
        r#"{"i":1,"té":"a","f":0.5,"b":true,"more":1}"#,
        r#"{"i":1,"té":"\ud800","f":0.5,"b":true}"#,
        r#"{"i":01,"té":"a","f":0.5,"b":true}"#,
        r#"{"i":9223372036854775808,"té":"a","f":0.5,"b":true}"#,
        r#"{"i":1,"té":"\x","f":0.5,"b":true}"#,
        "{\"i\":1,\"té\":\"a\tb\",\"f\":0.5,\"b\":true}",
        r#"{"i":1,"té":"a","f":9007199254740993,"b":true}"#,
        r#"{"i":1,"té":"a","f":1e999,"b":true}"#,
        r#"{"i":1,"té":"a","f":NaN,"b":true}"#,
        r#"{"i":1,"i":1,"té":"a","f":1.5,"b":true}"#,
    ] {
        let lines = [r#"{"i":1,"té":"a","f":0.5,"b":true}"#, line, r#"{"i":2,"té":"b","f":0.5,"b":true}"#].join("\n");
        let input = InputFolder::from_content(Format::JsonLines, lines).columns(&COLUMNS);
        assert_eq!(carry(&input), 0, "{line}");
        let input = input.with(|spec| spec.on_bad_row = crate::policy::Then::Reject).batch_rows(1);
        assert_eq!(carry(&input), 2, "{line}");
    }
}

#[test]
fn bytes_that_are_not_text_are_rejected_as_before() {
    let lines =
        b"{\"i\":1,\"t\xc3\xa9\":\"a\",\"f\":0.5,\"b\":true}\n{\"i\":1,\"t\xc3\xa9\":\"\xff\",\"f\":0.5,\"b\":true}\n";
    let input = InputFolder::from_content(Format::JsonLines, lines).columns(&COLUMNS);
    assert_eq!(carry(&input), 0);
    assert_eq!(carry(&input.with(|spec| spec.on_bad_row = crate::policy::Then::Reject)), 0);
}

#[test]
fn attempts_end_if_most_chunks_cannot_be_carried() {
    let good = r#"{"i":1,"té":"a","f":0.5,"b":true}"#;
    let lines = format!("{good}\n{{}}\n").repeat(100);
    let input = InputFolder::from_content(Format::JsonLines, lines).columns(&COLUMNS).batch_rows(1);
    let chunks = carry(&input);
    assert!((1..20).contains(&chunks), "{chunks}");
}

proptest! {
    #[test]
    fn no_input_is_written_in_two_ways(
        parts in proptest::collection::vec(
            prop::sample::select(vec![
                "{", "}", "\"i\"", "\"té\"", "\"f\"", "\"b\"", ":", ",", " ", "1", "-0", "0.5", "1e3", "1.50", "true", "null",
                "\"a\"", "\"\\n\"", "\"\\/\"", "\"\\u00e9\"", "\"\\u001F\"", "\\", "\"", "é", "{\"i\":1", "{ \"i\" : 12 ,",
                "\"té\": \"x\",", ",\"té\":\"\\u0041\\/\"", ",\"f\":2", ", \"f\" : -0.0", ",\"b\":false}\n", ",\"b\":null }\r\n",
                "{\"i\":7,\"té\":\"x\",\"f\":1.25,\"b\":true}\n", "\n", "\t",
            ]),
            0..24,
        )
    ) {
        let input = InputFolder::from_content(Format::JsonLines, parts.concat()).columns(&COLUMNS);
        carry(&input);
        carry(&input.with(|spec| spec.on_bad_row = crate::policy::Then::Reject).batch_rows(2));
    }
}
