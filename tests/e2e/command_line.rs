//! Arguments of the command, and what `check` and `inspect` print.

use insta::internals::SettingsBindDropGuard;
use stillbox_test_guests::{
    BAD_LONG_NAME, BAD_REFUSE_PARAMETERS, EVERY_TYPE, FILTER_TEXT, NAMED_COLUMNS, NORMALIZE_TEXT, TEXT_FEATURES,
};

use crate::harness::{DIGESTS, Folder, MEASURES, Outcome, outcome, outcome_with_input, pipeline, redact};
use crate::text_benchmark::{SEED, clean_text, folder, input};

/// Replaces what differs from run to run and from build to build.
fn redact_measures() -> SettingsBindDropGuard {
    let more = [(r"@0\.2\.\d+", "@0.2"), (r"(\S)  +", "$1  ")];
    redact(MEASURES.into_iter().chain(DIGESTS).chain(more))
}

#[test]
fn an_unknown_argument_gets_a_suggestion() {
    insta::assert_snapshot!(Folder::new().stillbox(["run", "x.toml", "--thread", "2"]).failed(2), @r"
    error: unexpected argument '--thread' found

      tip: a similar argument exists: '--threads'

    Usage: stillbox run --threads <N> <PIPELINE.toml>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Folder::new().stillbox(["rum"]).failed(2), @r"
    error: unrecognized subcommand 'rum'

      tip: some similar subcommands exist: 'runs', 'run'

    Usage: stillbox [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Folder::new().stillbox(["run", "x.toml", "--threads", "0"]).failed(2), @r"
    error: invalid value '0' for '--threads <N>': a number from 1 is needed

    For more information, try '--help'.
    ");
}

#[test]
fn completions_are_printed_for_every_shell() {
    for (shell, mark) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef stillbox"),
        ("fish", "complete -c stillbox"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
    ] {
        let outcome = Folder::new().stillbox(["completions", shell]).succeeded();
        assert!(outcome.text().contains(mark) && outcome.text().contains("inspect"), "{shell}");
        assert_eq!(outcome.stderr, "", "{shell}");
    }
}

#[test]
fn a_run_ends_with_a_summary_of_row_counts() {
    let _redacted = redact_measures();
    let folder = folder();
    folder.write("input.jsonl", input(SEED, 1_500));
    let run = folder.run(clean_text("input.jsonl", "output.jsonl")).succeeded();
    assert_eq!(run.text(), "");
    insta::assert_snapshot!(run.stderr, @r"
    clean-text: 1,500 rows in, 1,287 rows to sink in [TIME] ([RATE] rows/s)
      step  rows in  rows out  dropped  rejected  busy  instances
      normalize  1,500  1,500  0  0  [TIME]  2
      filter  1,500  1,287  213  0  [TIME]  2
      features  1,287  1,287  0  0  [TIME]  2
    ");
}

#[test]
fn check_prints_the_graph_with_the_columns_of_each_edge() {
    let folder = folder();
    folder.write("input.jsonl", input(SEED, 10));
    folder.write_pipeline(clean_text("input.jsonl", "output.jsonl"));
    let check = folder.stillbox(["check", "pipeline.toml"]).succeeded();
    insta::assert_snapshot!(check.text(), @r"
    clean-text
    source <- input.jsonl
    │ id: integer, text: text
    normalize (normalize-text 0.1.0) reads text: text, writes text: text
    │ id: integer, text: text
    filter (filter-text 0.1.0) reads text: text, writes nothing
    │ id: integer, text: text
    features (text-features 0.1.0) reads text: text, writes n_words: integer, n_bytes: integer, tri_hash: integer
    │ id: integer, text: text, n_words: integer, n_bytes: integer, tri_hash: integer
    sink -> output.jsonl
    ");
    assert!(!folder.join("output.jsonl").exists());
}

#[test]
fn check_prints_the_graph_as_json() {
    let _redacted = redact_measures();
    let folder = folder();
    folder.write("input.jsonl", input(SEED, 10));
    folder.write_pipeline(clean_text("input.jsonl", "output.jsonl"));
    let check = folder.stillbox(["check", "pipeline.toml", "--json"]).succeeded();
    let json = check.json();
    assert_eq!(json["name"], "clean-text");
    let nodes: Vec<_> = json["nodes"].as_array().unwrap().iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(nodes.join("\n"), @r#"
    {"name":"source","role":{"source":{"inputs":["input.jsonl"]}},"edges":[],"takes":[],"columns":["id: integer","text: text"]}
    {"name":"normalize","role":{"step":{"component":"normalize-text 0.1.0","kind":"transform","digest":"[DIGEST]","reads":["text: text"],"writes":["text: text"]}},"edges":[{"parent":0,"columns":["id: integer","text: text"]}],"takes":["id: integer","text: text"],"columns":["id: integer","text: text"]}
    {"name":"filter","role":{"step":{"component":"filter-text 0.1.0","kind":"transform","digest":"[DIGEST]","reads":["text: text"],"writes":[]}},"edges":[{"parent":1,"columns":["id: integer","text: text"]}],"takes":["id: integer","text: text"],"columns":["id: integer","text: text"]}
    {"name":"features","role":{"step":{"component":"text-features 0.1.0","kind":"transform","digest":"[DIGEST]","reads":["text: text"],"writes":["n_words: integer","n_bytes: integer","tri_hash: integer"]}},"edges":[{"parent":2,"columns":["id: integer","text: text"]}],"takes":["id: integer","text: text"],"columns":["id: integer","text: text","n_words: integer","n_bytes: integer","tri_hash: integer"]}
    {"name":"sink","role":{"sink":{"path":"output.jsonl"}},"edges":[{"parent":3,"columns":["id: integer","text: text","n_words: integer","n_bytes: integer","tri_hash: integer"]}],"takes":["id: integer","text: text","n_words: integer","n_bytes: integer","tri_hash: integer"],"columns":["id: integer","text: text","n_words: integer","n_bytes: integer","tri_hash: integer"]}
    "#);
    assert!(!folder.join("output.jsonl").exists());
}

#[test]
fn check_reports_the_same_errors_as_run() {
    let folder = folder();
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write_pipeline(clean_text("input.jsonl", "output.jsonl"));
    let check = folder.stillbox(["check", "pipeline.toml"]).failed(2);
    let run = folder.stillbox(["run", "pipeline.toml"]).failed(2);
    assert_eq!(check, run);
}

/// The output of `inspect` without the lines that depend on the compiler or on the time.
fn inspection(outcome: &Outcome) -> String {
    let varies = |line: &&str| {
        let is_import = line.starts_with("  wasi:") && !line.contains("environment");
        is_import || line.starts_with("made by") || line.starts_with("compiled")
    };
    outcome.text().split_inclusive('\n').filter(|line| !varies(line)).collect()
}

#[test]
fn inspect_describes_a_step() {
    let _redacted = redact_measures();
    let folder = Folder::with(&[FILTER_TEXT, TEXT_FEATURES, EVERY_TYPE]);
    let inspect = folder.stillbox(["inspect", "filter_text.wasm"]).succeeded();
    insta::assert_snapshot!(inspection(&inspect), @"
    name  filter-text 0.1.0 (transform)
    summary  Keeps the rows whose text has a number of words and of bytes in the given ranges, both ends included.
    language  rust, with the SDK 0.1.0
    size  [SIZE] bytes
    digest  [DIGEST]

    parameters
      column  string, required  The column with the texts.
      min-words  integer, default 0  The smallest number of words in a text. Words are separated by single spaces: an empty text has one word, and two consecutive spaces have an empty word between them.
      max-words  integer, optional  The largest number of words in a text. By default there is no limit.
      min-bytes  integer, default 0  The smallest number of bytes in a text, in UTF-8.
      max-bytes  integer, optional  The largest number of bytes in a text, in UTF-8. By default there is no limit.

    imports
      stillbox:step/drops@0.1.0  provided
      stillbox:step/panic@0.1.0  provided
      stillbox:step/types@0.1.0  provided
      wasi:cli/environment@0.2  provided, empty: environment would have to be granted
    ");
    let inspect = folder.stillbox(["inspect", "text_features.wasm", "--parameters", "{\"column\":\"c\"}"]).succeeded();
    insta::assert_snapshot!(inspection(&inspect), @"
    name  text-features 0.1.0 (transform)
    summary  Counts the words and bytes of texts, and hashes their word trigrams.
    language  rust, with the SDK 0.1.0
    size  [SIZE] bytes
    digest  [DIGEST]

    parameters
      column  string, required  The column with the texts.

    reads
      c: text

    writes
      n_words: integer
      n_bytes: integer
      tri_hash: integer

    imports
      stillbox:step/panic@0.1.0  provided
      stillbox:step/types@0.1.0  provided
      wasi:cli/environment@0.2  provided, empty: environment would have to be granted
    ");
}

#[test]
fn inspect_describes_a_step_as_json() {
    let _redacted = redact_measures();
    let folder = Folder::with(&[NAMED_COLUMNS, NORMALIZE_TEXT]);
    let arguments = ["inspect", "named_columns.wasm", "--json", "--parameters", r#"{"augend":"a","addend":"b"}"#];
    let inspect = folder.stillbox(arguments).succeeded();
    let mut json = inspect.json();
    // The other imports depend on the compiler.
    let imports = json["imports"].as_array_mut().unwrap();
    imports.retain(|import| import["name"].as_str().unwrap().starts_with("wasi:cli/environment@"));
    // Versions and times differ between runs.
    let object = json.as_object_mut().unwrap();
    assert!(object.remove("tools").unwrap().as_array().unwrap().iter().any(|tool| tool["name"] == "rustc"));
    assert!(object.remove("compile_ms").is_some_and(|time| time.as_f64().is_some_and(|time| time > 0.0)));
    insta::assert_snapshot!(format!("{json:#}"), @r#"
    {
      "name": "stillbox-test-programs",
      "version": "0.1.0",
      "summary": "Adds two columns.",
      "kind": "transform",
      "parameters": {
        "type": "object",
        "properties": {
          "augend": {
            "description": "The column to add to.",
            "type": "string"
          },
          "addend": {
            "description": "The column to add.",
            "type": "string"
          },
          "sum": {
            "description": "The column for the sum.",
            "type": "string"
          }
        },
        "required": [
          "augend",
          "addend"
        ],
        "additionalProperties": false
      },
      "signature": {
        "inputs": [
          {
            "name": "a",
            "type": "integer",
            "nullable": false,
            "optional": false
          },
          {
            "name": "b",
            "type": "integer",
            "nullable": false,
            "optional": false
          }
        ],
        "outputs": [
          {
            "name": "sum",
            "type": "integer",
            "nullable": false,
            "optional": false
          }
        ]
      },
      "imports": [
        {
          "name": "wasi:cli/environment@0.2",
          "provided": true,
          "grant": "environment",
          "runtime": true
        }
      ],
      "needs": [],
      "size": [SIZE],
      "digest": "[DIGEST]",
      "language": "rust",
      "sdk": "0.1.0"
    }
    "#);
    let rejected = folder.stillbox(["inspect", "normalize_text.wasm", "--parameters", "{\"colum\":\"a\"}"]);
    insta::assert_snapshot!(rejected.failed(2), @"
    error: the step does not accept these parameters
      caused by: unknown parameter `colum`, did you mean `column`?; `column` is missing, and there is no default
    ");
}

#[test]
fn errors_of_inspect_have_their_causes() {
    let folder = Folder::with(&[BAD_LONG_NAME, BAD_REFUSE_PARAMETERS]);
    insta::assert_snapshot!(folder.stillbox(["inspect", "nowhere.wasm"]).failed(2), @"
    error: nowhere.wasm: cannot be read
      caused by: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(folder.stillbox(["inspect", "bad_long_name.wasm"]).failed(2), @"
    error: bad_long_name.wasm: its `manifest` failed (bad-output)
      caused by: the name in its manifest has 1000000 bytes, more than the 256 allowed
    ");
    let arguments = ["inspect", "bad_refuse_parameters.wasm", "--parameters", "{}"];
    insta::assert_snapshot!(folder.stillbox(arguments).failed(2), @"
    error: the step does not accept these parameters
      caused by: these parameters will not do
    ");
}

#[test]
fn arguments_replace_parameters_and_paths_of_the_pipeline_file() {
    let folder = folder();
    folder.write("other.jsonl", "{\"id\":1,\"text\":\"A  b\"}\n{\"id\":2,\"text\":\"c\"}\n");
    folder.write_pipeline(clean_text("input.jsonl", "output.jsonl"));
    let arguments = ["run", "pipeline.toml", "--input", "other.jsonl", "--output", "other.csv"];
    let set = ["--set", "filter.min-words=2", "--set", "filter.min-bytes=0", "--set", "features.column=text"];
    folder.stillbox(arguments.into_iter().chain(set)).succeeded();
    insta::assert_snapshot!(folder.text("other.csv"), @r"
    id,text,n_words,n_bytes,tri_hash
    1,a b,2,3,2154585299
    ");
    let wrong = ["--set", "fliter.min-words=2", "--set", "filter", "--output", "x.docx"];
    insta::assert_snapshot!(folder.stillbox(["run", "pipeline.toml"].into_iter().chain(wrong)).failed(2), @r#"
    error: there is no step "fliter"
    --> --set fliter.min-words=2
     = help: did you mean "filter"?
     = help: the steps are normalize, filter and features

    error: there is no `=` in it
    --> --set filter
     = help: write it as STEP.PARAMETER=VALUE, such as filter.min-words=5

    error: cannot determine the format of `x.docx` from its file extension
    --> --output x.docx
     = help: set `format` in [[sink]] to jsonl, csv, parquet or arrow, or use a file extension such as .jsonl, .csv, .parquet or .arrow, followed by .gz or .zst if the file is compressed
    "#);
}

#[test]
fn a_dash_as_path_means_standard_input_or_output() {
    let folder = folder();
    folder.write_pipeline(pipeline("input.csv", &[], "output.csv"));
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--input", "-", "--output", "-"]);
    let outcome = outcome_with_input(&mut command, b"{\"a\":1}\n{\"a\":2}\n").succeeded();
    insta::assert_snapshot!(outcome.text(), @r#"
    {"a":1}
    {"a":2}
    "#);
}

#[test]
fn output_that_is_not_a_terminal_has_no_colours() {
    let folder = folder();
    folder.write("input.jsonl", input(SEED, 100));
    let right = folder.run(clean_text("input.jsonl", "output.jsonl")).succeeded();
    let wrong = folder.run(clean_text("nothing.jsonl", "output.jsonl")).failed(2);
    for text in [right.stderr, wrong, folder.stillbox(["--help"]).text().to_owned()] {
        assert!(!text.contains('\x1b'), "{text}");
    }
}

#[test]
fn environment_variables_force_and_forbid_colours() {
    let folder = Folder::new();
    folder.write_pipeline(pipeline("nothing.jsonl", &[], "output.jsonl"));
    let run = |variables: &[(&str, &str)]| {
        let variables = variables.iter().copied();
        outcome(folder.command().args(["run", "pipeline.toml"]).envs(variables)).failed(2)
    };
    assert!(run(&[("CLICOLOR_FORCE", "1")]).contains('\x1b'));
    assert!(!run(&[("NO_COLOR", "1")]).contains('\x1b'));
    assert!(!run(&[]).contains('\x1b'));
}

#[test]
fn building_a_folder_without_a_manifest_fails() {
    let folder = Folder::new();
    std::fs::create_dir(folder.join("empty")).unwrap();
    insta::assert_snapshot!(folder.stillbox(["build", "empty", "missing"]).failed(2), @r"
      Building empty
    error: `empty` has no Cargo.toml, pyproject.toml or package.json: give the folder of a step, or a compiled .wasm file
    error: there is no folder `missing`
    ");
    let current = outcome(folder.command().arg("build").current_dir(folder.join("empty"))).failed(2);
    insta::assert_snapshot!(current, @r"
      Building empty
    error: `.` has no Cargo.toml, pyproject.toml or package.json: give the folder of a step, or a compiled .wasm file
    ");
}
