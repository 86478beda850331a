//! What a step that takes a whole batch can do wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stillbox_sdk::testing::{Step, batch, bind, column};
use stillbox_sdk::{Batch, Error, Input, Output, Result, Rows, step};

#[derive(Input)]
struct Row {
    #[expect(dead_code, reason = "only the number of rows matters")]
    id: i64,
}

#[derive(Output)]
struct Made {
    text: String,
    vector: Vec<f32>,
}

fn made(width: usize) -> Made {
    Made { text: "text".into(), vector: vec![0.0; width] }
}

/// Makes a row too few.
#[step]
fn too_few(batch: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    for _ in 1..batch.len() {
        rows.push(made(1))?;
    }
    Ok(rows)
}

/// Makes a row of one that isn't there.
#[step]
fn out_of_range(batch: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    rows.push_from(batch.len(), made(1))?;
    Ok(rows)
}

/// Makes a row of one that is rejected.
#[step]
fn of_rejected(_: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    rows.push_from(0, made(1))?;
    rows.reject(0, Error::input("no"));
    Ok(rows)
}

/// Rejects a row twice.
#[step]
fn rejected_twice(_: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    rows.reject(1, Error::input("no"));
    rows.reject(1, Error::input("no"));
    Ok(rows)
}

/// Says of one row what it is made of, and not of the next.
#[step]
fn half_said(_: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    rows.push_from(0, made(1))?;
    rows.push(made(1))?;
    Ok(rows)
}

/// Forgets a column.
#[step]
fn forgetful(_: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::<Made>::new();
    rows.push_with(Some(0), |to| to.text.push("text"))?;
    Ok(rows)
}

/// Goes on after a row that doesn't fit, which leaves nothing behind.
#[step]
fn resumes(batch: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    for i in 0..batch.len() {
        if let Err(error) = rows.push_from(i, made(i % 2 + 1)) {
            rows.reject(i, error);
        }
    }
    Ok(rows)
}

fn error<S: Step>() -> String {
    let mut step = bind::<S>("{}").unwrap();
    step.process(&batch([column("id", [1, 2, 3])])).unwrap_err().message
}

#[test]
fn a_row_too_few_is_told() {
    assert_eq!(error::<too_few>(), "2 rows were made of 3, and 0 rejected, without saying which");
}

#[test]
fn an_origin_out_of_range_is_told() {
    assert_eq!(error::<out_of_range>(), "there is no row 3 in 3");
}

#[test]
fn a_rejected_row_has_no_rows_made_of_it() {
    assert_eq!(error::<of_rejected>(), "the row 0 is both rejected and made a row of");
}

#[test]
fn a_row_is_rejected_once() {
    assert_eq!(error::<rejected_twice>(), "the row 1 is rejected twice");
}

#[test]
fn all_rows_say_what_they_are_made_of_or_none() {
    assert_eq!(error::<half_said>(), "some rows say which row they are made of, and some don't");
}

#[test]
fn a_forgotten_column_is_told() {
    assert_eq!(error::<forgetful>(), "a row was not added to every column once");
}

#[test]
fn a_row_that_does_not_fit_leaves_nothing_behind() {
    let mut step = bind::<resumes>("{}").unwrap();
    let output = step.process(&batch([column("id", [1, 2, 3])])).unwrap();
    assert_eq!(output.origins.as_deref(), Some(&[0, 2][..]));
    assert_eq!(output.rejections[0].error.message, "a vector has 2 elements, and the first of its column has 1");
    assert_eq!(stillbox_sdk::testing::values::<String>(&output, "text"), ["text", "text"]);
    assert_eq!(stillbox_sdk::testing::values::<Vec<f32>>(&output, "vector"), [[0.0], [0.0]]);
}
