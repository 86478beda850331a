//! Usual mistakes of authors: each message names the file and line, or the key.

use insta::internals::SettingsBindDropGuard;

use super::command;
use crate::harness::{Folder, outcome, paths, redact};

/// Replaces a part of the code of a new step, and returns what `stillbox test` prints.
fn mistake(from: &str, to: &str, code: i32) -> String {
    let folder = new_step();
    let source = folder.text("count-words/src/lib.rs");
    assert!(source.contains(from), "{source}");
    folder.write("count-words/src/lib.rs", source.replace(from, to));
    tested(&folder, code)
}

fn new_step() -> Folder {
    let folder = Folder::new();
    outcome(command(&folder).args(["new", "count-words"])).succeeded();
    folder
}

fn tested(folder: &Folder, code: i32) -> String {
    outcome(command(folder).args(["test", "count-words"])).failed(code)
}

/// Leaves out the lines that depend on the run or on the code of the SDK, and the paths of folders.
fn redact_output() -> SettingsBindDropGuard {
    let lines = [
        r"(?m)^.* -> .*\n",
        r"(?m)^ *Summary.*\n",
        r"(?m)^.*/stillbox-sdk/src/.*\n",
        r"(?m)^ *Waiting for another build.*\n",
    ];
    redact(lines.map(|line| (line.to_owned(), "")).into_iter().chain(paths()))
}

#[test]
fn an_unsupported_column_type_is_a_compile_error_with_advice() {
    let _redacted = redact_output();
    // The compiler's list of other types changes with every version.
    let output = mistake("text: &'a str", "text: Option<Vec<&'a str>>", 2);
    let part: Vec<_> = output.lines().take_while(|line| !line.contains("other types")).take(12).collect();
    insta::assert_snapshot!(part.join("\n"), @"
        Building count-words
      error: count-words cannot be tested: cannot build the step in `count-words`
        |
        | error[E0277]: `Vec<&'a str>` is not a type that an input column can have
        |    --> src/lib.rs:20:11
        |     |
        |  20 |     text: Option<Vec<&'a str>>,
        |     |           ^^^^^^ not a type that an input column can have
        |     |
        |     = help: the trait `InputType<'_>` is not implemented for `Vec<&'a str>`
        |     = note: take bool, i64 or another integer, f64, &'a str, &'a [u8], Json<'a>, &'a [f32], or Option of one of them for a column with nulls
    ");
}

#[test]
fn a_column_of_another_type_than_the_step_reads_is_reported() {
    let _redacted = redact_output();
    let output = mistake("text: &'a str", "text: i64", 2);
    assert!(output.contains("src/lib.rs:"), "{output}");
    let folder = new_step();
    folder.write("count-words/cases/first/input.jsonl", "{\"text\":5}\n");
    insta::assert_snapshot!(tested(&folder, 1), @r#"
      Building count-words
          FAIL count-words/first

    FAIL count-words/first
      incompatible: step "count-words" reads the column "text" as text, but count-words/cases/first/input.jsonl has it as integer
        hint: convert it to text with the step `cast`, or declare its type with `columns` in a source that reads JSON or CSV; count-words/cases/first/input.jsonl gives text: integer
    "#);
}

#[test]
fn a_missing_column_is_reported_with_the_nearest_name() {
    let _redacted = redact_output();
    let folder = new_step();
    folder.write("count-words/cases/first/parameters.toml", "column = \"texts\"\n");
    insta::assert_snapshot!(tested(&folder, 1), @r#"
      Building count-words
          FAIL count-words/first

    FAIL count-words/first
      incompatible: step "count-words" reads the column "texts", which count-words/cases/first/input.jsonl does not have
        hint: did you mean "text"?; count-words/cases/first/input.jsonl gives id: integer, text: text
    "#);
}

#[test]
fn a_misspelt_parameter_is_reported_with_its_line() {
    let _redacted = redact_output();
    let folder = new_step();
    folder.write("count-words/cases/first/parameters.toml", "column = \"text\"\nmin-lenght = 2\n");
    insta::assert_snapshot!(tested(&folder, 1), @"
      Building count-words
          FAIL count-words/first

    FAIL count-words/first
      error: the step does not accept its parameters: unknown parameter `min-lenght`, did you mean `min-length`?
       --> count-words/cases/first/parameters.toml:2:1
        |
      2 | min-lenght = 2
        | ^^^^^^^^^^
    ");
}

#[test]
fn a_panic_is_reported_with_its_source_line_and_input_row() {
    let _redacted = redact_output();
    let output = mistake("Ok(Counted {", "let _ = row.text.split(' ').nth(3).unwrap();\n    Ok(Counted {", 1);
    insta::assert_snapshot!(output, @"
      Building count-words

    FAIL count-words/first
      panic in step count-words: called `Option::unwrap()` on a `None` value
        at: count-words/cases/first/input.jsonl:1
        source: src/lib.rs:35:40
        trap: wasm `unreachable` instruction executed
        frame: count_words (src/lib.rs:35:40)
        frame: {closure#0} (src/lib.rs:32:4)
        frame: count_words::_::__process (src/lib.rs:31:1)
    ");
}

/// The panic names a line of the standard library, and the failure that of the call.
#[test]
fn a_panic_in_the_standard_library_is_reported_with_the_line_that_called_it() {
    let _redacted = redact_output();
    let spawn = "std::thread::spawn(|| ()).join().unwrap();\n    Ok(Counted {";
    insta::assert_snapshot!(mistake("Ok(Counted {", spawn, 1), @r#"
      Building count-words

    FAIL count-words/first
      panic in step count-words: failed to spawn thread: Os { code: 58, kind: Unsupported, message: "Not supported" }
        at: count-words/cases/first/input.jsonl:1
        source: src/lib.rs:35:5
        trap: wasm `unreachable` instruction executed
        frame: count_words (src/lib.rs:35:5)
        frame: {closure#0} (src/lib.rs:32:4)
        frame: count_words::_::__process (src/lib.rs:31:1)
        hint: a step has no threads, processes and sockets: Stillbox runs several batches at once instead
    "#);
}

#[test]
fn a_trap_is_reported_with_its_source_line() {
    let _redacted = redact_output();
    let output =
        mistake("Ok(Counted {", "if row.text.len() > 13 { std::arch::wasm32::unreachable() }\n    Ok(Counted {", 1);
    insta::assert_snapshot!(output, @"
      Building count-words

    FAIL count-words/first
      trap in step count-words: wasm `unreachable` instruction executed
        at: count-words/cases/first/input.jsonl:2
        source: src/lib.rs:35:8
        frame: count_words (src/lib.rs:35:8)
        frame: {closure#0} (src/lib.rs:32:4)
        frame: count_words::_::__process (src/lib.rs:31:1)
    ");
}

#[test]
fn a_failing_case_shows_the_expected_and_the_actual_value() {
    let _redacted = redact_output();
    let output = mistake(".filter(long).count()", ".filter(long).count() + 1", 1);
    insta::assert_snapshot!(output, @r#"
      Building count-words

    FAIL count-words/first
      count-words/cases/first/expected.jsonl:1, row 1, column "n_words"
        - 3
        + 4
      count-words/cases/first/expected.jsonl:2, row 2, column "n_words"
        - 4
        + 5
    "#);
}
