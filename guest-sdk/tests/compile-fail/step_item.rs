use stillbox_sdk::{Batch, Input, Result, Rows, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

/// Is not a function.
#[step]
struct Step;

/// Implements no trait.
#[step]
impl Step {}

/// Has settings.
#[step(name = "settings")]
fn settings(_: Row<'_>) -> Result<bool> {
    Ok(true)
}

/// Is asynchronous, with a batch.
#[step]
async fn waits(_: Batch<'_, Row<'_>>) -> Result<Rows<()>> {
    Ok(Rows::new())
}

/// Is not asynchronous.
#[step(concurrency = 32)]
fn counts(_: Row<'_>) -> Result<bool> {
    Ok(true)
}

/// Has a type parameter.
#[step]
fn generic<T>(_: T) -> Result<bool> {
    Ok(true)
}

/// Returns nothing.
#[step]
fn silent(_: Row<'_>) {}

fn main() {}
