//! Pipelines that read and write record batches of the program.

#[path = "../examples/record_batches.rs"]
#[expect(dead_code, reason = "`main` is for the example alone")]
mod record_batches;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use stillbox::arrow::array::cast::AsArray as _;
use stillbox::arrow::array::types::Int64Type;
use stillbox::arrow::array::{Int64Array, RecordBatch, RecordBatchIterator, StringArray};
use stillbox::arrow::schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use stillbox::runs::{Checkpointing, RunStore};
use stillbox::{CancelReason, Engine, FailureKind, Pipeline, RunError, RunOptions};
use stillbox_test_guests as guests;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("text", DataType::Utf8, false)]))
}

fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let texts = StringArray::from_iter_values(ids.clone().map(|id| format!("text {id}")));
    RecordBatch::try_new(schema(), vec![Arc::new(Int64Array::from_iter_values(ids)), Arc::new(texts)])
        .expect("the columns are those of the schema")
}

fn reader(
    batches: Vec<Result<RecordBatch, ArrowError>>,
) -> RecordBatchIterator<std::vec::IntoIter<Result<RecordBatch, ArrowError>>> {
    RecordBatchIterator::new(batches.into_iter(), schema())
}

/// A pipeline with this step between a source and a sink, both of files that do not exist.
fn pipeline(step: &str, more: &str) -> Pipeline {
    let text = format!(
        "[pipeline]\nname = \"in-memory\"\nbatch-rows = 4\n[[source]]\npath = \"missing.jsonl\"\n\
         [[step]]\nname = \"step\"\ncomponent = \"{step}\"\n{more}\n[[sink]]\npath = \"missing/out.csv\"\n"
    );
    Pipeline::from_text("pipeline.toml", &text).expect("it is right")
}

fn collecting(options: RunOptions) -> (RunOptions, Receiver<RecordBatch>) {
    let (sender, batches) = channel();
    (options.sink("sink", move |batch| Ok(sender.send(batch)?)), batches)
}

fn ids(batches: &[RecordBatch]) -> Vec<Vec<i64>> {
    batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

#[test]
fn the_example_collects_the_output_of_a_pipeline() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/clean-text/pipeline.toml");
    let folder = tempfile::tempdir().expect("there is room");
    let text = std::fs::read_to_string(example).expect("the example is there");
    let components = |text: String, (path, guest): (&str, &str)| text.replace(path, guest);
    let built = [
        ("../../steps/normalize-text", guests::NORMALIZE_TEXT),
        ("../../steps/filter-text", guests::FILTER_TEXT),
        ("../../steps/text-features", guests::TEXT_FEATURES),
    ];
    let file: PathBuf = folder.path().join("pipeline.toml");
    std::fs::write(&file, built.into_iter().fold(text, components)).expect("there is room");
    let texts = StringArray::from(vec!["Some   text of many different words in one line.", "short"]);
    let input = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as _),
        ("text", Arc::new(texts) as _),
    ]);
    let output = record_batches::run(&Engine::default(), &file, input.expect("it has two columns")).expect("it runs");
    assert_eq!(ids(&output), [[1]]);
    let texts = output[0].column_by_name("text").expect("the text is carried along").as_string::<i32>();
    assert_eq!(texts.value(0), "some text of many different words in one line.");
}

#[test]
fn batches_keep_their_order_and_are_cut_to_the_size_of_the_pipeline() {
    let options = RunOptions::new().source("source", reader(vec![Ok(rows(0..6)), Ok(rows(6..6)), Ok(rows(6..9))]));
    let (options, output) = collecting(options);
    let report = pipeline(guests::KEEP_LONG, "").run(&Engine::default(), &options).expect("it runs");
    assert_eq!((report.rows_in, report.sinks[0].rows), (9, 9));
    let output: Vec<_> = output.try_iter().collect();
    assert_eq!(ids(&output), [vec![0, 1, 2, 3], vec![4, 5], vec![6, 7, 8]]);
}

#[test]
fn a_check_reads_the_schema_alone_and_a_second_run_is_refused() {
    let (options, output) = collecting(RunOptions::new().source("source", reader(vec![Ok(rows(0..3))])));
    let (engine, pipeline) = (Engine::default(), pipeline(guests::KEEP_LONG, ""));
    pipeline.check(&engine, &options).expect("it fits");
    pipeline.run(&engine, &options).expect("it runs");
    assert_eq!(output.try_iter().count(), 1);
    let error = pipeline.run(&engine, &options).expect_err("the reader is used up");
    assert!(error.to_string().contains("give each run a reader of its own"), "{error}");
}

#[test]
fn columns_that_do_not_fit_are_found_before_the_run() {
    let (options, _output) = collecting(RunOptions::new().source("source", reader(Vec::new())));
    let more = "parameters = { column = \"body\" }";
    let error = pipeline(guests::NORMALIZE_TEXT, more).check(&Engine::default(), &options).expect_err("no such column");
    assert!(matches!(&error, RunError::Config(_)) && error.to_string().contains("body"), "{error}");
}

#[test]
fn a_name_that_the_pipeline_does_not_have_is_reported() {
    let (options, _output) = collecting(RunOptions::new().source("sourcee", reader(Vec::new())));
    let error = pipeline(guests::KEEP_LONG, "").check(&Engine::default(), &options).expect_err("no such source");
    let message = error.to_string();
    assert!(message.contains("record batches are given for the source \"sourcee\""), "{message}");
    assert!(message.contains("did you mean \"source\"?"), "{message}");
}

#[test]
fn an_error_of_the_reader_is_a_failure_with_its_message() {
    let torn = Err(ArrowError::ExternalError("the socket was closed".into()));
    let (options, _output) = collecting(RunOptions::new().source("source", reader(vec![Ok(rows(0..3)), torn])));
    let error = pipeline(guests::KEEP_LONG, "").run(&Engine::default(), &options).expect_err("the reader fails");
    let RunError::Failed(failed) = &error else { panic!("{error:?}") };
    let failure = &failed.failures[0];
    assert_eq!(failure.kind, FailureKind::Host);
    assert!(failure.message.contains("cannot read the next record batch of this source"), "{failure:?}");
    assert!(failure.causes.iter().any(|cause| cause.contains("the socket was closed")), "{failure:?}");
}

#[test]
fn an_error_of_the_function_is_a_failure_with_its_message() {
    let options = RunOptions::new()
        .source("source", reader(vec![Ok(rows(0..3))]))
        .sink("sink", |_batch| Err("the table is read-only".into()));
    let error = pipeline(guests::KEEP_LONG, "").run(&Engine::default(), &options).expect_err("the function fails");
    let RunError::Failed(failed) = &error else { panic!("{error:?}") };
    assert!(failed.failures[0].causes.iter().any(|cause| cause == "the table is read-only"), "{error:?}");
}

#[test]
fn a_failing_row_is_named_by_its_source() {
    let (options, _output) = collecting(RunOptions::new().source("source", reader(vec![Ok(rows(0..9))])));
    let error = pipeline(guests::BAD_UNREACHABLE, "on-failure = \"stop\"").run(&Engine::default(), &options);
    let error = error.expect_err("the guest traps");
    let RunError::Failed(failed) = &error else { panic!("{error:?}") };
    let row = failed.failures[0].row.as_ref().or(failed.failures[0].first_row.as_ref()).expect("it has a row");
    assert_eq!(row.file.as_deref(), Some("source"));
}

#[test]
fn a_run_that_could_be_resumed_otherwise_is_not() {
    let folder = tempfile::tempdir().expect("there is room");
    let checkpointing = Checkpointing::at(RunStore::at(folder.path()));
    let options = RunOptions::new().source("source", reader(vec![Ok(rows(0..9))])).checkpointing(checkpointing);
    let (options, _output) = collecting(options);
    let error = pipeline(guests::BAD_UNREACHABLE, "").run(&Engine::default(), &options).expect_err("the guest traps");
    let RunError::Failed(failed) = &error else { panic!("{error:?}") };
    assert!(failed.report.resumable.is_none(), "{error:?}");
}

#[test]
fn a_function_that_blocks_does_not_hold_a_run_that_is_cancelled() {
    let (entered, has_entered) = channel();
    let (_never, blocked) = channel::<()>();
    let options = RunOptions::new().source("source", reader(vec![Ok(rows(0..9))])).sink("sink", move |_batch| {
        entered.send(())?;
        Ok(blocked.recv()?)
    });
    let run = pipeline(guests::KEEP_LONG, "").start(&Engine::default(), options).expect("a thread starts");
    has_entered.recv().expect("the function is called");
    run.cancel();
    assert!(matches!(run.wait(), Err(RunError::Interrupted { reason: CancelReason::Program, .. })));
}
