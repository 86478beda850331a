use stillbox_sdk::{Batch, Input, Output, Rows, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

#[derive(Output)]
struct Counted {
    n: u32,
}

/// Returns no `Result`.
#[step]
fn keeps(row: Row<'_>) -> bool {
    row.text.is_empty()
}

/// Returns a row.
#[step]
fn counts(row: Row<'_>) -> Counted {
    Counted { n: row.text.len() as u32 }
}

/// Returns a row or none.
#[step]
fn options(row: Row<'_>) -> Option<Counted> {
    Some(Counted { n: row.text.len() as u32 })
}

/// Returns the `Result` of another library.
#[step]
fn io(_: Row<'_>) -> std::io::Result<Counted> {
    Ok(Counted { n: 1 })
}

/// Returns rows.
#[step]
fn whole(_: Batch<'_, Row<'_>>) -> Rows<Counted> {
    Rows::new()
}

/// Is asynchronous.
#[step]
async fn later(_: Row<'_>) -> Counted {
    Counted { n: 1 }
}

/// Returns another error.
#[step]
fn text(_: Row<'_>) -> Result<Counted, String> {
    Ok(Counted { n: 1 })
}

/// Returns a list for a whole batch.
#[step]
fn whole_list(_: Batch<'_, Row<'_>>) -> stillbox_sdk::Result<Vec<Counted>> {
    Ok(Vec::new())
}

/// Returns two values.
#[step]
fn tuple(_: Row<'_>) -> (Counted, bool) {
    (Counted { n: 1 }, true)
}

fn main() {}
