//! `until`: runs that end with a number of accepted rows.

use serde_json::{Value, json};
use stillbox_test_guests::{ASK, COUNT_FROM, KEEP_LONG, REFUSE, TURN_AROUND};

use crate::harness::rows::ids;
use crate::harness::{Folder, PipelineFile, Server, Table, ok, sink, step};
use crate::resume::kill_after_checkpoint;

/// A pipeline that makes the numbers from 0 and takes some of them. `source` are parameters of the step that makes them.
fn counting(source: &str, until: &str) -> PipelineFile {
    let at_once = if source.contains("at-once") { "" } else { ", at-once = 10" };
    let numbers = step("count_from").parameters(format_args!("{source}{at_once}"));
    let numbers = numbers.set("outputs", "{ number = \"id\" }");
    PipelineFile::new().without_source().add(numbers).until(until).batch_rows(10)
}

fn folder() -> Folder {
    Folder::with(&[COUNT_FROM, REFUSE, KEEP_LONG, TURN_AROUND, ASK])
}

fn refuse(id: u32) -> Table {
    step("refuse").parameters(format_args!("id = {id}"))
}

/// The report of a run that printed it.
fn report(folder: &Folder, arguments: &[&str]) -> Value {
    let arguments = ["run", "pipeline.toml", "--message-format", "json"].iter().chain(arguments).copied();
    folder.stillbox(arguments).succeeded().report()
}

#[test]
fn exactly_as_many_rows_are_written_as_wanted() {
    let folder = folder();
    let pipeline = counting("count = 100000", r#"{ rows = 25, where = "id >= 33", at-most = 1000 }"#);
    folder.write_pipeline(pipeline);
    let report = report(&folder, &["--threads", "2"]);
    assert_eq!(ids(&folder.text("output.jsonl")), (33..58).collect::<Vec<_>>());
    assert_eq!(report["until"], json!({ "rows": 25, "accepted": 25, "left_out": 35 }));
    assert_eq!((&report["rows_in"], &report["sinks"][0]["rows"]), (&json!(60), &json!(25)));
}

#[test]
fn without_a_condition_every_row_that_reaches_the_sink_counts() {
    let folder = folder();
    let pipeline = counting("count = 1000", "{ rows = 15, at-most = 1000 }");
    let pipeline = pipeline.add(step("keep_long").parameters("min-bytes = 9"));
    let output = folder.output_of(pipeline.add(refuse(12).on_failure("reject")).rejects());
    let expected: Vec<_> = (10..26).filter(|id| *id != 12).collect();
    assert_eq!(ids(&output), expected);
    let rejected: Vec<_> = folder.json_lines("rejects.jsonl").iter().map(|line| line["row"]["id"].clone()).collect();
    assert_eq!(rejected, [12]);
}

/// The bytes of an output.
fn written(output: &str, threads: &str, where_: &str) -> Vec<u8> {
    let folder = folder();
    let until = format!("{{ rows = 777, where = {where_:?}, at-most = 6000 }}");
    let pipeline = counting("count = 100000, at-once = 23", &until).add(refuse(40).on_failure("reject"));
    folder.write_pipeline(pipeline.add(sink(output)).rejects());
    folder.stillbox(["run", "pipeline.toml", "--threads", threads]).succeeded();
    folder.bytes(output)
}

#[test]
fn the_rows_do_not_depend_on_the_number_of_threads() {
    for output in ["out.jsonl", "out.csv.gz", "out.parquet", "out.arrow"] {
        let condition = "text >= 'number 5'";
        assert!(written(output, "1", condition) == written(output, "8", condition), "{output}");
    }
}

#[test]
fn branches_may_meet_before_the_sink() {
    let folder = folder();
    let numbers = step("count_from").parameters("count = 1000").set("outputs", "{ number = \"id\" }");
    let pipeline = PipelineFile::new().without_source().until("{ rows = 13, where = \"id != 2\", at-most = 1000 }");
    let pipeline = pipeline.add(numbers.set("route", r#"{ by = "round-robin", to = ["one", "two"] }"#));
    let pipeline = pipeline.add(refuse(2000).name("one")).add(refuse(3000).name("two"));
    let output = folder.output_of(pipeline.add(sink("output.jsonl").from(&["one", "two"]).combine("rows")));
    assert_eq!(ids(&output), (0..14).filter(|id| *id != 2).collect::<Vec<_>>());
}

#[test]
fn a_source_with_too_few_rows_fails_the_run() {
    let folder = folder();
    folder.write("output.jsonl", "before\n");
    let pipeline = counting("count = 40", r#"{ rows = 25, where = "id < 20", at-most = 1000 }"#);
    let message = folder.run(pipeline).failed(1);
    insta::assert_snapshot!(message, @r"
    error: only 20 of 25 rows were accepted, out of 40 rows of the source
      limit: until = 25
      hint: lower `rows` of `until`, raise its `at-most`, or let the source make more rows
    ");
    assert_eq!(folder.text("output.jsonl"), "before\n");
}

#[test]
fn a_run_that_reaches_at_most_is_continued_with_a_larger_one() {
    let folder = folder();
    let pipeline = |at_most: u32| {
        let until = format!(r#"{{ rows = 3000, where = "id != 7", at-most = {at_most} }}"#);
        counting("count = 100000", &until)
    };
    let run = ["run", "pipeline.toml", "--checkpoint-every", "1ms"];
    folder.write_pipeline(pipeline(3000));
    let message = folder.stillbox(run).failed(1);
    assert!(message.contains("only 2,999 of 3,000 rows were accepted, out of 3,000 rows of the source"), "{message}");
    assert!(message.contains("resume with"), "{message}");
    assert!(!folder.contains("output.jsonl"));
    // The source is cut in the middle of a batch, which is whole in the next run.
    for at_most in [3005, 10_000] {
        folder.write_pipeline(pipeline(at_most));
    }
    folder.stillbox(run.into_iter().chain(["--resume"])).succeeded();
    assert_eq!(ids(&folder.text("output.jsonl")), (0..3001).filter(|id| *id != 7).collect::<Vec<_>>());
}

#[test]
fn at_most_may_cut_a_batch() {
    let folder = folder();
    let pipeline = |at_most: u32| counting("count = 100000", &format!("{{ rows = 1008, at-most = {at_most} }}"));
    folder.write_pipeline(pipeline(1008));
    folder.stillbox(["run", "pipeline.toml"]).succeeded();
    assert_eq!(ids(&folder.text("output.jsonl")), (0..1008).collect::<Vec<_>>());
    let with = |at_most: u32| pipeline(at_most).add(refuse(3).on_failure("reject")).rejects();
    let run = ["run", "pipeline.toml", "--checkpoint-every", "1ms"];
    folder.write_pipeline(with(1008));
    let message = folder.stillbox(run).failed(1);
    assert!(message.contains("only 1,007 of 1,008 rows were accepted, out of 1,008 rows"), "{message}");
    folder.write_pipeline(with(1020));
    folder.stillbox(run.into_iter().chain(["--resume"])).succeeded();
    assert_eq!(ids(&folder.text("output.jsonl")), (0..1009).filter(|id| *id != 3).collect::<Vec<_>>());
}

#[test]
fn a_killed_run_writes_the_same_bytes_when_it_is_resumed() {
    for output in ["out.jsonl", "out.parquet"] {
        let until = r#"{ rows = 20000, where = "id != 5", at-most = 50000 }"#;
        let source = "count = 100000, at-once = 13";
        let pipeline = counting(source, until).add(refuse(17).on_failure("reject")).add(sink(output)).rejects();
        let (reference, killed) = (folder(), folder());
        reference.write_pipeline(&pipeline);
        killed.write_pipeline(&pipeline);
        reference.stillbox(["run", "pipeline.toml"]).succeeded();
        for _ in 0..3 {
            kill_after_checkpoint(&killed, &["--resume", "--threads", "2"]);
        }
        let resumed = report(&killed, &["--resume"]);
        assert_eq!(resumed["until"]["accepted"], 20000);
        assert!(killed.bytes(output) == reference.bytes(output), "{output}");
        assert_eq!(killed.json_lines("rejects.jsonl").len(), 1);
    }
}

#[test]
fn failures_after_the_last_row_have_no_effect() {
    for threads in ["1", "8"] {
        let folder = folder();
        let until = r#"{ rows = 25, where = "id != 3", at-most = 1000 }"#;
        folder.write_pipeline(counting("count = 1000, fails-at = 75", until).add(refuse(31)));
        folder.stillbox(["run", "pipeline.toml", "--threads", threads]).succeeded();
        assert_eq!(ids(&folder.text("output.jsonl")).len(), 25);
        // Those before it end the run, and the first one in the order of the source is reported.
        folder.write_pipeline(counting("count = 1000, fails-at = 24", until).add(refuse(8)));
        let message = folder.stillbox(["run", "pipeline.toml", "--threads", threads]).failed(1);
        assert!(message.contains("the id 8 is not wanted"), "{message}");
        folder.write_pipeline(counting("count = 1000, fails-at = 24", until).add(refuse(50)));
        let message = folder.stillbox(["run", "pipeline.toml", "--threads", threads]).failed(1);
        assert!(message.contains("there is no number 24"), "{message}");
    }
}

#[test]
fn rows_that_are_rejected_after_the_last_row_do_not_count() {
    for threads in ["1", "8"] {
        let folder = folder();
        let reject = |name: &str, id: u32| refuse(id).name(name).on_failure("reject");
        let pipeline = counting("count = 1000", "{ rows = 25, at-most = 1000 }").add(reject("one", 5));
        let pipeline = pipeline.add(reject("two", 35)).add(reject("three", 45)).add(reject("four", 55));
        folder.write_pipeline(pipeline.toml("[rejects]\npath = \"rejects.jsonl\"\nmax-rejects = 1"));
        folder.stillbox(["run", "pipeline.toml", "--threads", threads]).succeeded();
        assert_eq!(folder.json_lines("rejects.jsonl").len(), 1);
    }
}

/// A server of a model that answers `good` to every second number.
fn model_server() -> Server {
    Server::new(|request| {
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let is_good = ["0\"", "2\"", "4\"", "6\"", "8\""].iter().any(|end| text.contains(end));
        let answer = if is_good { "good" } else { "bad" };
        let choice = json!({ "message": { "content": answer }, "finish_reason": "stop" });
        ok(&json!({ "model": "small", "choices": [choice] }).to_string())
    })
}

#[test]
fn models_are_asked_for_the_rows_that_are_needed_and_those_in_flight() {
    let folder = folder();
    let server = model_server();
    let numbers = step("count_from").parameters("count = 1000, at-once = 10").set("outputs", "{ text = \"prompt\" }");
    let until = r#"{ rows = 20, where = "answer == 'good'", at-most = 1000 }"#;
    let pipeline = PipelineFile::new().without_source().add(numbers).until(until).batch_rows(10);
    let model = format!("[[model]]\nname = \"writer\"\nurl = {:?}\nmodel = \"small\"", server.url("/v1"));
    folder.write_pipeline(pipeline.add(step("ask").set("model", "\"writer\"")).toml(&model));
    let report = report(&folder, &["--threads", "2"]);
    assert_eq!(report["until"], json!({ "rows": 20, "accepted": 20, "left_out": 20 }));
    // Forty rows have twenty good answers. Two threads have six batches in flight at most.
    let requests = server.requests().len();
    assert!((40..=90).contains(&requests), "{requests} requests");
    let estimate = folder.stillbox(["check", "pipeline.toml", "--estimate"]).succeeded();
    assert!(estimate.text().contains("1,000 requests"), "{}", estimate.text());
}

#[test]
fn a_pipeline_whose_rows_cannot_be_counted_in_order_is_an_error() {
    let folder = folder();
    folder.write("input.jsonl", "{\"id\":1,\"text\":\"a\"}\n");
    let until = "{ rows = 5, at-most = 10 }";
    let pipelines = [
        PipelineFile::new().until(until).add(refuse(1)),
        counting("count = 9", until)
            .add(step("count_from").name("more").parameters("count = 1").set("outputs", "{ number = \"id\" }"))
            .add(sink("output.jsonl").from(&["count_from", "more"]).combine("rows")),
        counting("count = 9", until)
            .add(sink("one.jsonl").from(&["count_from"]))
            .add(sink("two.jsonl").from(&["count_from"])),
        counting("count = 9", until).add(step("turn_around")),
        counting("count = 9", until).add(refuse(1).set("batch-rows", 50)),
    ];
    let messages = pipelines.map(|pipeline| {
        folder.write_pipeline(pipeline);
        folder.stillbox(["check", "pipeline.toml"]).failed(2)
    });
    insta::assert_snapshot!(messages.join("\n"), @r#"
    error: `until` needs rows that a step makes, and the source reads a file
     --> pipeline.toml:3:9
      |
    3 | until = { rows = 5, at-most = 10 }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: start with a step of kind source, such as `generate-rows`

    error: `until` takes the rows of one step of kind source, and the pipeline has 2
     --> pipeline.toml:4:9
      |
    4 | until = { rows = 5, at-most = 10 }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: use one pipeline for each of them

    error: `until` counts the rows of one sink, and the pipeline has 2
     --> pipeline.toml:4:9
      |
    4 | until = { rows = 5, at-most = 10 }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: leave one sink, or read its file in another pipeline

    error: with `until`, nothing may wait for the rows of later batches, and step "turn_around" is an aggregate
     --> pipeline.toml:4:9
      |
    4 | until = { rows = 5, at-most = 10 }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: let another pipeline read the output of this one, and move it there

    error: with `until`, nothing may wait for the rows of later batches, and step "refuse" has larger batches than the pipeline
     --> pipeline.toml:4:9
      |
    4 | until = { rows = 5, at-most = 10 }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: set `batch-rows` of [pipeline] instead
    "#);
}

#[test]
fn a_condition_that_does_not_fit_the_columns_is_an_error() {
    let folder = folder();
    let pipelines = [
        counting("count = 9", r#"{ rows = 5, where = "idd > 3", at-most = 10 }"#),
        counting("count = 9", r#"{ rows = 5, where = "id == 'a'", at-most = 10 }"#),
        counting("count = 9", r#"{ rows = 5, where = "text > 3", at-most = 10 }"#),
        counting("count = 9", r#"{ rows = 5, where = "id = 3", at-most = 4, of = 1 }"#),
    ];
    let messages = pipelines.map(|pipeline| {
        folder.write_pipeline(pipeline);
        folder.stillbox(["check", "pipeline.toml"]).failed(2)
    });
    insta::assert_snapshot!(messages.join("\n"), @r#"
    error: the sink has no column "idd" for `until`
     --> pipeline.toml:4:29
      |
    4 | until = { rows = 5, where = "idd > 3", at-most = 10 }
      |                             ^^^^^^^^^
      |
      = help: did you mean "id"?
      = help: it has id: integer, text: text

    error: the column id: integer cannot be compared with a text
     --> pipeline.toml:4:29
      |
    4 | until = { rows = 5, where = "id == 'a'", at-most = 10 }
      |                             ^^^^^^^^^^^
      |
      = help: compare a column of type integer or float with a number, boolean with `true` or `false`, and text with a text in quotation marks

    error: the column text: text cannot be compared with the number 3
     --> pipeline.toml:4:29
      |
    4 | until = { rows = 5, where = "text > 3", at-most = 10 }
      |                             ^^^^^^^^^^
      |
      = help: compare a column of type integer or float with a number, boolean with `true` or `false`, and text with a text in quotation marks

    error: `where` is "id = 3", and it has no operator after the column "id"
     --> pipeline.toml:4:29
      |
    4 | until = { rows = 5, where = "id = 3", at-most = 4, of = 1 }
      |                             ^^^^^^^^ not a condition
      |
      = help: write `==`

    error: `at-most` is 4, and `rows` is 5
     --> pipeline.toml:4:49
      |
    4 | until = { rows = 5, where = "id = 3", at-most = 4, of = 1 }
      |                                                 ^ less than `rows`
      |
      = help: each accepted row takes at least one row of the source; raise `at-most`

    error: unknown key `of` in `until`
     --> pipeline.toml:4:52
      |
    4 | until = { rows = 5, where = "id = 3", at-most = 4, of = 1 }
      |                                                    ^^ unknown key
      |
      = help: `until` takes at-most, rows and where
    "#);
}

#[test]
fn the_summary_says_how_many_rows_were_left_out() {
    let folder = folder();
    let outcome = folder.run(counting("count = 100", r#"{ rows = 5, where = "id > 11", at-most = 50 }"#)).succeeded();
    let line = outcome.stderr.lines().find(|line| line.contains("until")).unwrap_or_default();
    assert_eq!(line, "  until: 5 of 5 rows accepted, 15 left out");
}
