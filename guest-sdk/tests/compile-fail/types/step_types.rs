use stillbox_sdk::{Input, Result, step};

struct NotParameters;

struct NotRow;

struct NotOutput;

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

/// Takes what are no parameters.
#[step]
fn parameters(_: &NotParameters, _: Row<'_>) -> Result<bool> {
    Ok(true)
}

/// Takes what is no row.
#[step]
fn row(_: NotRow) -> Result<bool> {
    Ok(true)
}

/// Returns what is no output.
#[step]
fn output(_: Row<'_>) -> Result<NotOutput> {
    Ok(NotOutput)
}

fn main() {}
