use stillbox_sdk::{Input, Result, step};

struct NotParameters;

struct NotRow;

struct NotOutput;

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

/// Takes a type that does not define parameters.
#[step]
fn parameters(_: &NotParameters, _: Row<'_>) -> Result<bool> {
    Ok(true)
}

/// Takes a type that is not a row.
#[step]
fn row(_: NotRow) -> Result<bool> {
    Ok(true)
}

/// Returns a type that is not an output.
#[step]
fn output(_: Row<'_>) -> Result<NotOutput> {
    Ok(NotOutput)
}

fn main() {}
