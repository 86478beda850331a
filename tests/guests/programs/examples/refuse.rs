//! Writes no columns, and rejects some rows.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use stillbox_sdk::{Error, Input, Parameters, Result, log, step};

#[derive(Parameters)]
struct Parameters {
    /// The `id` of the rejected row.
    id: i64,
    /// Whether the error is transient.
    #[parameter(default = false)]
    transient: bool,
    /// The time from which the row passes, in milliseconds since 1970. Before it, the error requests a retry at that time.
    until: Option<u64>,
}

#[derive(Input)]
struct Row {
    id: i64,
}

/// Rejects the row with the given `id`.
#[step]
fn refuse(parameters: &Parameters, row: Row) -> Result<()> {
    if row.id != parameters.id {
        return Ok(());
    }
    log::warn!("looking at row {}", row.id);
    let error = Error::new(format_args!("the id {} is not wanted", row.id));
    let Some(until) = parameters.until else {
        return Err(if parameters.transient { Error::transient(error.message()) } else { error });
    };
    let left = Duration::from_millis(until).saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH)?);
    if left.is_zero() { Ok(()) } else { Err(error.retry_after(left)) }
}
