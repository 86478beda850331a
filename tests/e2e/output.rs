//! Outputs: a failed run leaves the previous output, and errors while writing are reported.

use std::io::{BufRead as _, BufReader, Read as _};

use stillbox_test_guests::{KEEP_LONG, REFUSE};

use crate::harness::{Folder, PipelineFile, outcome, pipeline, sink, source, spawn, step};

/// A folder with an input of many rows and a previous output.
fn folder() -> Folder {
    let folder = Folder::with(&[KEEP_LONG, REFUSE]);
    let row = |id: usize| format!("{{\"id\":{id},\"text\":\"{}\"}}\n", "x".repeat(100));
    folder.write("input.jsonl", (0..20_000).map(row).collect::<String>());
    folder.write("output.jsonl", "from before\n");
    folder
}

/// The names of all files before a run and after it.
const FILES: [&str; 5] = ["input.jsonl", "keep_long.wasm", "output.jsonl", "pipeline.toml", "refuse.wasm"];

#[test]
fn a_failure_leaves_the_previous_output() {
    let folder = folder();
    let pipeline = PipelineFile::new().add(step("refuse").parameters("id = 15000"));
    let message = folder.run_with(pipeline, ["--threads", "1"]).failed(1);
    assert_eq!(folder.text("output.jsonl"), "from before\n");
    assert_eq!(folder.names(), FILES);
    insta::assert_snapshot!(message, @r"
    guest-error in step refuse: the id 15000 is not wanted
      at: input.jsonl:15001 (batch 15)
      source: tests/guests/programs/examples/refuse.rs:30:17
      log: warn: looking at row 15000
    ");
}

#[test]
fn a_successful_run_replaces_the_previous_output() {
    let folder = folder();
    folder.run(pipeline("input.jsonl", &["keep_long"], "output.jsonl")).succeeded();
    assert!(folder.text("output.jsonl") == folder.text("input.jsonl"));
    assert_eq!(folder.names(), FILES);
}

/// The value passes the step, and only the sink cannot hold it.
#[test]
fn a_value_that_a_sink_cannot_hold_is_named_by_its_line() {
    let folder = folder();
    let row = |id: usize| if id == 1234 { format!("{id},NaN,long\n") } else { format!("{id},0.5,long\n") };
    folder.write("input.csv", format!("id,loss,text\n{}", (0..5000).map(row).collect::<String>()));
    let message = folder.run(pipeline("input.csv", &["keep_long"], "output.jsonl")).failed(1);
    insta::assert_snapshot!(message, @r#"
    error: output.jsonl: column loss has NaN, which JSON cannot represent; set `nan = "null"` in the sink, or replace it in a step
      at: input.csv:1236 (batch 1)
    "#);
}

#[test]
fn a_missing_output_folder_is_named() {
    let folder = folder();
    let message = folder.run(pipeline("input.jsonl", &[], "no/such/output.jsonl")).failed(1);
    insta::assert_snapshot!(message, @r#"
    error: no/such/output.jsonl: cannot create a file in the folder "no/such"; check that it exists and that you may write there
      caused by: No such file or directory (os error 2)
    "#);
    assert_eq!(folder.names(), FILES);
}

#[test]
fn an_output_folder_without_write_permission_is_named() {
    // No user can create a file there, not even root.
    let message = folder().run(pipeline("input.jsonl", &[], "/proc/output.jsonl")).failed(1);
    insta::assert_snapshot!(message, @r#"
    error: /proc/output.jsonl: cannot create a file in the folder "/proc"; check that it exists and that you may write there
      caused by: No such file or directory (os error 2)
    "#);
}

#[test]
fn a_folder_as_output_is_rejected() {
    let folder = folder();
    std::fs::create_dir(folder.join("folder.jsonl")).unwrap();
    insta::assert_snapshot!(folder.run(pipeline("input.jsonl", &[], "folder.jsonl")).failed(1), @"error: folder.jsonl: this is a directory; name a file in it");
}

/// A run does not need standard error. A command whose result goes to standard output fails if it cannot be written.
#[test]
fn a_run_succeeds_without_standard_error_and_other_commands_fail_without_standard_output() {
    let folder = folder();
    folder.write_pipeline(pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let ended = folder.command().args(["-vv", "run", "pipeline.toml"]).stderr(full()).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(folder.text("output.jsonl").lines().count(), 20_000);
    let ended = folder.command().args(["run", "no.toml"]).stderr(full()).output().expect("it runs");
    assert_eq!(ended.status.code(), Some(2));
    for arguments in
        ["check pipeline.toml", "graph pipeline.toml", "inspect keep_long.wasm", "runs", "completions bash"]
    {
        let ended = outcome(folder.command().args(arguments.split(' ')).stdout(full()));
        assert_eq!(ended.code, Some(1), "{arguments}");
        let last = ended.stderr.lines().last();
        assert_eq!(last, Some("error: cannot write to the standard output: No space left on device (os error 28)"));
    }
}

/// The standard library would open `/dev/null` in its place.
#[test]
fn a_missing_standard_output_is_an_error_where_something_is_printed() {
    let folder = folder();
    folder.write_pipeline(pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    let without =
        |arguments: &str, more: &str| outcome(&mut folder.shell(&format!("exec \"$STILLBOX\" {arguments} {more}")));
    for arguments in [
        "check pipeline.toml",
        "check pipeline.toml --json",
        "inspect keep_long.wasm",
        "runs",
        "cache",
        "schema",
        "run pipeline.toml --message-format json",
        "pipe keep_long.wasm < input.jsonl",
    ] {
        let message = without(arguments, ">&-").failed(1);
        assert_eq!(
            message, "error: cannot write to the standard output: Bad file descriptor (os error 9)\n",
            "{arguments}"
        );
        without(arguments, "> /dev/null").succeeded();
        without(arguments, "1<> /dev/null").succeeded();
    }
    without("run pipeline.toml", ">&-").succeeded();
}

#[test]
fn a_missing_standard_input_is_an_error_where_rows_are_read_from_it() {
    let folder = folder();
    let source = PipelineFile::new().without_source().add(source("-").format("jsonl")).add(step("keep_long"));
    folder.write_pipeline(source);
    let without =
        |arguments: &str, more: &str| outcome(&mut folder.shell(&format!("exec \"$STILLBOX\" {arguments} {more}")));
    for arguments in ["run pipeline.toml", "pipe keep_long.wasm"] {
        let message = without(arguments, "<&-").failed(1);
        assert_eq!(message, "error: cannot read the standard input: Bad file descriptor (os error 9)\n", "{arguments}");
        without(arguments, "< /dev/null").succeeded();
    }
    folder.write_pipeline(pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    without("run pipeline.toml", "<&-").succeeded();
}

#[test]
fn a_full_disk_is_reported() {
    let folder = folder();
    folder.write_pipeline(PipelineFile::new().add(step("keep_long")).add(sink("/dev/full").format("jsonl")));
    insta::assert_snapshot!(folder.stillbox(["run", "pipeline.toml"]).failed(1), @r"
    error: /dev/full: cannot write this output
      caused by: No space left on device (os error 28)
    ");
}

#[test]
fn a_disk_that_fills_up_leaves_the_previous_output() {
    let folder = folder();
    folder.write_pipeline(pipeline("input.jsonl", &["keep_long"], "output.jsonl"));
    // The component is compiled first, so only the output can be too large.
    folder.stillbox(["check", "pipeline.toml"]).succeeded();
    // A limit on the size of files has the effect of a full disk if its signal is ignored.
    let mut shell = folder.shell("trap '' XFSZ; ulimit -f 500; exec \"$STILLBOX\" run pipeline.toml");
    insta::assert_snapshot!(outcome(&mut shell).failed(1), @r"
    error: output.jsonl: cannot write this output
      caused by: File too large (os error 27)
    ");
    assert_eq!(folder.text("output.jsonl"), "from before\n");
    assert_eq!(folder.names(), FILES);
}

#[test]
fn a_closed_standard_output_ends_the_run_without_an_error() {
    let folder = folder();
    folder.write_pipeline(PipelineFile::new().add(step("keep_long")).add(sink("-").format("jsonl")));
    let mut child = spawn(folder.command().args(["run", "pipeline.toml", "--progress", "none"]));
    let mut line = String::new();
    let mut stdout = BufReader::with_capacity(128, child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    let mut message = String::new();
    child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{message}");
    assert!(line.starts_with("{\"id\":0,"), "{line}");
    assert!(!message.contains("rror") && !message.contains("ipe"), "{message}");
}
