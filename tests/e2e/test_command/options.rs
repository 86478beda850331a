//! Options of `stillbox test`: `--update`, `--filter`, `--junit` and `--message-format`.

use std::fs;
use std::process::Command;

use stillbox_test_guests::{ADD_COLUMN, BAD_ESCAPES, BAD_PANIC, KEEP_LONG};

use super::{THREE, case, guilty, redact_measures, test};
use crate::harness::{Folder, redact};

#[test]
fn update_writes_the_actual_rows_and_lists_the_files() {
    let _redacted = redact_measures();
    let folder = case(&[("input.jsonl", "{\"text\":\"a\"}\n{\"text\":\"\"}\n")]);
    insta::assert_snapshot!(test(&folder, ADD_COLUMN, &[]).failed(1), @"
          FAIL step/one  2 -> 1 rows

    FAIL step/one
      1 row came out, but no rows are expected yet; review the rows that `stillbox test --update step` writes to step/cases/one/expected.jsonl

       Summary 0 passed, 1 failed
    ");
    insta::assert_snapshot!(test(&folder, ADD_COLUMN, &["--update"]).succeeded().stderr, @"
    UPDATED step/one  2 -> 1 rows
    Updated step/cases/one/expected.jsonl
    Updated step/cases/one/expected-rejects.jsonl
    Summary 1 passed
    ");
    assert_eq!(folder.text("step/cases/one/expected.jsonl"), "{\"text\":\"a\",\"length\":1}\n");
    assert_eq!(
        folder.text("step/cases/one/expected-rejects.jsonl"),
        "{\"row\":2,\"message\":\"the text has no length\"}\n"
    );
    // Expected rows that match are left as they are written.
    folder.write("step/cases/one/expected.jsonl", "{\"length\": 1.0, \"text\": \"a\"}\n");
    test(&folder, ADD_COLUMN, &["--update"]).succeeded();
    assert_eq!(folder.text("step/cases/one/expected.jsonl"), "{\"length\": 1.0, \"text\": \"a\"}\n");
    // No row is rejected any more.
    folder.write("step/cases/one/input.jsonl", "{\"text\":\"a\"}\n");
    let output = test(&folder, ADD_COLUMN, &["--update"]).succeeded().stderr;
    assert!(output.contains("Removed step/cases/one/expected-rejects.jsonl"), "{output}");
}

#[test]
fn update_does_not_accept_a_failure() {
    let folder = case(&[("input.jsonl", &guilty())]);
    test(&folder, BAD_PANIC, &["--update"]).failed(1);
    assert!(!folder.join("step/cases/one/expected.jsonl").exists());
}

#[test]
fn filter_selects_cases_by_name() {
    let _redacted = redact_measures();
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", "")]);
    folder.write("step/cases/two/input.jsonl", "{\"text\":\"ab\"}\n");
    folder.write("step/cases/two/expected.jsonl", "{\"text\":\"ab\"}\n");
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &["--filter", "step/tw"]).succeeded().stderr, @"
       PASS step/two  1 -> 1 rows
    Summary 1 passed, 1 skipped
    ");
    test(&folder, KEEP_LONG, &["--filter", "three"]).failed(2);
}

#[test]
fn test_writes_junit_and_json_reports() {
    let expected = "{\"id\":1,\"text\":\"a\"}\n";
    let folder = case(&[("input.jsonl", THREE), ("expected.jsonl", expected)]);
    let outcome = test(&folder, KEEP_LONG, &["--junit", "report.xml", "--message-format", "json"]);
    assert_eq!(outcome.code, Some(1));
    let [case, end] = &outcome.json_lines()[..] else { panic!("{outcome:?}") };
    assert_eq!((&case["event"], &case["status"], &case["case"]), (&"case".into(), &"failed".into(), &"one".into()));
    assert_eq!(case["problems"][0]["kind"], "rows");
    assert!(case["peak_memory"].as_u64() > Some(65_535), "{case}");
    assert_eq!((&end["event"], &end["failed"]), (&"finished".into(), &1.into()));
    let _redacted = redact([(r#" time="[^"]*""#, r#" time="…""#)]);
    insta::assert_snapshot!(folder.text("report.xml"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="stillbox" tests="1" skipped="0" failures="1" errors="0" time="…">
        <testsuite name="step" tests="1" skipped="0" errors="0" failures="1" time="…">
            <testcase name="one" classname="step" time="…">
                <failure message="2 rows came out, 1 expected">2 rows came out, 1 expected
    step/cases/one/expected.jsonl:1, row 1, column &quot;id&quot;
      - 1
      + 2
    step/cases/one/expected.jsonl:1, row 1, column &quot;text&quot;
      - &quot;a&quot;
      + &quot;bc&quot;
    step/cases/one/expected.jsonl, row 2 is not expected
      + {&quot;id&quot;:3,&quot;text&quot;:&quot;def&quot;}
    </failure>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
}

/// The parser of Python accepts nothing but XML, in which control characters do not exist.
#[test]
fn a_junit_report_with_control_characters_is_xml() {
    let folder = case(&[("input.jsonl", &guilty()), ("expected.jsonl", "")]);
    folder.write("step/cases/a\tb\u{1}c\u{ffff}<\"/input.jsonl", guilty());
    test(&folder, BAD_ESCAPES, &["--junit", "report.xml"]).failed(1);
    let script = "import sys, xml.etree.ElementTree as tree\n\
                  for case in tree.parse(sys.argv[1]).iter('testcase'): print(case.get('name'), case[0].get('message'))";
    let output = Command::new("python3").args(["-c", script]).arg(folder.join("report.xml")).output();
    let output = output.expect("there is Python");
    assert!(output.status.success(), "{output:?}\n{}", folder.text("report.xml"));
    insta::assert_snapshot!(String::from_utf8(output.stdout).expect("it is text"), @r#"
    a\u{9}b\u{1}c\u{ffff}<" guest-error in step name \u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\u{d}\u{7}\u{0}\u{a}  at: input.jsonl:1 (batch 0)\u{a}::error file=a::b\u{a}  ::add-mask::c\u{a}##\u{5b}group]d ##vso\u{5b}e]\u{a}##teamcity\u{5b}f]\u{a}section_start:1:g\u{d}\u{1b}[0Kh end: message \u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\u{d}\u{7}\u{0}
    one guest-error in step name \u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\u{d}\u{7}\u{0}\u{a}  at: input.jsonl:1 (batch 0)\u{a}::error file=a::b\u{a}  ::add-mask::c\u{a}##\u{5b}group]d ##vso\u{5b}e]\u{a}##teamcity\u{5b}f]\u{a}section_start:1:g\u{d}\u{1b}[0Kh end: message \u{1b}[2J\u{1b}[31m\u{9b}1A\u{202e}\u{2066}\u{d}\u{7}\u{0}
    "#);
}

#[test]
fn a_folder_without_cases_is_reported_with_the_files_to_create() {
    let _redacted = redact_measures();
    let folder = Folder::new();
    fs::create_dir(folder.join("step")).unwrap();
    insta::assert_snapshot!(test(&folder, KEEP_LONG, &[]).failed(2), @"
    error: step cannot be tested: the step has no cases: create the folder `step/cases/first` with an input.jsonl, and run `stillbox test --update`
       Summary 0 passed, 1 step not tested
    ");
    insta::assert_snapshot!(folder.stillbox(["test", "step"]).failed(2), @"
    error: step cannot be tested: `step` has no Cargo.toml, pyproject.toml or package.json: give the folder of a step, or a compiled .wasm file
       Summary 0 passed, 1 step not tested
    ");
    folder.write("README.md", "");
    insta::assert_snapshot!(folder.stillbox(["test", "README.md"]).failed(2), @"
    error: `README.md` is not a folder: give the folder of a step, with its cases in `cases`
    ");
    insta::assert_snapshot!(folder.stillbox(["test", "nowhere"]).failed(2), @"error: there is no folder `nowhere`");
}
