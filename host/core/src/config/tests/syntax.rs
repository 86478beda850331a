//! Invalid TOML, and the diagnostics that it allows.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::{Config, VALID, broken, diagnostics, parse};
use std::path::Path;

#[test]
fn syntax_errors_are_reported_with_other_problems() {
    assert_snapshot!(diagnostics("[pipeline]\nname = tidy\nbatch-rows =\nname = \"x\"\ndecsription = \"x\"\n[[sonk]]\npath = \"x\n"), @r#"
    p.toml:2:8: not valid TOML: `tidy` is not a value (put text in quotes)
    p.toml:3:13: not valid TOML: a value is missing
    p.toml:4:1: `name` is given twice (remove one of the two; every source, step and sink starts with its own [[source]], [[step]] or [[sink]])
    p.toml:5:1: unknown key `decsription` in [pipeline] (did you mean `description`? [pipeline] takes batch-rows, bundle-on-failure, description, name, time and until)
    p.toml:6:3: unknown key `sonk` in the file (did you mean `sink`? the file takes dropped, limits, model, pipeline, rejects, secrets, sink, source and step)
    p.toml:7:10: not valid TOML: invalid basic string, expected `"`
    "#);
}

#[test]
fn keys_after_a_syntax_error_are_not_reported_as_missing() {
    assert_snapshot!(broken("[[sink]]", "[[sink"), @"p.toml:11:7: not valid TOML: unclosed array table, expected `]]`");
    assert_snapshot!(broken("\"trim\"", "[\"trim\""), @"
    p.toml:9:1: not valid TOML: missing comma between array elements, expected `,`
    p.toml:11:1: not valid TOML: missing comma between array elements, expected `,`
    p.toml:12:1: not valid TOML: missing comma between array elements, expected `,`
    ");
}

#[test]
fn tables_that_occur_twice_are_reported() {
    assert_snapshot!(broken("[[source]]", "[pipeline]\n[[source]]"), @"p.toml:4:2: `pipeline` is given twice (remove one of the two; every source, step and sink starts with its own [[source]], [[step]] or [[sink]])");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_ignored() {
    let windows = format!("\u{feff}{}", VALID.replace('\n', "\r\n"));
    assert_eq!(parse(&windows).pipeline.name.value, "tidy");
    let reported = diagnostics(&windows.replace("component", "komponent"));
    assert_eq!(reported, broken("component", "komponent"));
    let first_line = diagnostics("\u{feff}x = 1\r\n[pipeline]\r\nname = \"x\"\r\n");
    assert!(first_line.contains("p.toml:1:1: unknown key `x`"), "{first_line}");
}

#[test]
fn columns_count_characters() {
    let reported = broken("name = \"tidy\"", "name = \"tidy\"\n\"größe 🦀\" = {}; x");
    assert!(reported.starts_with("p.toml:3:15: not valid TOML: "), "{reported}");
}

#[test]
fn deep_nesting_is_rejected() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}1{}", "{b=".repeat(100_000), "}".repeat(100_000)),
        format!("[{}]", vec!["a"; 100_000].join(".")),
        format!("{} = 1", vec!["a"; 100_000].join(".")),
    ] {
        assert!(diagnostics(&text).contains("not valid TOML: "));
    }
    // As deep as the parser goes, by a header, dotted keys and inline tables together.
    let keys = vec!["a"; 70].join(".");
    let deep = format!("{VALID}[step.parameters.{keys}]\n{keys} = {}1{}\n", "[".repeat(70), "]".repeat(70));
    assert!(
        parse(
            &deep
                .replace("[[sink]]\npath = \"out.csv\"\n", "")
                .replace("[[source]]", "[[sink]]\npath = \"out.csv\"\n[[source]]")
        )
        .steps[0]
            .parameters
            .values
            .contains_key("a")
    );
}

#[test]
fn ten_megabytes_are_read() {
    let stop_words = format!("stop-words = [{}]", "\"word\", ".repeat(10 << 17));
    let config = parse(&VALID.replace("[[sink]]", &format!("[step.parameters]\n{stop_words}\n[[sink]]")));
    let words = config.steps[0].parameters.values["stop-words"].as_array().expect("an array");
    assert_eq!(words.len(), 10 << 17);
}

#[test]
fn ten_megabytes_of_problems_are_truncated() {
    let reported = diagnostics(&format!("{VALID}{}", "x y z\n".repeat(10 << 17)));
    assert_eq!(reported.lines().count(), 101);
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_rejected(text: String) {
        let _ = Config::parse(Path::new("p.toml"), &text).map_err(|diagnostics| diagnostics.to_string());
    }

    #[test]
    fn any_toml_is_parsed_or_rejected(
        text in "(\\[{0,2}(pipeline|source|step|sink|step\\.parameters|x)\\]{0,2}\n|(name|path|from|columns|parameters|component|format)(\\.a)? ?=? ?[\\[{]{0,2}(\"[a-z-]{0,3}\"|[0-9]{1,2}|nan|a ?= ?1|,){0,2}[\\]}]{0,2}\r?\n){0,12}"
    ) {
        let read = Config::parse(Path::new("p.toml"), &text);
        if let Err(diagnostics) = read {
            prop_assert!(!diagnostics.list.is_empty(), "rejected without a diagnostic");
            for diagnostic in &diagnostics.list {
                if let crate::config::ConfigLocation::Span(span) = &diagnostic.location {
                    prop_assert!(diagnostics.text.get(span.clone()).is_some(), "{span:?} is outside the text");
                }
            }
        }
    }
}
