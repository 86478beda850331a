//! The output for each return type that a step can have.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use stillbox_sdk::testing::{batch, bind, column, values};
use stillbox_sdk::{Batch, Input, Output, Result, Rows, bail, contract, ensure, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

#[derive(Debug, Output)]
struct Length {
    length: usize,
}

#[derive(Output)]
struct Word<'a> {
    word: &'a str,
}

/// Fails for empty texts.
fn length(text: &str) -> Result<usize> {
    ensure!(!text.is_empty(), "an empty text");
    Ok(text.len())
}

/// Adds a column.
#[step]
fn add(row: Row<'_>) -> Result<Length> {
    Ok(Length { length: length(row.text)? })
}

/// Keeps some rows.
#[step]
fn filter(row: Row<'_>) -> Result<bool> {
    Ok(length(row.text)? > 1)
}

/// Rejects some rows, and writes no columns.
#[step]
fn validate(row: Row<'_>) -> Result<()> {
    length(row.text).map(|_| ())
}

/// Adds a column, or drops the row.
#[step]
fn drop_short(row: Row<'_>) -> Result<Option<Length>> {
    let length = length(row.text)?;
    Ok((length > 1).then_some(Length { length }))
}

/// Returns one row for each word. The words borrow from the batch.
#[step]
fn expand(row: Row<'_>) -> Result<Vec<Word<'_>>> {
    length(row.text)?;
    Ok(row.text.split_whitespace().map(|word| Word { word }).collect())
}

/// Reverses the batch, and rejects empty texts.
#[step]
fn reverse(batch: Batch<'_, Row<'_>>) -> Result<Rows<Length>> {
    let mut rows = Rows::new();
    for i in (0..batch.len()).rev() {
        match length(batch.row(i)?.text) {
            Ok(length) => rows.push_from(i, Length { length })?,
            Err(error) => rows.reject(i, error),
        }
    }
    Ok(rows)
}

/// Numbers the rows, unless one is empty.
#[step]
fn number(batch: Batch<'_, Row<'_>>) -> Result<Rows<Length>> {
    let mut rows = Rows::with_capacity(batch.len());
    for (i, row) in batch.iter().enumerate() {
        if row?.text.is_empty() {
            bail!("row {i} is empty");
        }
        rows.push(Length { length: i })?;
    }
    Ok(rows)
}

fn run<S: stillbox_sdk::testing::Step>(texts: &[&str]) -> contract::Output {
    let mut step = bind::<S>("{}").unwrap();
    step.process(&batch([column("text", texts.iter().copied())])).unwrap()
}

fn rejected(output: &contract::Output) -> Vec<(u32, &str)> {
    output.rejections.iter().map(|rejection| (rejection.row, rejection.error.message.as_str())).collect()
}

#[test]
fn an_output_adds_its_columns_to_the_row() {
    let output = run::<add>(&["a", "bb"]);
    assert_eq!(values::<i64>(&output, "length"), [1, 2]);
    assert_eq!((output.rows, &output.origins, rejected(&output)), (2, &None, vec![]));
}

#[test]
fn an_error_rejects_only_its_row() {
    let output = run::<add>(&["", "a", "", "bb"]);
    assert_eq!(values::<i64>(&output, "length"), [1, 2]);
    assert_eq!(output.origins.as_deref(), Some(&[1, 3][..]));
    assert_eq!(rejected(&output), [(0, "an empty text"), (2, "an empty text")]);
    let error = &output.rejections[0].error;
    assert_eq!(error.kind, contract::ErrorKind::Input);
    let location = error.location.as_ref().unwrap();
    assert!(location.file.ends_with("return_forms.rs"), "{location:?}");
    assert_eq!(location.line, 24);
}

#[test]
fn true_keeps_the_row_and_false_drops_it() {
    let output = run::<filter>(&["aa", "b", "", "cc"]);
    assert_eq!((output.rows, output.columns.len()), (2, 0));
    assert_eq!(output.origins.as_deref(), Some(&[0, 3][..]));
    assert_eq!(rejected(&output), [(2, "an empty text")]);
}

#[test]
fn a_filter_that_keeps_all_rows_returns_no_origins() {
    let output = run::<filter>(&["aa", "bb"]);
    assert_eq!((output.rows, output.origins), (2, None));
}

#[test]
fn a_filter_that_keeps_only_the_first_rows_returns_origins() {
    let output = run::<filter>(&["aa", "b"]);
    assert_eq!((output.rows, output.origins), (1, Some(vec![0])));
}

#[test]
fn an_empty_result_keeps_the_row() {
    let output = run::<validate>(&["a", "", "c"]);
    assert_eq!((output.rows, output.origins.as_deref()), (2, Some(&[0, 2][..])));
    assert_eq!(rejected(&output), [(1, "an empty text")]);
}

#[test]
fn none_drops_the_row() {
    let output = run::<drop_short>(&["a", "bb", ""]);
    assert_eq!(values::<i64>(&output, "length"), [2]);
    assert_eq!(output.origins.as_deref(), Some(&[1][..]));
    assert_eq!(rejected(&output), [(2, "an empty text")]);
}

#[test]
fn a_list_expands_the_row() {
    let output = run::<expand>(&["one two", " ", "", "three"]);
    assert_eq!(values::<String>(&output, "word"), ["one", "two", "three"]);
    assert_eq!(output.origins.as_deref(), Some(&[0, 0, 3][..]));
    assert_eq!(rejected(&output), [(2, "an empty text")]);
}

#[test]
fn a_batch_function_returns_rows_in_any_order() {
    let output = run::<reverse>(&["a", "", "ccc", ""]);
    assert_eq!(values::<i64>(&output, "length"), [3, 1]);
    assert_eq!(output.origins.as_deref(), Some(&[2, 0][..]));
    assert_eq!(rejected(&output), [(1, "an empty text"), (3, "an empty text")]);
}

#[test]
fn a_batch_function_that_returns_one_row_per_input_row_needs_no_origins() {
    let output = run::<number>(&["a", "b"]);
    assert_eq!(values::<i64>(&output, "length"), [0, 1]);
    assert_eq!(output.origins, None);
}

#[test]
fn an_error_of_a_batch_function_fails_the_whole_batch() {
    let mut step = bind::<number>("{}").unwrap();
    let error = step.process(&batch([column("text", ["a", ""])])).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (contract::ErrorKind::Input, "row 1 is empty"));
}

#[test]
fn an_empty_batch_returns_no_rows() {
    let output = run::<add>(&[]);
    assert_eq!((output.rows, output.origins), (0, None));
    let output = run::<expand>(&[]);
    assert_eq!((output.rows, output.origins), (0, None));
}
