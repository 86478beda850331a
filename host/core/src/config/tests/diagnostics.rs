//! Diagnostics for each setting.

use insta::assert_snapshot;

use super::{VALID, broken, diagnostics};

#[test]
fn several_problems_are_reported_in_order() {
    assert_snapshot!(diagnostics(r#"[pipeline]
nmae = "tidy"
batch-rows = "many"

[[sources]]
path = "in.jsonl"

[[source]]
path = "in.jsonl"
format = "jsonlines"

[[step]]
name = "trim"
componnent = "trim.wasm"
parameters = "column"

[[sink]]
from = 5
path = "out"
"#), @r#"
    p.toml:2:1: unknown key `nmae` in [pipeline] (did you mean `name`? [pipeline] takes batch-rows, bundle-on-failure, description, name, time and until)
    p.toml:3:14: `batch-rows` in [pipeline] is a string, not an integer
    p.toml:5:3: unknown key `sources` in the file (did you mean `source`? the file takes dropped, limits, model, pipeline, rejects, secrets, sink, source and step)
    p.toml:10:10: `format` in [[source]] is "jsonlines", which is not a format (the formats are jsonl, json, csv, parquet and arrow)
    p.toml:14:1: unknown key `componnent` in [[step]] (did you mean `component`? [[step]] takes allow, batch-rows, cache, combine, component, concurrency, digest, drop, from, inputs, instance, limits, model, models, name, on-failure, outputs, parameters, rename, route and select)
    p.toml:15:14: `parameters` in [[step]] is a string, not a table
    p.toml:18:8: `from` in [[sink]] is an integer, not a name or an array of names
    p.toml:19:8: cannot determine the format of `out` from its file extension (set `format` in [[sink]] to jsonl, csv, parquet or arrow, or use a file extension such as .jsonl, .csv, .parquet or .arrow, followed by .gz or .zst if the file is compressed)
    "#);
}

#[test]
fn an_empty_file_has_no_required_table() {
    assert_snapshot!(diagnostics(""), @r#"
    p.toml: the file has no [pipeline] (start it with the line [pipeline] and a line such as `name = "clean-text"`)
    p.toml: the pipeline has no [[source]] (add a [[source]] with a `path` that rows are read from)
    p.toml: the pipeline has no [[sink]] (add a [[sink]] with a `path` that rows are written to)
    "#);
}

#[test]
fn tables_of_the_wrong_type_are_reported() {
    assert_snapshot!(broken("[pipeline]", "[[pipeline]]"), @"p.toml:1:1: expected [pipeline], found an array (start it with the line [pipeline])");
    assert_snapshot!(broken("[[source]]", "[source]"), @"p.toml:4:1: expected [[source]], found a single table (start it with the line [[source]])");
    assert_snapshot!(diagnostics("pipeline = 1\nsource = []\nstep = \"x\"\nsink = [1, {}]\n"), @r#"
    p.toml:1:12: expected [pipeline], found an integer (start it with the line [pipeline])
    p.toml:2:10: `source` is an empty array (start each source with the line [[source]], or remove the key)
    p.toml:3:8: expected [[step]], found a string (start it with the line [[step]])
    p.toml:4:9: expected [[sink]], found an integer (start it with the line [[sink]])
    p.toml:4:12: [[sink]] has no `path` (add `path = "output.jsonl"`: a file, or `-` for standard output)
    "#);
}

#[test]
fn unknown_keys_are_reported() {
    assert_snapshot!(broken("name = \"tidy\"", "name = \"tidy\"\nbatch_rows = 5"), @"p.toml:3:1: unknown key `batch_rows` in [pipeline] (did you mean `batch-rows`? [pipeline] takes batch-rows, bundle-on-failure, description, name, time and until)");
    assert_snapshot!(broken("path = \"in.jsonl\"", "path = \"in.jsonl\"\nfrom = \"x\""), @"p.toml:6:1: unknown key `from` in [[source]] ([[source]] takes columns, compression, csv, drop, format, hive, json, max-row, max-window, name, nested, on-bad-row, path, rename, route and select)");
    assert_snapshot!(broken("component", "Component"), @"p.toml:9:1: unknown key `Component` in [[step]] (did you mean `component`? [[step]] takes allow, batch-rows, cache, combine, component, concurrency, digest, drop, from, inputs, instance, limits, model, models, name, on-failure, outputs, parameters, rename, route and select)");
    assert_snapshot!(broken("[[sink]]", "[grants]\n[[sink]]"), @"p.toml:11:2: unknown key `grants` in the file (the file takes dropped, limits, model, pipeline, rejects, secrets, sink, source and step)");
    assert_snapshot!(broken("name = \"trim\"", "name = \"trim\"\n\"a\\u001B[2J\\u202E\" = 1"), @r"p.toml:9:1: unknown key `a\u{1b}[2J\u{202e}` in [[step]] ([[step]] takes allow, batch-rows, cache, combine, component, concurrency, digest, drop, from, inputs, instance, limits, model, models, name, on-failure, outputs, parameters, rename, route and select)");
    let long = "x".repeat(1000);
    assert_snapshot!(broken("name = \"tidy\"", &format!("name = \"tidy\"\n{long} = 5")), @"p.toml:3:1: unknown key `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…` in [pipeline] ([pipeline] takes batch-rows, bundle-on-failure, description, name, time and until)");
}

#[test]
fn missing_keys_are_reported() {
    assert_snapshot!(broken("name = \"tidy\"", ""), @r#"p.toml:1:1: [pipeline] has no `name` (add a line such as `name = "clean-text"`)"#);
    assert_snapshot!(broken("path = \"in.jsonl\"", ""), @r#"p.toml:4:1: [[source]] has no `path` (add `path = "input.jsonl"`: a file, a pattern such as `data/*.csv`, a list of both, or `-` for standard input)"#);
    assert_snapshot!(broken("name = \"trim\"", ""), @r#"p.toml:7:1: [[step]] has no `name` (add a line such as `name = "count-words"`)"#);
    assert_snapshot!(broken("component = \"trim.wasm\"", ""), @r#"p.toml:7:1: [[step]] has no `component` (add `component = "…"`: the step's .wasm file, the folder of its crate, or a reference such as `oci://REGISTRY/NAME:TAG@sha256:…`)"#);
    assert_snapshot!(broken("path = \"out.csv\"", ""), @r#"p.toml:11:1: [[sink]] has no `path` (add `path = "output.jsonl"`: a file, or `-` for standard output)"#);
}

#[test]
fn invalid_names_of_pipelines_are_reported() {
    for (name, wrong) in [
        (r#""""#, "`name` in [pipeline] is empty"),
        (r#"" a""#, "`name` in [pipeline] \" a\" starts or ends with a space"),
        (r#""../a""#, "`name` in [pipeline] \"../a\" starts with a dot"),
        (r#""a/b""#, "`name` in [pipeline] \"a/b\" contains a path separator"),
        (r"'a\b'", "`name` in [pipeline] \"a\\b\" contains a path separator"),
        (r#""a\u0007b""#, "`name` in [pipeline] \"a\\u{7}b\" contains a control or invisible character"),
        (r#""a\u202eb""#, "`name` in [pipeline] \"a\\u{202e}b\" contains a control or invisible character"),
    ] {
        let help = "the state of runs is saved in folders with this name; use a name such as \"clean-text\"";
        assert_eq!(broken(r#""tidy""#, name), format!("p.toml:2:8: {wrong} ({help})"));
    }
    assert_snapshot!(broken("\"tidy\"", &format!("\"{}\"", "a".repeat(101))), @r#"p.toml:2:8: `name` in [pipeline] "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…" is longer than 100 bytes (the state of runs is saved in folders with this name; use a name such as "clean-text")"#);
}

#[test]
fn invalid_names_of_steps_are_reported() {
    for (name, wrong) in [
        (r#""""#, "`name` in [[step]] is empty"),
        (r#""-a""#, "`name` in [[step]] \"-a\" does not start with a letter or digit"),
        (r#""a.b""#, "`name` in [[step]] \"a.b\" contains something other than letters, digits, `-` and `_`"),
    ] {
        assert_eq!(broken(r#""trim""#, name), format!("p.toml:8:8: {wrong} (use a name such as \"count-words\")"));
    }
}

#[test]
fn duplicate_names_are_reported() {
    assert_snapshot!(broken("[[sink]]", "[[step]]\nname = \"trim\"\ncomponent = \"b\"\n[[sink]]\nname = \"trim\""), @r#"
    p.toml:12:8: the name "trim" is already used on line 8 (every source, step and sink needs a name of its own)
    p.toml:15:8: the name "trim" is already used on line 8 (every source, step and sink needs a name of its own)
    "#);
}

#[test]
fn invalid_batch_rows_are_reported() {
    for wrong in ["0", "-5", "1000001", "1.5", "\"5\"", "99999999999999999999999999999999999999999"] {
        let reported = broken("name = \"tidy\"", &format!("name = \"tidy\"\nbatch-rows = {wrong}"));
        assert!(reported.starts_with("p.toml:3:14: `batch-rows` in [pipeline] is "), "{reported}");
    }
    assert_snapshot!(broken("name = \"tidy\"", "name = \"tidy\"\nbatch-rows = 0"), @"p.toml:3:14: `batch-rows` in [pipeline] is 0, which is out of range (give an integer from 1 to 1000000)");
    assert_snapshot!(broken("name = \"tidy\"", "name = \"tidy\"\nbatch-rows = 1e3"), @"p.toml:3:14: `batch-rows` in [pipeline] is a float, not an integer");
}

#[test]
fn invalid_paths_are_reported() {
    assert_snapshot!(broken("\"in.jsonl\"", "\"\""), @r#"p.toml:5:8: `path` in [[source]] is empty (add `path = "input.jsonl"`: a file, a pattern such as `data/*.csv`, a list of both, or `-` for standard input)"#);
    assert_snapshot!(broken("\"trim.wasm\"", "\"a\\u0000b\""), @r#"p.toml:9:13: `component` in [[step]] contains a NUL character, which a path cannot contain (add `component = "…"`: the step's .wasm file, the folder of its crate, or a reference such as `oci://REGISTRY/NAME:TAG@sha256:…`)"#);
    assert_snapshot!(broken("\"out.csv\"", "[\"out.csv\"]"), @"p.toml:12:8: `path` in [[sink]] is an array, not a string");
}

#[test]
fn unknown_formats_are_reported() {
    assert_snapshot!(broken("\"in.jsonl\"", "\"in.txt.gz\""), @"p.toml:5:8: cannot determine the format of `in.txt.gz` from its file extension (set `format` in [[source]] to jsonl, json, csv, parquet or arrow, or use a file extension such as .jsonl, .json, .csv, .tsv, .parquet or .arrow, followed by .gz, .zst, .bz2 or .xz if the file is compressed)");
    assert_snapshot!(broken("\"in.jsonl\"", "\"data/*\""), @"p.toml:5:8: cannot determine the format of `data/*` from its file extension (set `format` in [[source]] to jsonl, json, csv, parquet or arrow, or use a file extension such as .jsonl, .json, .csv, .tsv, .parquet or .arrow, followed by .gz, .zst, .bz2 or .xz if the file is compressed)");
    assert_snapshot!(broken("\"in.jsonl\"", "\"-\""), @r#"p.toml:5:8: the format of standard input is not known (add `format = "jsonl"` to [[source]], or json, csv, parquet or arrow)"#);
    assert_snapshot!(broken("\"out.csv\"", "\"-\""), @r#"p.toml:12:8: the format of standard output is not known (add `format = "jsonl"` to [[sink]], or csv, parquet or arrow)"#);
    assert_snapshot!(broken("\"in.jsonl\"", "\"in\"\nformat = \"josnl\""), @r#"p.toml:6:10: `format` in [[source]] is "josnl", which is not a format (did you mean "jsonl"? the formats are jsonl, json, csv, parquet and arrow)"#);
    assert_snapshot!(broken("\"in.jsonl\"", "\"in.csv\"\nformat = 1\ncompression = \"brotli\""), @r#"
p.toml:6:10: `format` in [[source]] is an integer, not a string
p.toml:7:15: `compression` in [[source]] is "brotli", which is not a compression (the compressions are none, gzip, zstd, bzip2 and xz)
"#);
}

#[test]
fn invalid_columns_are_reported() {
    let columns = |columns: &str| broken("\"in.jsonl\"", &format!("\"in.jsonl\"\ncolumns = {columns}"));
    assert_snapshot!(columns("{}"), @r#"p.toml:6:11: `columns` in [[source]] is empty (name the columns, as in `columns = { id = "integer" }`, or remove the key to infer them from the rows)"#);
    assert_snapshot!(columns("[\"id\"]"), @"p.toml:6:11: `columns` in [[source]] is an array, not a table of names and types");
    assert_snapshot!(columns("{ id = \"int\", a.b = \"text\", c = 5, d = \"Text\" }"), @r#"
    p.toml:6:18: `columns.id` is "int", which is not a type (the types are boolean, integer, float, text, binary, json and vector)
    p.toml:6:25: `columns.a` is a table, not the name of a type (put the name of a column in quotes if it contains a dot)
    p.toml:6:43: `columns.c` is an integer, not the name of a type
    p.toml:6:50: `columns.d` is "Text", which is not a type (did you mean "text"? the types are boolean, integer, float, text, binary, json and vector)
    "#);
    assert_snapshot!(broken("\"in.jsonl\"", "\"in.parquet\"\ncolumns = { id = \"integer\" }"), @"p.toml:6:1: `columns` in [[source]] applies to jsonl, json and csv only, but this source is parquet (remove the key: parquet files declare their columns and types themselves)");
}

#[test]
fn invalid_parents_are_reported() {
    let from = |from: &str| broken("\"out.csv\"", &format!("\"out.csv\"\nfrom = {from}"));
    assert_snapshot!(from("[]"), @"p.toml:13:8: `from` in [[sink]] is empty (name the steps or sources to read from, or remove the key to read from the previous step)");
    assert_snapshot!(from("{ step = \"trim\" }"), @r#"
    p.toml:13:8: `from` has no `name` (add the step or source that rows come from: `name = "…"`)
    p.toml:13:10: unknown key `step` in `from` (`from` takes drop, name, rename and select)
    "#);
    assert_snapshot!(from("[\"trim\", 5, [\"trim\"]]"), @"
    p.toml:13:17: an element of `from` in [[sink]] is an integer, not a name
    p.toml:13:20: an element of `from` in [[sink]] is an array, not a name
    ");
}

#[test]
fn invalid_parameters_are_reported() {
    let parameters = |parameters: &str| broken("\"trim.wasm\"", &format!("\"trim.wasm\"\nparameters = {parameters}"));
    assert_snapshot!(parameters("[1]"), @"p.toml:10:14: `parameters` in [[step]] is an array, not a table");
    assert_snapshot!(parameters("{ a = nan, b = [-inf], c = { d = 1e999 }, e = 18446744073709551616 }"), @"
    p.toml:10:20: the parameter's value nan is not a finite number (write it in quotes if the step takes it as text)
    p.toml:10:30: the parameter's value -inf is not a finite number (write it in quotes if the step takes it as text)
    p.toml:10:47: the parameter's value 1e999 is not a finite number (write it in quotes if the step takes it as text)
    p.toml:10:60: the parameter's value 18446744073709551616 does not fit into 64 bits (write it in quotes if the step takes it as text)
    ");
}

#[test]
fn at_most_a_hundred_diagnostics_are_reported() {
    let text = VALID.to_owned() + &(0..150).fold(String::new(), |keys, index| keys + &format!("key-{index} = 1\n"));
    let reported = diagnostics(&text);
    assert_eq!(reported.lines().count(), 101);
    assert_eq!(reported.lines().next_back(), Some("and 50 more"));
}
