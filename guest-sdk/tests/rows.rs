//! The rules for the rows that a step returns for a whole batch.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stillbox_sdk::testing::{Step, batch, bind, column};
use stillbox_sdk::{Batch, Error, Input, Output, Result, Rows, step};

#[derive(Input)]
struct Row {
    #[expect(dead_code, reason = "it is read as a column")]
    id: i64,
}

#[derive(Input)]
struct Texts<'a> {
    #[expect(dead_code, reason = "it is read as a column")]
    text: &'a str,
}

#[derive(Output)]
struct Doubled {
    double: i64,
    half: f64,
}

#[derive(Output)]
struct Copied {
    copy: String,
}

#[derive(Output)]
struct Made {
    text: String,
    vector: Vec<f32>,
}

fn made(width: usize) -> Made {
    Made { text: "text".into(), vector: vec![0.0; width] }
}

/// Returns one row too few.
#[step]
fn too_few(batch: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    for _ in 1..batch.len() {
        rows.push(made(1))?;
    }
    Ok(rows)
}

/// Names an origin that is out of range.
#[step]
fn out_of_range(batch: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    rows.push_from(batch.len(), made(1))?;
    Ok(rows)
}

/// Names an origin that is rejected.
#[step]
fn from_rejected(_: Batch<'_, Row>) -> Result<Rows<Made>> {
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

/// Names the origin of the first row, and not of the second.
#[step]
fn partial_origins(_: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    rows.push_from(0, made(1))?;
    rows.push(made(1))?;
    Ok(rows)
}

/// Leaves out a column.
#[step]
fn incomplete(_: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::<Made>::new();
    rows.push_with(Some(0), |to| to.text.push("text"))?;
    Ok(rows)
}

/// Continues after a row that does not fit.
#[step]
fn continues(batch: Batch<'_, Row>) -> Result<Rows<Made>> {
    let mut rows = Rows::new();
    for i in 0..batch.len() {
        if let Err(error) = rows.push_from(i, made(i % 2 + 1)) {
            rows.reject(i, error);
        }
    }
    Ok(rows)
}

/// Returns whole columns.
#[step]
fn columns(batch: Batch<'_, Row>) -> Result<Rows<Doubled>> {
    let ids = batch.columns().id.values();
    let double: Vec<i64> = ids.iter().map(|id| id * 2).collect();
    let half: Vec<f64> = ids.iter().map(|id| *id as f64 / 2.0).collect();
    let mut rows = Rows::from_columns(batch.len(), DoubledBuilders { double: double.into(), half: half.into() })?;
    rows.push_from(0, Doubled { double: 100, half: 25.0 })?;
    Ok(rows)
}

/// Returns columns of different lengths.
#[step]
fn short_column(batch: Batch<'_, Row>) -> Result<Rows<Doubled>> {
    let double = batch.columns().id.values().to_vec();
    Rows::from_columns(batch.len(), DoubledBuilders { double: double.into(), half: vec![0.5].into() })
}

/// Copies a column of texts.
#[step]
fn copy_texts(batch: Batch<'_, Texts<'_>>) -> Result<Rows<Copied>> {
    Rows::from_columns(batch.len(), CopiedBuilders { copy: batch.columns().text.into() })
}

fn error<S: Step>() -> String {
    let mut step = bind::<S>("{}").unwrap();
    step.process(&batch([column("id", [1, 2, 3])])).unwrap_err().message
}

#[test]
fn a_missing_row_without_origins_is_an_error() {
    assert_eq!(
        error::<too_few>(),
        "the step returned 2 rows for 3 input rows and rejected 0, without naming the input row of each"
    );
}

#[test]
fn an_origin_out_of_range_is_an_error() {
    assert_eq!(error::<out_of_range>(), "row 3 is out of range: there are 3 input rows");
}

#[test]
fn an_output_row_that_comes_from_a_rejected_row_is_an_error() {
    assert_eq!(error::<from_rejected>(), "row 0 is rejected, but an output row comes from it");
}

#[test]
fn a_row_that_is_rejected_twice_is_an_error() {
    assert_eq!(error::<rejected_twice>(), "row 1 is rejected twice");
}

#[test]
fn origins_for_some_rows_only_are_an_error() {
    assert_eq!(error::<partial_origins>(), "some rows name the input row that they come from, and some do not");
}

#[test]
fn a_row_without_a_value_for_a_column_is_an_error() {
    assert_eq!(error::<incomplete>(), "a row must append exactly one value to every column");
}

#[test]
fn whole_columns_come_from_the_rows_in_order() {
    let mut step = bind::<columns>("{}").unwrap();
    let output = step.process(&batch([column("id", [1, 2, 3])])).unwrap();
    assert_eq!(output.origins.as_deref(), Some(&[0, 1, 2, 0][..]));
    assert_eq!(stillbox_sdk::testing::values::<i64>(&output, "double"), [2, 4, 6, 100]);
    assert_eq!(stillbox_sdk::testing::values::<f64>(&output, "half"), [0.5, 1.0, 1.5, 25.0]);
}

#[test]
fn a_column_of_texts_is_copied() {
    let mut step = bind::<copy_texts>("{}").unwrap();
    let output = step.process(&batch([column("text", ["a", "", "üb"])])).unwrap();
    assert_eq!(output.origins, None);
    assert_eq!(stillbox_sdk::testing::values::<String>(&output, "copy"), ["a", "", "üb"]);
}

#[test]
fn a_whole_column_with_another_number_of_values_is_an_error() {
    assert_eq!(error::<short_column>(), "`from_columns` needs 3 values in every column");
}

#[test]
fn a_row_that_does_not_fit_is_removed_from_all_columns() {
    let mut step = bind::<continues>("{}").unwrap();
    let output = step.process(&batch([column("id", [1, 2, 3])])).unwrap();
    assert_eq!(output.origins.as_deref(), Some(&[0, 2][..]));
    assert_eq!(output.rejections[0].error.message, "a vector has 2 elements, but the first of its column has 1");
    assert_eq!(stillbox_sdk::testing::values::<String>(&output, "text"), ["text", "text"]);
    assert_eq!(stillbox_sdk::testing::values::<Vec<f32>>(&output, "vector"), [[0.0], [0.0]]);
}
