//! `--report`, `--junit` and `--annotations`: reports of a run for people who were not there.

use std::process::Command;

use stillbox_test_guests::{ADD_COLUMN, BAD_ESCAPES, BAD_PANIC, BAD_SLEEP, KEEP_LONG};

use crate::harness::{Folder, Outcome, PipelineFile, ROOT, outcome, redact, step};

/// A run that rejects a row, and drops one.
fn rejecting() -> Folder {
    let folder = Folder::with(&[ADD_COLUMN, KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"ab\"}\n{\"text\":\"\"}\n{\"text\":\"a\"}\n");
    let add = step("add_column").on_failure("reject");
    folder.write_pipeline(PipelineFile::new().add(add).add(step("keep_long").parameters("min-bytes = 2")).rejects());
    folder
}

/// Runs a pipeline in a workflow of GitHub with this workspace.
fn on_github(folder: &Folder, workspace: &str, arguments: &[&str]) -> Outcome {
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--quiet"]).args(arguments).env("GITHUB_ACTIONS", "true");
    outcome(command.env("GITHUB_WORKSPACE", workspace).env("GITHUB_STEP_SUMMARY", folder.join("summary.md")))
}

/// Parses a page by the parser of Python, and returns the names of its elements; fails if their ends do not match.
fn elements(folder: &Folder, page: &str) -> String {
    let script = "import sys\nfrom html.parser import HTMLParser\n\
                  class Page(HTMLParser):\n  def __init__(self):\n    super().__init__(); self.open = []; self.names = set()\n  \
                  def handle_starttag(self, tag, attributes):\n    self.names.add(tag); self.names.update(n for n, v in attributes if n.startswith('on'))\n    \
                  tag in ('meta',) or self.open.append(tag)\n  \
                  def handle_startendtag(self, tag, attributes): self.names.add(tag)\n  \
                  def handle_endtag(self, tag):\n    assert self.open and self.open.pop() == tag, (tag, self.open, self.getpos())\n\
                  page = Page(); page.feed(open(sys.argv[1]).read()); page.close()\nassert not page.open, page.open\nprint(' '.join(sorted(page.names)))";
    let output = Command::new("python3").args(["-c", script]).arg(folder.join(page)).output().expect("there is Python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text").trim().to_owned()
}

#[test]
fn a_report_has_the_verdict_the_graph_and_the_failures_with_rows_and_source_lines() {
    let folder = rejecting();
    folder.stillbox(["run", "pipeline.toml", "--report", "report.html"]).succeeded();
    let page = folder.text("report.html");
    for part in [
        "<b>Passed</b><p>3 rows read, 1 row written, 1 row rejected in ",
        "the text has no length",
        "<dt>at</dt><dd>input.jsonl:2</dd>",
        "<dt>source</dt><dd>tests/guests/programs/examples/add_column.rs:24:9</dd>",
        ">3 rows</tspan>",
        ">2 rows</tspan>",
        ">1 row</tspan>",
        "<td>256.0 MiB</td>",
        "stillbox-test-programs 0.1.0, sha256:",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!elements(&folder, "report.html").contains("script"));
}

#[test]
fn texts_of_a_hostile_step_are_no_markup_in_any_report() {
    let folder = Folder::with(&[BAD_ESCAPES]);
    let hostile = "<script>alert(1)</script>\"'`|\\u001b[2J::error::";
    folder
        .write("<img src=x onerror=a>.jsonl", format!("{{\"id\":3,\"text\":\"{}\"}}\n", hostile.replace('"', "\\\"")));
    let source = crate::harness::source("<img src=x onerror=a>.jsonl");
    folder.write_pipeline(PipelineFile::new().name("<script>b").add(source).add(step("bad_escapes")));
    let arguments = ["--report", "report.html", "--junit", "report.xml"];
    let outcome = on_github(&folder, folder.path().to_str().unwrap(), &arguments).failed(1);
    let allowed = "b body dd dl dt details div h1 h2 head header html i line main marker meta p path polyline rect section span style \
                   summary svg table td text th title tr tspan defs ul li";
    for name in elements(&folder, "report.html").split(' ') {
        assert!(allowed.split(' ').any(|allowed| allowed == name), "<{name}>");
    }
    let commands: Vec<&str> = outcome.lines().filter(|line| line.trim_start().starts_with("::")).collect();
    assert_eq!(commands.len(), 1, "{outcome}");
    let place = ",file=<img src=x onerror=a>.jsonl,line=1::";
    assert!(commands[0].starts_with(&format!("::error title=guest-error in step bad_escapes{place}")), "{outcome}");
    assert!(!folder.text("summary.md").contains('<'), "{}", folder.text("summary.md"));
    assert!(!folder.text("report.xml").contains("<script"));
}

#[test]
fn github_shows_failures_at_the_source_of_the_step_or_at_the_input() {
    let folder = rejecting();
    let _redacted = redact([(r"\d+((\.|&#46;)\d+)? (ms|s)\b", "[TIME]")]);
    insta::assert_snapshot!(on_github(&folder, ROOT, &[]).succeeded().stderr, @"::warning title=guest-error in step add_column,file=tests/guests/programs/examples/add_column.rs,line=24,col=9::the text has no length%0Acaused by: it is empty%0Aat: input.jsonl:2%0Asource: tests/guests/programs/examples/add_column.rs:24:9");
    insta::assert_snapshot!(on_github(&folder, folder.path().to_str().unwrap(), &[]).succeeded().stderr, @"::warning title=guest-error in step add_column,file=input.jsonl,line=2::the text has no length%0Acaused by: it is empty%0Aat: input.jsonl:2%0Asource: tests/guests/programs/examples/add_column.rs:24:9");
    let summary = folder.text("summary.md");
    insta::assert_snapshot!(summary[..summary.len() / 2], @"
    ### ✅ test: Passed

    3 rows read, 1 row written, 1 row rejected in [TIME]

    | step | rows in | rows out | dropped | rejected | busy |
    |---|--:|--:|--:|--:|--:|
    | add&#95;column | 3 | 2 | 0 | 1 | [TIME] |
    | keep&#95;long | 2 | 1 | 1 | 0 | [TIME] |

    #### 1 failure

    - **guest&#45;error in step add&#95;column**: the text has no length
      - at input&#46;jsonl&#58;2
      - source tests&#47;guests&#47;programs&#47;examples&#47;add&#95;column&#46;rs&#58;24&#58;9
    ");
    assert_eq!(on_github(&folder, ROOT, &["--annotations", "none"]).succeeded().stderr, "");
    let elsewhere = folder.stillbox(["run", "pipeline.toml", "--quiet", "--annotations", "github"]).succeeded();
    assert!(elsewhere.stderr.starts_with("::warning title="), "{}", elsewhere.stderr);
}

#[test]
fn the_command_in_the_page_has_no_secrets() {
    let folder = Folder::with(&[KEEP_LONG]);
    folder.write("input.jsonl", "{\"text\":\"ab\"}\n");
    folder.write("key", "Fz7q2LrW9x");
    let header = "secret = { header = \"authorization\", value = \"Bearer {key}\" }";
    let keep = step("keep_long").allow_http("http://127.0.0.1:1/", header);
    folder.write_pipeline(PipelineFile::new().add(keep).toml("[secrets]\nkey = { file = \"key\" }"));
    folder.stillbox(["run", "pipeline.toml", "--report", "Fz7q2LrW9x.html"]).succeeded();
    let page = folder.text("Fz7q2LrW9x.html");
    assert!(!page.contains("Fz7q2LrW9x") && page.contains("[redacted].html"), "{page}");
}

#[test]
fn sarif_has_a_result_for_each_group_at_its_source_line() {
    let folder = rejecting();
    let mut command = folder.command();
    command.args(["run", "pipeline.toml", "--sarif", "failures.sarif"]).env("GITHUB_WORKSPACE", ROOT);
    outcome(&mut command).succeeded();
    let document: serde_json::Value = serde_json::from_str(&folder.text("failures.sarif")).expect("it is JSON");
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "guest-error");
    let [result] = run["results"].as_array().unwrap().as_slice() else { panic!("{run}") };
    assert_eq!((&result["ruleId"], &result["level"]), (&"guest-error".into(), &"warning".into()));
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "tests/guests/programs/examples/add_column.rs");
    assert_eq!(place["region"], serde_json::json!({ "startLine": 24, "startColumn": 9 }));
    assert!(result["message"]["text"].as_str().unwrap().contains("at: input.jsonl:2"), "{result}");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn a_thousand_failures_make_ten_annotations() {
    let folder = Folder::with(&[ADD_COLUMN]);
    let rows: String = (0..1000).map(|_| "{\"text\":\"\"}\n").collect();
    folder.write("input.jsonl", rows);
    folder.write_pipeline(PipelineFile::new().add(step("add_column").on_failure("reject")).rejects());
    let outcome = on_github(&folder, ROOT, &["--report", "report.html"]).succeeded();
    let commands: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(commands.len(), 1, "the same message is one group: {commands:?}");
    assert!(
        commands[0].starts_with("::warning title=guest-error in step add_column%2C 1%2C000 times,file="),
        "{commands:?}"
    );
    assert!(folder.text("report.html").contains("1,000 failures in 1 group"));
}

#[test]
fn a_junit_report_of_a_run_has_a_suite_for_each_step() {
    let _redacted = redact([(r#" time="[^"]*""#, r#" time="…""#)]);
    let folder = rejecting();
    folder.stillbox(["run", "pipeline.toml", "--junit", "report.xml"]).succeeded();
    insta::assert_snapshot!(folder.text("report.xml"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="test" tests="3" skipped="1" failures="0" errors="0" time="…">
        <testsuite name="add_column" tests="2" skipped="1" errors="0" failures="0" time="…">
            <testcase name="run" classname="add_column"/>
            <testcase name="guest-error in step add_column" classname="add_column">
                <skipped message="the text has no length">the text has no length
    caused by: it is empty
    at: input.jsonl:2
    source: tests/guests/programs/examples/add_column.rs:24:9</skipped>
            </testcase>
        </testsuite>
        <testsuite name="keep_long" tests="1" skipped="0" errors="0" failures="0" time="…">
            <testcase name="run" classname="keep_long"/>
        </testsuite>
    </testsuites>
    "#);
    let failing = Folder::with(&[BAD_PANIC]);
    failing.write("input.jsonl", "{\"id\":3,\"text\":\"a\"}\n");
    failing.run_with(PipelineFile::new().add(step("bad_panic")), ["--junit", "report.xml"]).failed(1);
    insta::assert_snapshot!(failing.text("report.xml"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="test" tests="2" skipped="0" failures="2" errors="0" time="…">
        <testsuite name="bad_panic" tests="2" skipped="0" errors="0" failures="2" time="…">
            <testcase name="run" classname="bad_panic">
                <failure message="no rule for the id 3"/>
            </testcase>
            <testcase name="panic in step bad_panic" classname="bad_panic">
                <failure message="no rule for the id 3">no rule for the id 3
    at: input.jsonl:1
    source: tests/guests/programs/examples/bad_panic.rs:15:5</failure>
            </testcase>
        </testsuite>
    </testsuites>
    "#);
}

#[test]
fn a_run_that_is_stopped_or_does_not_start_has_reports() {
    let folder = Folder::with(&[BAD_SLEEP]);
    folder.write("input.jsonl", "{\"id\":3}\n");
    let arguments = ["--report", "report.html", "--junit", "report.xml"];
    let sleeping = PipelineFile::new().add(step("bad_sleep"));
    folder.run_with(&sleeping, arguments.into_iter().chain(["--time", "300ms"])).failed(124);
    assert!(
        folder
            .text("report.html")
            .contains("<b>Stopped</b><p>the run did not finish within its time limit of 300ms</p>")
    );
    assert!(
        folder.text("report.xml").contains("<failure message=\"the run did not finish within its time limit"),
        "{}",
        folder.text("report.xml")
    );
    folder.run_with(PipelineFile::new().add(step("missing")), arguments).failed(2);
    let page = folder.text("report.html");
    assert!(page.contains("<b>Failed</b>") && page.contains("missing.wasm"), "{page}");
}

#[test]
fn a_report_that_would_replace_another_file_or_cannot_be_written_is_an_error() {
    let folder = rejecting();
    for path in ["input.jsonl", "output.jsonl", "pipeline.toml"] {
        let message = folder.stillbox(["run", "pipeline.toml", "--report", path]).failed(2);
        assert!(message.contains(path), "{message}");
    }
    assert!(folder.text("pipeline.toml").contains("[pipeline]") && folder.text("input.jsonl").starts_with('{'));
    for failures in ["a", "./a"] {
        let twice = folder.stillbox(["run", "pipeline.toml", "--report", "a", "--failures", failures]).failed(2);
        assert!(twice.contains("`--report` and `--failures` name the same file, a"), "{twice}");
    }
    let message = folder.stillbox(["run", "pipeline.toml", "--junit", "nowhere/report.xml"]).failed(2);
    insta::assert_snapshot!(message, @"
    error: cannot write the report to nowhere/report.xml
      caused by: No such file or directory (os error 2)
    ");
}
