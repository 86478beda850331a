//! The reject file and the maximum number of rejected rows.

use std::path::Path;

use insta::assert_snapshot;

use super::{VALID, broken, parse};
use crate::config::{ConfigLocation, Overrides};
use crate::policy::MaxRejects;

fn with(rejects: &str) -> String {
    VALID.replace("[[sink]]", &format!("on-failure = \"reject\"\n[rejects]\n{rejects}\n[[sink]]"))
}

fn wrong(rejects: &str) -> String {
    broken("\n[[sink]]", &format!("on-failure = \"reject\"\n[rejects]\n{rejects}\n[[sink]]"))
}

fn max_rejects(written: &str) -> Option<MaxRejects> {
    let config = parse(&with(&format!("path = \"r.jsonl\"\nmax-rejects = {written}")));
    config.rejects.expect("it is given").max_rejects.map(|max_rejects| max_rejects.value)
}

fn max_rejects_argument(written: &str) -> Overrides {
    Overrides { max_rejects: Some(written.to_owned()), ..Overrides::default() }
}

#[test]
fn a_reject_file_is_json_lines_relative_to_the_pipeline_file() {
    for path in ["rejects.jsonl", "rejects.jsonl.gz", "rejects.ndjson.zst"] {
        let rejects = parse(&with(&format!("path = \"{path}\""))).rejects.expect("it is given");
        assert_eq!(rejects.path.path(), Path::new("jobs").join(path));
        assert_eq!(rejects.max_rejects, None);
    }
    assert_eq!(parse(VALID).rejects, None);
}

#[test]
fn max_rejects_is_a_number_or_a_percentage() {
    assert_eq!(max_rejects("0"), Some(MaxRejects::Rows(0)));
    assert_eq!(max_rejects("1_000"), Some(MaxRejects::Rows(1000)));
    assert_eq!(max_rejects("\"100\""), Some(MaxRejects::Rows(100)));
    assert_eq!(max_rejects("\"1%\""), Some(MaxRejects::Percent(1.0)));
    assert_eq!(max_rejects("\"0.5 %\""), Some(MaxRejects::Percent(0.5)));
    assert_eq!(max_rejects("\"100%\""), Some(MaxRejects::Percent(100.0)));
}

#[test]
fn invalid_numbers_and_percentages_are_reported() {
    for written in ["\"\"", "\"%\"", "\"1.5\"", "\"-1%\"", "\"inf%\"", "\"nan%\"", "\"1e1%\"", "\".5%\"", "\"few\""] {
        let reported = wrong(&format!("path = \"r.jsonl\"\nmax-rejects = {written}"));
        let expected = format!("is {written}, which is neither a number of rows nor a percentage (write a number");
        assert!(reported.contains(&expected), "{reported}");
    }
    assert_snapshot!(wrong("path = \"r.jsonl\"\nmax-rejects = \"101%\""), @r#"p.toml:13:15: `max-rejects` in [rejects] is "101%", which is more than 100% (write a number of rows, such as 100, or a percentage of the rows read, such as "1%")"#);
    assert_snapshot!(wrong("path = \"r.jsonl\"\nmax-rejects = -1"), @"p.toml:13:15: `max-rejects` in [rejects] is -1, which is out of range (give an integer from 0 to 18446744073709551615)");
    assert_snapshot!(wrong("path = \"r.jsonl\"\nmax-rejects = 0.5"), @r#"p.toml:13:15: `max-rejects` in [rejects] is a float, not a number of rows or a percentage (write a number of rows, such as 100, or a percentage of the rows read, such as "1%")"#);
}

#[test]
fn invalid_paths_are_reported() {
    assert_snapshot!(wrong("max-rejects = 5"), @r#"p.toml:11:1: [rejects] has no `path` (add `path = "rejects.jsonl"`: a file for the rows that do not pass, with their failures)"#);
    assert_snapshot!(wrong("path = \"-\""), @"p.toml:12:8: rejected rows cannot go to standard output (give a file that ends in .jsonl, or in .jsonl.gz or .jsonl.zst to compress it)");
    assert_snapshot!(wrong("path = \"rejects.csv\"\nformat = \"jsonl\""), @r#"
    p.toml:12:8: rejected rows are written as JSON Lines, and `rejects.csv` does not have its file extension (give a file that ends in .jsonl, or in .jsonl.gz or .jsonl.zst to compress it)
    p.toml:13:1: unknown key `format` in [rejects] ([rejects] takes max-rejects and path)
    "#);
}

#[test]
fn rejecting_rows_requires_a_reject_file() {
    assert_snapshot!(broken("\n[[sink]]", "on-failure = \"reject\"\n[[sink]]"), @r#"p.toml:10:14: step "trim" rejects rows, but the pipeline has no [rejects] (add a line [rejects] and a line such as `path = "rejects.jsonl"`)"#);
    assert_snapshot!(broken("\n[[sink]]", "on-failure = { retry = 1, then = \"reject\" }\n[[sink]]"), @r#"p.toml:10:14: step "trim" rejects rows, but the pipeline has no [rejects] (add a line [rejects] and a line such as `path = "rejects.jsonl"`)"#);
    assert_snapshot!(broken("\n[[sink]]", "on-failure = \"reject\"\n[reject]\npath = \"r.jsonl\"\n[[sink]]"), @"p.toml:11:2: unknown key `reject` in the file (did you mean `rejects`? the file takes dropped, limits, model, pipeline, rejects, secrets, sink, source and step)");
    assert_snapshot!(broken("\n[[sink]]", "on-failure = \"reject\"\n[[rejects]]\npath = \"r.jsonl\"\n[[sink]]"), @"p.toml:11:1: expected [rejects], found an array (start it with the line [rejects])");
}

#[test]
fn an_argument_replaces_the_setting_of_the_file() {
    let config =
        parse(&with("path = \"r.jsonl\"\nmax-rejects = 5")).with(&max_rejects_argument("1%")).expect("it is valid");
    let max_rejects = config.rejects.and_then(|rejects| rejects.max_rejects).expect("it is given");
    assert_eq!(
        (max_rejects.value, max_rejects.location),
        (MaxRejects::Percent(1.0), ConfigLocation::Argument("--max-rejects 1%".into()))
    );
}

#[test]
fn max_rejects_needs_a_reject_file() {
    let reported = parse(VALID).with(&max_rejects_argument("0")).expect_err("nothing is rejected").to_string();
    assert_snapshot!(reported, @r#"--max-rejects 0: the maximum number of rejected rows has no effect, because the pipeline has no [rejects] (remove the option, or add [rejects] with a `path`, and `on-failure = "reject"` to a step or `on-bad-row = "reject"` to a source)"#);
    let reported = parse(VALID).with(&max_rejects_argument("5x")).expect_err("it is no number").to_string();
    assert_snapshot!(reported, @r#"--max-rejects 5x: the number is "5x", which is neither a number of rows nor a percentage (write a number of rows, such as 100, or a percentage of the rows read, such as "1%")"#);
}
