//! The JSON Schema for editors and the reference in `docs/`, compared with the parser.

use std::collections::BTreeSet;
use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;

use super::{Config, VALID};
use crate::config::{DEFAULT_BATCH_ROWS, PIPELINE_SCHEMA};
use crate::grants::{DirGrant, HttpLimits};
use crate::limits::Limits;
use crate::policy::DEFAULT_BACKOFF;
use crate::units::{format_duration, format_size};

pub(super) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const REFERENCE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pipeline.md"));

/// A pipeline with an unknown key in every table.
const UNKNOWN_KEYS: &str = r#"
unknown = 1

[pipeline]
name = "p"
until = { rows = 1, at-most = 1, unknown = 1 }
unknown = 1

[limits]
unknown = 1

[[source]]
name = "a"
path = "a.csv"
csv = { unknown = 1 }
route = { by = "round-robin", to = ["x", "y"], unknown = 1 }
unknown = 1

[[source]]
path = "b.jsonl"
json = { unknown-keys = { into = "other", unknown = 1 }, unknown = 1 }

[[step]]
name = "x"
component = "x.wasm"
from = { name = "a", unknown = 1 }
route = { by = "sample", to = ["y", "z"], unknown = 1 }
limits = { unknown = 1 }
on-failure = { retry = 1, unknown = 1 }
unknown = 1

[step.allow]
unknown = 1

[[step.allow.http]]
url = "https://example.org/"
secret = { header = "x", value = "{a}", unknown = 1 }
limits = { unknown = 1 }
unknown = 1

[[step.allow.dir]]
path = "a"
unknown = 1

[step.allow.env]
A = { env = "A", unknown = 1 }

[[step]]
name = "y"
component = "y.wasm"
route = { by = "column", column = "c", cases = {}, otherwise = "z", unknown = 1 }

[[sink]]
name = "z"
path = "z.csv"
unknown = 1

[rejects]
path = "r.jsonl"
unknown = 1

[dropped]
path = "d.jsonl"
unknown = 1

[secrets]
a = { env = "A", unknown = 1 }
"#;

/// Where each of these tables is in the schema, and under which heading it is in the reference.
const TABLES: [(&str, &str, &str); 25] = [
    ("the file", "", "The pipeline file"),
    ("`until`", "/$defs/until", "until"),
    ("[pipeline]", "/$defs/pipeline", "pipeline"),
    ("[limits]", "/$defs/limits", "limits"),
    ("`csv`", "/$defs/csv", "CSV files"),
    ("`route`", "/$defs/route/oneOf/0", "Routes"),
    ("[[source]]", "/$defs/source", "source"),
    ("`unknown-keys`", "/$defs/other-keys", "JSON files"),
    ("`json`", "/$defs/json", "JSON files"),
    ("`from`", "/$defs/parent/anyOf/1", "Select, drop and rename columns"),
    ("`route`", "/$defs/route/oneOf/1", "Routes"),
    ("[step.limits]", "/$defs/limits", "limits"),
    ("on-failure", "/$defs/on-failure/anyOf/1", "Failures, rejects and retries"),
    ("[[step]]", "/$defs/step", "step"),
    ("[step.allow]", "/$defs/allow", "Grants"),
    ("`secret`", "/$defs/secret-header", "Grants"),
    ("[step.allow.http.limits]", "/$defs/http-limits", "Grants"),
    ("[[step.allow.http]]", "/$defs/allow-http", "Grants"),
    ("[[step.allow.dir]]", "/$defs/allow-dir", "Grants"),
    ("the variable", "/$defs/variable", "Grants"),
    ("`route`", "/$defs/route/oneOf/2", "Routes"),
    ("[[sink]]", "/$defs/sink", "sink"),
    ("[rejects]", "/$defs/rejects", "rejects"),
    ("[dropped]", "/$defs/dropped", "dropped"),
    ("the secret", "/$defs/secret", "secrets"),
];

fn schema() -> Value {
    serde_json::from_str(PIPELINE_SCHEMA).expect("it is JSON")
}

pub(super) fn validator() -> Validator {
    jsonschema::validator_for(&schema()).expect("it is a schema")
}

/// The keys of each table, as the parser lists them for an unknown one, in the order of [`UNKNOWN_KEYS`].
fn known_keys() -> Vec<(String, BTreeSet<String>)> {
    let diagnostics = Config::parse(Path::new("p.toml"), UNKNOWN_KEYS).expect_err("there are unknown keys");
    let keys = diagnostics.list.iter().map(|diagnostic| {
        assert!(diagnostic.message.starts_with("unknown key `unknown` in "), "{}", diagnostic.message);
        let help = diagnostic.help.last().expect("it lists the keys");
        let (title, keys) = help.split_once(" takes ").expect("it lists the keys");
        let keys = keys.split(", ").flat_map(|key| key.split(" and "));
        (title.to_owned(), keys.map(str::to_owned).collect())
    });
    keys.collect()
}

#[test]
fn the_schema_has_the_keys_of_the_parser() {
    let schema = schema();
    let known = known_keys();
    assert_eq!(known.len(), TABLES.len(), "{known:?}");
    for ((title, keys), (expected, pointer, _)) in known.iter().zip(TABLES) {
        assert_eq!(title, expected);
        let properties = schema.pointer(&format!("{pointer}/properties")).expect("the table has a schema");
        let in_schema: BTreeSet<String> = properties.as_object().expect("it is an object").keys().cloned().collect();
        assert_eq!(*keys, in_schema, "{title}");
        let closed = schema.pointer(&format!("{pointer}/additionalProperties"));
        assert_eq!(closed, Some(&Value::Bool(false)), "{title}");
    }
}

#[test]
fn the_reference_has_the_keys_of_the_parser() {
    for ((title, keys), (_, _, heading)) in known_keys().iter().zip(TABLES) {
        let section = section(heading);
        let cells: Vec<&str> =
            section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next()).collect();
        for key in keys {
            let forms = [format!("`{key}`"), format!("[{key}]")];
            let is_documented = cells.iter().any(|cell| forms.iter().any(|form| cell.contains(form.as_str())));
            assert!(is_documented, "docs/pipeline.md does not document `{key}` of {title} under \"{heading}\"");
        }
    }
}

/// The text under a heading of the reference, up to the next heading.
fn section(heading: &str) -> &'static str {
    let (_, rest) = REFERENCE.split_once(&format!("# {heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    rest.split("\n#").next().unwrap_or(rest)
}

#[test]
fn the_defaults_are_those_of_the_parser() {
    let schema = schema();
    let default = |pointer: &str| schema.pointer(&format!("/$defs/{pointer}/default")).cloned();
    let limits = Limits::default();
    let of_limit = |name: &str| default(&format!("limits/properties/{name}"));
    assert_eq!(default("pipeline/properties/batch-rows"), Some(DEFAULT_BATCH_ROWS.into()));
    assert_eq!(of_limit("memory"), Some(format_size(limits.memory).into()));
    assert_eq!(of_limit("time"), Some(format_duration(limits.time).into()));
    assert_eq!((of_limit("fuel"), limits.fuel), (None, None));
    assert_eq!(of_limit("output-rows"), Some(limits.output_rows.into()));
    assert_eq!(of_limit("output-bytes"), Some(format_size(limits.output_bytes).into()));
    assert_eq!(of_limit("log-bytes"), Some(format_size(limits.log_bytes).into()));
    assert_eq!(of_limit("compile-time"), Some(format_duration(limits.compile_time).into()));
    assert_eq!(of_limit("compile-memory"), Some(format_size(limits.compile_memory).into()));
    let http = HttpLimits::default();
    let of_http = |name: &str| default(&format!("http-limits/properties/{name}"));
    assert_eq!(of_http("time"), Some(format_duration(http.time).into()));
    assert_eq!(of_http("request-bytes"), Some(format_size(http.request_bytes).into()));
    assert_eq!(of_http("response-bytes"), Some(format_size(http.response_bytes).into()));
    assert_eq!(of_http("requests"), Some(http.requests.into()));
    assert_eq!(of_http("concurrency"), Some(http.concurrency.into()));
    let bytes = DirGrant::write("a").byte_limit();
    assert_eq!(default("allow-dir/properties/bytes"), Some(format_size(bytes).into()));
    assert_eq!(default("on-failure/anyOf/1/properties/backoff"), Some(format_duration(DEFAULT_BACKOFF).into()));
}

pub(super) fn is_valid(validator: &Validator, text: &str) -> bool {
    let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}\n{text}"));
    validator.is_valid(&serde_json::to_value(table).expect("a table becomes JSON"))
}

/// Compares the schema and the parser on the right pipeline with one line added to a table.
fn assert_agree(validator: &Validator, table: &str, line: &str, is_right: bool) {
    let text = match table {
        "[limits]" => format!("{VALID}\n[limits]\n{line}\n"),
        "[rejects]" | "[dropped]" if line.starts_with("path") => format!("{VALID}\n{table}\n{line}\n"),
        "[rejects]" | "[dropped]" => format!("{VALID}\n{table}\npath = \"r.jsonl\"\n{line}\n"),
        _ => VALID.replacen(table, &format!("{table}\n{line}"), 1),
    };
    let parsed = Config::parse(Path::new("p.toml"), &text);
    assert_eq!(parsed.is_ok(), is_right, "the parser on {table} {line}: {parsed:?}");
    assert_eq!(is_valid(validator, &text), is_right, "the schema on {table} {line}");
}

#[test]
fn the_schema_and_the_parser_accept_the_same_values() {
    let validator = validator();
    let right = [
        ("[pipeline]", r#"description = "Trims.""#),
        ("[pipeline]", "batch-rows = 1"),
        ("[pipeline]", "batch-rows = 1_000_000"),
        ("[pipeline]", r#"until = { rows = 5, where = "`a b` != 'c'", at-most = 5 }"#),
        ("[pipeline]", "until = { rows = 1, at-most = 1000000000000 }"),
        ("[[source]]", r#"name = "größe_2-a""#),
        ("[[source]]", r#"columns = { id = "integer", v = "vector" }"#),
        ("[[source]]", "compression = \"xz\"\nmax-window = \"2GiB\"\nhive = true"),
        ("[[source]]", r#"json = { layout = "array", unknown-keys = "ignore", nan = "float", encoding = "latin-1" }"#),
        ("[[source]]", r#"json = { unknown-keys = { into = "other" } }"#),
        ("[[source]]", r#"on-bad-row = "stop""#),
        (
            "[[source]]",
            "format = \"csv\"\ncsv = { delimiter = \"\\t\", quote = \"'\", escape = \"\\\\\", comment = \"#\" }",
        ),
        (
            "[[source]]",
            "format = \"csv\"\ncsv = { header = false, names = [\"a\"], skip-lines = 2, nulls = [\"\", \"NA\"] }",
        ),
        ("[[source]]", "format = \"csv\"\ncsv = { quote = \"\", nulls = \"-\", encoding = \"utf-16\" }"),
        ("[[source]]", r#"route = { by = "round-robin", to = ["trim", "sink"] }"#),
        ("[[source]]", r#"route = { by = "sample", to = ["trim", "sink"], count = 2, seed = 7 }"#),
        ("[[source]]", r#"route = { by = "column", column = "c", cases = { a = "trim" }, otherwise = "sink" }"#),
        ("[[step]]", r#"from = "source""#),
        ("[[step]]", r#"from = ["source", { name = "b", select = ["x"], rename = { x = "y" } }]"#),
        ("[[step]]", r#"combine = "columns""#),
        ("[[step]]", "parameters = { a = 1, b = [2024-01-01], c = { d = false } }"),
        ("[[step]]", "concurrency = 256"),
        ("[[step]]", r#"instance = "worker""#),
        ("[[step]]", "cache = true"),
        (
            "[[step]]",
            r#"allow.http = [{ url = "https://*.example.org/", methods = ["GET"], addresses = ["[::1]:80"] }]"#,
        ),
        (
            "[[step]]",
            r#"allow.http = [{ url = "http://a.example", limits = { time = "1s", requests = 0, concurrency = 64, requests-per-minute = 1 } }]"#,
        ),
        ("[[step]]", r#"allow.dir = [{ path = "a", at = "/b/c" }, { path = "a", write = true, bytes = "1MiB" }]"#),
        ("[[step]]", r#"allow.env = { A = "b", C = { env = "D" } }"#),
        ("[[step]]", r#"on-failure = { retry = 100, backoff = "1m", then = "stop" }"#),
        ("[[sink]]", r#"compression = "zstd""#),
        ("[limits]", r#"time = "1h 30m 5s 1ms""#),
        ("[limits]", r#"memory = "1GiB 512MiB""#),
        ("[limits]", r#"memory = "65536""#),
        ("[limits]", "memory = 65536"),
        ("[limits]", "output-rows = 4294967295"),
        ("[limits]", r#"log-bytes = "0B""#),
        ("[limits]", r#"compile-time = "1m""#),
        ("[limits]", r#"compile-memory = "1GiB""#),
        ("[rejects]", r#"path = "r.ndjson.gz""#),
        ("[rejects]", r#"max-rejects = "0.5%""#),
        ("[rejects]", "max-rejects = 0"),
        ("[dropped]", r#"path = "d.jsonl""#),
        ("[dropped]", "sample = 100_000"),
        ("[dropped]", r#"by = "reason""#),
    ];
    for (table, line) in right {
        assert_agree(&validator, table, line, true);
    }
}

#[test]
fn the_schema_and_the_parser_reject_the_same_values() {
    let validator = validator();
    let wrong = [
        ("[pipeline]", "batch-rows = 0"),
        ("[pipeline]", "batch-rows = 1_000_001"),
        ("[pipeline]", r#"batch-rows = "many""#),
        ("[pipeline]", "until = 5"),
        ("[pipeline]", "until = { rows = 5 }"),
        ("[pipeline]", "until = { rows = 0, at-most = 5 }"),
        ("[pipeline]", r#"until = { rows = 5, at-most = 5, where = "" }"#),
        ("[[source]]", r#"name = "-a""#),
        ("[[source]]", "columns = {}"),
        ("[[source]]", r#"compression = "lz4""#),
        ("[[source]]", r#"on-bad-row = "reject""#),
        ("[[source]]", r#"on-bad-row = "skip""#),
        ("[[source]]", r#"hive = "yes""#),
        ("[[source]]", r#"json = { layout = "table" }"#),
        ("[[source]]", r#"json = { unknown-keys = { into = "" } }"#),
        ("[[source]]", r"json = { unknown-keys = {} }"),
        ("[[source]]", "json = { nan = 0 }"),
        ("[[source]]", "format = \"csv\"\ncsv = { delimiter = \"\" }"),
        ("[[source]]", "format = \"csv\"\ncsv = { delimiter = \"||\" }"),
        ("[[source]]", "format = \"csv\"\ncsv = { comment = \"\\n\" }"),
        ("[[source]]", "format = \"csv\"\ncsv = { names = [\"a\"] }"),
        ("[[source]]", "format = \"csv\"\ncsv = { header = false, names = [\"a\", \"a\"] }"),
        ("[[source]]", "format = \"csv\"\ncsv = { skip-lines = -1 }"),
        ("[[source]]", r#"columns = { id = "number" }"#),
        ("[[source]]", "select = []"),
        ("[[source]]", r#"select = ["a", "a"]"#),
        ("[[source]]", "select = [\"a\"]\ndrop = [\"b\"]"),
        ("[[source]]", "rename = { a = 1 }"),
        ("[[source]]", r#"route = { by = "turns", to = ["trim", "sink"] }"#),
        ("[[source]]", r#"route = { by = "round-robin", to = ["trim"] }"#),
        ("[[source]]", r#"route = { by = "round-robin", to = ["trim", "sink"], seed = 1 }"#),
        ("[[source]]", r#"route = { by = "column", column = "c", cases = {} }"#),
        ("[[step]]", "from = []"),
        ("[[step]]", r#"from = { select = ["x"] }"#),
        ("[[step]]", r#"combine = "both""#),
        ("[[step]]", "concurrency = 257"),
        ("[[step]]", r#"cache = "yes""#),
        ("[[step]]", "allow = []"),
        ("[[step]]", "allow.http = []"),
        ("[[step]]", r#"allow.http = [{ url = "ftp://a.example" }]"#),
        ("[[step]]", r#"allow.http = [{ url = "https://a.example/?b" }]"#),
        ("[[step]]", r#"allow.http = [{ url = "https://a.example/", methods = [] }]"#),
        ("[[step]]", r#"allow.http = [{ url = "https://a.example/", limits = { concurrency = 0 } }]"#),
        ("[[step]]", r#"allow.http = [{ url = "https://a.example/", limits = { requests-per-minute = 0 } }]"#),
        ("[[step]]", r#"allow.http = [{ url = "https://a.example/", limits = { requests-per-minute = 60001 } }]"#),
        ("[[step]]", r#"allow.http = [{ url = "https://a.example/", secret = { header = "a", value = "b" } }]"#),
        ("[[step]]", r#"allow.dir = [{ path = "" }]"#),
        ("[[step]]", r#"allow.dir = [{ path = "a", at = "a" }]"#),
        ("[[step]]", "allow.env = { A = 1 }"),
        ("[[step]]", r#"on-failure = "retry""#),
        ("[[step]]", r#"on-failure = "reject""#),
        ("[[step]]", r#"on-failure = { retry = 1, then = "reject" }"#),
        ("[[step]]", r#"on-failure = { then = "stop" }"#),
        ("[[step]]", "on-failure = { retry = 101 }"),
        ("[[sink]]", r#"format = "xlsx""#),
        ("[limits]", r#"time = "30""#),
        ("[limits]", r#"time = "1.5s""#),
        ("[limits]", r#"time = "5s 1m""#),
        ("[limits]", "time = 30"),
        ("[limits]", r#"memory = "1 TiB""#),
        ("[limits]", r#"memory = "1MiB 1GiB""#),
        ("[limits]", "output-rows = 0"),
        ("[limits]", "output-rows = 4294967296"),
        ("[limits]", "fuel = 0"),
        ("[rejects]", r#"path = "r.csv""#),
        ("[rejects]", r#"path = "-""#),
        ("[rejects]", r#"max-rejects = "some""#),
        ("[rejects]", "max-rejects = -1"),
        ("[dropped]", r#"path = "d.csv""#),
        ("[dropped]", "sample = 0"),
        ("[dropped]", "sample = 100_001"),
        ("[dropped]", r#"by = "row""#),
    ];
    for (table, line) in wrong {
        assert_agree(&validator, table, line, false);
    }
}

#[test]
fn the_schema_requires_what_the_parser_requires() {
    let validator = validator();
    let text = format!("{VALID}\n[rejects]\npath = \"r.jsonl\"\n");
    assert!(is_valid(&validator, &text));
    let lines: Vec<&str> = text.lines().collect();
    for left_out in lines.iter().filter(|line| line.contains(" = ")) {
        let text = lines.iter().filter(|line| line != &left_out).fold(String::new(), |text, line| text + line + "\n");
        assert!(Config::parse(Path::new("p.toml"), &text).is_err(), "{left_out}");
        assert!(!is_valid(&validator, &text), "{left_out}");
    }
    for table in ["pipeline", "sink", "source"] {
        let mut document: toml::Table = VALID.parse().expect("it is TOML");
        document.remove(table);
        let text = document.to_string();
        assert_eq!(is_valid(&validator, &text), Config::parse(Path::new("p.toml"), &text).is_ok(), "{table}");
    }
}
