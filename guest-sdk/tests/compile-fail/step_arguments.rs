use stillbox_sdk::{Input, Parameters, Result, step};

#[derive(Parameters)]
struct Parameters {}

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

/// Takes nothing.
#[step]
fn nothing() -> Result<bool> {
    Ok(true)
}

/// Takes its parameters by value.
#[step]
fn by_value(_: Parameters, _: Row<'_>) -> Result<bool> {
    Ok(true)
}

/// Takes its row by reference.
#[step]
fn by_reference(_: &Row<'_>) -> Result<bool> {
    Ok(true)
}

/// Takes one argument too many.
#[step]
fn three(_: &Parameters, _: Row<'_>, _: Row<'_>) -> Result<bool> {
    Ok(true)
}

fn main() {}
