//! Steps without a pipeline, as a program calls them.

#[path = "../examples/call_step.rs"]
#[expect(dead_code, reason = "`main` is for the example alone")]
mod call_step;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stillbox::arrow::array::cast::AsArray as _;
use stillbox::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use stillbox::arrow::schema::{DataType, Field, Schema, SchemaRef};
use stillbox::{BindError, BoundStep, Engine, FailureKind, Fuel, Interrupt, Limits};
use stillbox_test_guests as guests;

/// The id at which the misbehaving guests misbehave.
const GUILTY: i64 = 3;

fn texts() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("text", DataType::Utf8, false)]))
}

fn batch(texts_in: &[&str]) -> RecordBatch {
    let ids = Int64Array::from_iter_values(0..texts_in.len() as i64);
    RecordBatch::try_new(texts(), vec![Arc::new(ids), Arc::new(StringArray::from(texts_in.to_vec()))])
        .expect("the columns are those of the schema")
}

/// A batch with the row at which the misbehaving guests misbehave.
fn guilty() -> RecordBatch {
    let columns: [ArrayRef; 2] = [Arc::new(Int64Array::from(vec![GUILTY])), Arc::new(StringArray::from(vec!["a"]))];
    RecordBatch::try_new(texts(), columns.to_vec()).expect("the columns are those of the schema")
}

fn bound(guest: &str) -> BoundStep {
    Engine::default().step(guest).bind(&texts()).expect("the guest takes these columns")
}

fn column(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).expect("the batch has this column");
    column.as_string::<i32>().iter().map(|text| text.unwrap_or("null").to_owned()).collect()
}

#[test]
fn the_example_calls_one_step_in_a_loop() {
    let results = call_step::call(Path::new(guests::NORMALIZE_TEXT), &[&["a  b", " c "], &["d"]]);
    let results = results.expect("the step takes texts");
    assert_eq!(results.iter().map(|batch| column(batch, "text")).collect::<Vec<_>>(), [vec!["a b", "c"], vec!["d"]]);
}

#[test]
fn rows_that_a_step_drops_are_missing_with_all_their_columns() {
    let result = bound(guests::KEEP_LONG).call(&batch(&["long", "s", "longer"])).expect("the step succeeds");
    assert_eq!((column(&result.batch, "text"), result.dropped), (vec!["long".to_owned(), "longer".to_owned()], 1));
    let ids = result.batch.column(0).as_primitive::<stillbox::arrow::array::types::Int64Type>();
    assert_eq!(ids.values().to_vec(), [0, 2]);
}

#[test]
fn a_result_has_the_rows_that_it_comes_from_and_the_memory_that_it_took() {
    let result = bound(guests::KEEP_LONG).call(&batch(&["long", "s", "longer"])).expect("the step succeeds");
    assert_eq!(result.origins, Some(vec![0, 2]));
    assert!(result.peak_memory >= 64 << 10, "{} bytes", result.peak_memory);
    let result = Engine::default().step(guests::REFUSE).parameter("id", 9).bind(&texts()).expect("it binds");
    let result = result.call(&batch(&["a", "b"])).expect("the step succeeds");
    assert_eq!((result.batch.num_rows(), result.origins), (2, None));
}

#[test]
fn steps_of_a_pool_share_its_instances() {
    let pool = Engine::default().step_pool(1, Fuel::Off, &Interrupt::new()).expect("the sandbox can be set up");
    let component = pool.load(Path::new(guests::KEEP_LONG), &Limits::default()).expect("it is a step");
    let steps = [1, 5].map(|bytes| {
        let parameters = [("min-bytes".to_owned(), bytes.into())].into_iter().collect();
        let configured = component.configure(&parameters, &Limits::default()).expect("it has this parameter");
        configured.bind(&texts(), "the texts").expect("it has these columns")
    });
    // More calls than the pool has room for wait.
    std::thread::scope(|scope| {
        for (step, rows) in steps.iter().zip([3, 1]).cycle().take(8) {
            scope.spawn(move || {
                let result = step.call(&batch(&["long", "s", "longer"])).expect("it succeeds");
                assert_eq!(result.batch.num_rows(), rows);
            });
        }
    });
}

#[test]
fn a_pool_counts_fuel_where_a_limit_needs_it() {
    let pool = Engine::default().step_pool(1, Fuel::On, &Interrupt::new()).expect("the sandbox can be set up");
    let component = pool.load(Path::new(guests::BAD_LOOP), &Limits::default()).expect("it is a step");
    let mut limits = Limits::default();
    limits.fuel = Some(10_000_000);
    let configured = component.configure(&serde_json::Map::new(), &limits).expect("it has no parameters");
    let step = configured.bind(&texts(), "the texts").expect("it has these columns");
    assert_eq!(step.call(&guilty()).expect_err("the guest loops").kind, FailureKind::Fuel);
}

#[test]
fn a_trap_is_a_failure_that_names_the_component_and_the_first_row() {
    let step = bound(guests::BAD_UNREACHABLE);
    let failure = step.call(&guilty()).expect_err("the guest traps");
    assert_eq!(failure.kind, FailureKind::Trap);
    assert!(failure.step.is_some() && failure.component.is_some(), "{failure:?}");
    assert_eq!(failure.first_row.as_ref().map(|row| row.index), Some(0));
    // The next call gets an instance of its own.
    assert_eq!(step.call(&guilty()).expect_err("the guest traps").batch, Some(1));
}

#[test]
fn rows_that_a_step_refuses_are_part_of_the_result() {
    let step = Engine::default().step(guests::REFUSE).parameter("id", 1).bind(&texts()).expect("it binds");
    let result = step.call(&batch(&["a", "b", "c"])).expect("a refused row is no failure");
    assert_eq!((column(&result.batch, "text"), result.rejected.len()), (vec!["a".to_owned(), "c".to_owned()], 1));
    let rejected = &result.rejected[0];
    assert_eq!((rejected.row, rejected.failure.kind), (1, FailureKind::GuestError));
    assert_eq!(rejected.failure.message, "the id 1 is not wanted");
}

#[test]
fn an_aggregate_sees_all_batches_in_one_session() {
    let step = bound(guests::TURN_AROUND);
    let mut session = step.start();
    let rejected: usize = [batch(&["a", "", "b"]), batch(&["c"])]
        .iter()
        .map(|batch| session.process(batch).expect("it succeeds").rejected.len())
        .sum();
    let mut all = Vec::new();
    while let Some(rows) = session.finish().expect("it succeeds") {
        all.extend(column(&rows.batch, "text"));
    }
    assert_eq!((all, rejected), (["c", "b", "a"].map(ToOwned::to_owned).to_vec(), 1));
}

#[test]
fn an_aggregate_cannot_be_called_as_a_transform() {
    let failure = bound(guests::COUNT_TEXTS).call(&batch(&["a"])).expect_err("it is an aggregate");
    assert_eq!(failure.kind, FailureKind::Incompatible);
}

#[test]
fn the_limits_of_a_step_hold_for_each_call() {
    let mut limits = Limits::default();
    limits.time = Duration::from_millis(50);
    let step = Engine::default().step(guests::BAD_LOOP).limits(limits).bind(&texts()).expect("it binds");
    let failure = step.call(&guilty()).expect_err("the guest loops");
    assert_eq!(failure.kind, FailureKind::Timeout);
}

#[test]
fn a_missing_column_is_reported_when_the_step_is_bound() {
    let schema = Schema::new(vec![Field::new("other", DataType::Utf8, false)]);
    let error = Engine::default().step(guests::KEEP_LONG).bind(&schema).expect_err("there is no column text");
    let BindError::Columns { mismatches, .. } = error else { panic!("{error:?}") };
    assert!(mismatches[0].message.contains("reads the column \"text\""), "{mismatches:?}");
}

#[test]
fn a_batch_with_other_columns_is_a_failure_and_not_a_panic() {
    let schema = Arc::new(Schema::new(vec![Field::new("text", DataType::Int64, false)]));
    let other = RecordBatch::try_new(schema, vec![Arc::new(Int64Array::from(vec![1]))]).expect("one column");
    let failure = bound(guests::KEEP_LONG).call(&other).expect_err("the columns differ");
    assert_eq!(failure.kind, FailureKind::Incompatible);
}

#[test]
fn an_interrupt_ends_calls() {
    let interrupt = Interrupt::new();
    let step = Engine::default().step(guests::BAD_LOOP).interrupt(&interrupt).bind(&texts()).expect("it binds");
    interrupt.cancel();
    assert_eq!(step.call(&guilty()).expect_err("it is interrupted").kind, FailureKind::Interrupted);
}

#[test]
fn threads_share_a_bound_step() {
    let step = bound(guests::KEEP_LONG);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert_eq!(step.call(&batch(&["long", "s"])).expect("it succeeds").batch.num_rows(), 1);
                }
            });
        }
    });
}
