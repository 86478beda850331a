//! `stillbox test`: cases, and what is printed when they fail. The guests have been compiled before.

mod edge_cases;
mod options;
mod recorded;
mod selection;

use insta::internals::SettingsBindDropGuard;
use stillbox_test_guests::{
    ADD_COLUMN, BAD_ERROR, BAD_LOOP, BAD_MEMORY_STEPS, BAD_PANIC, EXPAND_WORDS, KEEP_LONG, REFUSE, REMEMBER,
};

use crate::harness::{Folder, Outcome, redact, rows};

/// A folder with the step `step`, which has one case of these files.
fn case(files: &[(&str, &str)]) -> Folder {
    let folder = Folder::new();
    for (file, text) in files {
        folder.write(&format!("step/cases/one/{file}"), text);
    }
    folder
}

fn test(folder: &Folder, component: &str, arguments: &[&str]) -> Outcome {
    folder.stillbox(["test", "step", "--component", component].into_iter().chain(arguments.iter().copied()))
}

/// Leaves out times and sizes.
fn redact_measures() -> SettingsBindDropGuard {
    redact([(r"(?m)(-> \d+ rows), .*", "$1"), (r"(?m)^( *Summary .*) in .*", "$1"), (r"(?m) +$", "")])
}

const THREE: &str = "{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"bc\"}\n{\"id\":3,\"text\":\"def\"}\n";

#[test]
fn a_case_with_the_expected_rows_passes() {
    let _redacted = redact_measures();
    let expected = "{\"id\":2,\"text\":\"bc\"}\n{\"id\":3,\"text\":\"def\"}\n";
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", expected)]);
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).succeeded().stderr, @"
       PASS step/one  3 -> 2 rows
    Summary 1 passed
    ");
}

#[test]
fn test_shows_a_difference_by_row_and_column() {
    let _redacted = redact_measures();
    let expected = "{\"id\":1,\"text\":\"a\",\"length\":1}\n{\"id\":2,\"text\":\"bc\",\"length\":3}\n\
                    {\"id\":3,\"text\":\"def\",\"length\":3}\n";
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", expected)]);
    insta::assert_snapshot!(test(&folder, ADD_COLUMN, &[]).failed(1), @r#"
          FAIL step/one  3 -> 3 rows

    FAIL step/one
      step/cases/one/expected.jsonl:2, row 2, column "length"
        - 3
        + 2

       Summary 0 passed, 1 failed
    "#);
}

#[test]
fn test_aligns_rows_around_a_missing_row() {
    let _redacted = redact_measures();
    let expected = "{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"bc\"}\n{\"id\":3,\"text\":\"def\"}\n";
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", expected)]);
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(1), @r#"
          FAIL step/one  3 -> 2 rows

    FAIL step/one
      2 rows came out, 3 expected
      step/cases/one/expected.jsonl:1, a row is missing
        - {"id":1,"text":"a"}

       Summary 0 passed, 1 failed
    "#);
}

#[test]
fn test_reports_an_unexpected_reject_with_its_source_line() {
    let _redacted = redact_measures();
    let input = "{\"text\":\"a\"}\n{\"text\":\"\"}\n{\"text\":\"\"}\n";
    let folder = case(&[("input.jsonl", input), ("expected.jsonl", "{\"text\":\"a\",\"length\":1}\n")]);
    insta::assert_snapshot!(test(&folder, ADD_COLUMN, &[]).failed(1), @r#"
          FAIL step/one  3 -> 1 rows

    FAIL step/one
      2 rows rejected, 0 expected
      step/cases/one/expected-rejects.jsonl, rejection 1 is not expected
        + {"row":2,"message":"the text has no length"}
      step/cases/one/expected-rejects.jsonl, rejection 2 is not expected
        + {"row":3,"message":"the text has no length"}
      rejected: step/cases/one/input.jsonl:2 and 1 more row at tests/guests/programs/examples/add_column.rs:24:9: the text has no length
        caused by: it is empty

       Summary 0 passed, 1 failed
    "#);
}

#[test]
fn test_reports_the_causes_of_an_unexpected_reject() {
    let folder = case(&[("input.jsonl", "{\"id\":1}\n{\"id\":3}\n"), ("expected.jsonl", "{\"id\":1}\n")]);
    let message = test(&folder, BAD_ERROR, &[]).failed(1);
    let shown = message.split_once(": the row cannot be used\n").expect("the row is rejected").1;
    let lines: Vec<_> = shown.lines().take(3).map(str::trim_start).collect();
    let causes = ["caused by: the number is unreadable", "caused by: invalid digit found in string"];
    assert_eq!(lines, [causes[0], causes[1], "hint: write digits"], "{message}");
}

#[test]
fn a_case_can_expect_rejected_rows_or_a_failure() {
    let input = "{\"text\":\"a\"}\n{\"text\":\"\"}\n";
    let expected = ("expected.jsonl", "{\"text\":\"a\",\"length\":1}\n");
    let rejects = ("expected-rejects.jsonl", "{\"row\":2,\"message\":\"the text has no length\"}\n");
    test(&case(&[("input.jsonl", input), expected, rejects]), ADD_COLUMN, &[]).succeeded();

    let failure = ("expected-failure.toml", "kind = \"guest-error\"\nmessage = \"^the text has\"\nrow = 2\n");
    test(&case(&[("input.jsonl", input), failure]), ADD_COLUMN, &[]).succeeded();
}

#[test]
fn test_passes_parameters_and_reports_unknown_keys() {
    let _redacted = redact_measures();
    let files = [("input.jsonl", THREE), ("expected.jsonl", "{\"id\":3,\"text\":\"def\"}\n")];
    test(&case(&[files[0], files[1], ("parameters.toml", "min-bytes = 3\n")]), KEEP_LONG, &[]).succeeded();

    let folder = case(&[files[0], files[1], ("parameters.toml", "# the shortest\nmin-byte = 3\n")]);
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(1), @"
          FAIL step/one

    FAIL step/one
      error: the step does not accept its parameters: unknown parameter `min-byte`, did you mean `min-bytes`?
       --> step/cases/one/parameters.toml:2:1
        |
      2 | min-byte = 3
        | ^^^^^^^^

       Summary 0 passed, 1 failed
    ");
}

#[test]
fn test_reports_a_missing_column_with_the_columns_of_the_input() {
    let _redacted = redact_measures();
    let folder = case(&[("input.jsonl", "{\"txt\":\"a\"}\n"), ("expected.jsonl", "")]);
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(1), @r#"
          FAIL step/one

    FAIL step/one
      incompatible: step "stillbox-test-programs" reads the column "text", which step/cases/one/input.jsonl does not have
        hint: did you mean "txt"?; step/cases/one/input.jsonl gives txt: text

       Summary 0 passed, 1 failed
    "#);
    let folder = case(&[("input.jsonl", "{\"text\":1}\n"), ("expected.jsonl", "")]);
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(1), @r#"
          FAIL step/one

    FAIL step/one
      incompatible: step "stillbox-test-programs" reads the column "text" as text, but step/cases/one/input.jsonl has it as integer
        hint: convert it to text with the step `cast`, or declare its type with `columns` in a source that reads JSON or CSV; step/cases/one/input.jsonl gives text: integer

       Summary 0 passed, 1 failed
    "#);
}

#[test]
fn test_reports_a_panic_with_source_line_and_row() {
    let input = guilty();
    let folder = case(&[("input.jsonl", &input), ("expected.jsonl", &input)]);
    let output = test(&folder, BAD_PANIC, &[]);
    assert!(output.stderr.contains("bad_panic.rs:"), "{}", output.stderr);

    let expected = "kind = \"panic\"\nmessage = \"no rule for the id\"\nrow = 2\n";
    let folder = case(&[("input.jsonl", &guilty()), ("expected-failure.toml", expected)]);
    test(&folder, BAD_PANIC, &[]).succeeded();
}

/// The `id` at which guests misbehave.
const GUILTY: u64 = 3;

/// Two rows, of which the second is the guilty one.
fn guilty() -> String {
    rows::with_ids([1, GUILTY])
}

#[test]
fn test_shows_the_expected_and_the_actual_failure() {
    let _redacted = redact_measures();
    let expected = "kind = \"guest-error\"\nmessage = \"never\"\nrow = 1\n";
    let folder = case(&[("input.jsonl", &guilty()), ("expected-failure.toml", expected)]);
    let output = test(&folder, BAD_PANIC, &[]).failed(1);
    insta::assert_snapshot!(output.split("  panic").next().unwrap(), @"
          FAIL step/one  2 -> 0 rows

    FAIL step/one
      step/cases/one/expected-failure.toml, `kind`
        - guest-error
        + panic
      step/cases/one/expected-failure.toml, `message`
        - never
        + no rule for the id 3
      step/cases/one/expected-failure.toml, `row`
        - 1
        + 2
    ");

    let folder = case(&[("input.jsonl", "{\"id\":1}\n"), ("expected-failure.toml", expected)]);
    insta::assert_snapshot!(test(&folder, BAD_PANIC, &[]).failed(1), @"
          FAIL step/one  1 -> 1 rows

    FAIL step/one
      step/cases/one/expected-failure.toml: a failure of kind guest-error is expected, and 1 row came out

       Summary 0 passed, 1 failed
    ");
}

#[test]
fn a_case_can_lower_memory_time_and_fuel_limits_and_names_the_row_that_exceeds_them() {
    for (guest, limits, failure) in [
        (BAD_MEMORY_STEPS, "limits = { memory = \"16MiB\" }\n", "kind = \"memory\"\nrow = 2\n"),
        (BAD_LOOP, "limits = { time = \"1s\" }\n", "kind = \"timeout\"\nrow = 2\n"),
        (BAD_LOOP, "limits = { fuel = 1000000 }\n", "kind = \"fuel\"\nrow = 2\n"),
    ] {
        let files = [("input.jsonl", &*guilty()), ("case.toml", limits), ("expected-failure.toml", failure)];
        test(&case(&files), guest, &[]).succeeded();
    }
}

#[test]
fn test_detects_a_step_whose_rows_depend_on_the_batch() {
    let _redacted = redact_measures();
    let input = "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n";
    let expected = "{\"id\":1,\"seen\":1}\n{\"id\":2,\"seen\":2}\n{\"id\":3,\"seen\":3}\n";
    let files = [("input.jsonl", input), ("expected.jsonl", expected)];
    let output = test(&case(&files), REMEMBER, &[]).failed(1);
    insta::assert_snapshot!(output.split("other rows came out in batches of random").next().unwrap(), @r#"
          FAIL step/one  3 -> 3 rows

    FAIL step/one
      other rows came out in batches of one row (check `single-rows`)
      row 2, column "seen"
        - 2
        + 1
      row 3, column "seen"
        - 3
        + 1
    "#);

    let off = ("case.toml", "checks = { single-rows = false, random-batches = false }\n");
    test(&case(&[files[0], files[1], off]), REMEMBER, &[]).succeeded();
}

#[test]
fn test_reports_all_errors_in_the_files_of_a_case_at_once() {
    let _redacted = redact_measures();
    let folder = case(&[
        ("input.jsonl", THREE),
        ("expected.jsonl", "{\"id\":1}\n[1]\n"),
        ("case.toml", "limits = { memori = \"1GiB\" }\nchecks = { single-rows = 1 }\n"),
        ("parameters.toml", "min-bytes = \n"),
    ]);
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(1), @r#"
          FAIL step/one

    FAIL step/one
      error: unknown key `memori` in [limits]
       --> step/cases/one/case.toml:1:12
        |
      1 | limits = { memori = "1GiB" }
        |            ^^^^^^ unknown key
        |
        = help: did you mean `memory`?
        = help: [limits] takes compile-memory, compile-time, fuel, log-bytes, memory, output-bytes, output-rows and time

      error: `single-rows` in checks is an integer, not true or false
       --> step/cases/one/case.toml:2:26
        |
      2 | checks = { single-rows = 1 }
        |                          ^ expected true or false
      error: not valid TOML: a value is missing
       --> step/cases/one/parameters.toml:1:13
        |
      1 | min-bytes =
        |             ^ a value is missing
      error: step/cases/one/expected.jsonl:2: it is not a JSON object

       Summary 0 passed, 1 failed
    "#);
    let folder = case(&[("input.jsonl", THREE), ("expected-failure.toml", "kind = \"painc\"\nmessage = \"(\"\n")]);
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(1), @r#"
          FAIL step/one

    FAIL step/one
      error: `kind` is "painc", which is not a failure kind
       --> step/cases/one/expected-failure.toml:1:8
        |
      1 | kind = "painc"
        |        ^^^^^^^ not a failure kind
        |
        = help: did you mean "panic"?
        = help: the failure kinds are guest-error, panic, trap, timeout, memory, fuel, exit, bad-output, denied, model, parameters and incompatible

      error: `message` is not a regular expression
       --> step/cases/one/expected-failure.toml:2:11
        |
      2 | message = "("
        |           ^^^
        |
        = help: unclosed group

       Summary 0 passed, 1 failed
    "#);
}

#[test]
fn update_writes_rows_of_a_step_that_expands() {
    let _redacted = redact_measures();
    let folder = case(&[("input.jsonl", "{\"text\":\"a b\"}\n{\"text\":\"\"}\n")]);
    test(&folder, EXPAND_WORDS, &["--update"]).succeeded();
    insta::assert_snapshot!(folder.text("step/cases/one/expected.jsonl"), @r#"
    {"text":"a b","word":"a"}
    {"text":"a b","word":"b"}
    "#);
}

#[test]
fn test_escapes_control_characters_of_a_step() {
    let folder = case(&[
        ("input.jsonl", "{\"id\":7}\n"),
        ("parameters.toml", "id = 7\n"),
        ("expected.jsonl", "{\"id\":7,\"\\u001b[31m\":\"\\u001b[2J\"}\n"),
    ]);
    let output = test(&folder, REFUSE, &[]).failed(1);
    assert!(!output.contains('\u{1b}'), "{output:?}");
}
