use stillbox_sdk::{Input, Output, Parameters, Result, step};

#[derive(Parameters)]
struct Parameters {
    input_column: String,
    count: u32,
}

#[derive(Input)]
struct Row<'a> {
    #[column(from = "input_column")]
    text: &'a str,
}

#[derive(Output)]
struct Made {
    #[column(from = "count")]
    text: String,
}

/// Takes column names from unknown parameters.
#[step]
fn copy(_: &Parameters, row: Row<'_>) -> Result<Made> {
    Ok(Made { text: row.text.to_owned() })
}

fn main() {}
