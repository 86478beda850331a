use stillbox_sdk::{Input, Result, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

/// Is no function.
#[step]
struct Step;

/// Is of no trait.
#[step]
impl Step {}

/// Has settings.
#[step(name = "settings")]
fn settings(_: Row<'_>) -> Result<bool> {
    Ok(true)
}

/// Waits.
#[step]
async fn waits(_: Row<'_>) -> Result<bool> {
    Ok(true)
}

/// Is of any type.
#[step]
fn generic<T>(_: T) -> Result<bool> {
    Ok(true)
}

/// Returns nothing.
#[step]
fn silent(_: Row<'_>) {}

fn main() {}
