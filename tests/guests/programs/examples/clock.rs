//! A source that never makes the same rows again: it tells the time.

use std::time::{SystemTime, UNIX_EPOCH};

use stillbox_sdk::{Output, Parameters, Result, Rows, Source, step};

/// What it takes.
#[derive(Clone, Parameters)]
pub struct Parameters {
    /// How often it tells the time.
    count: u32,
}

/// What it makes, in nanoseconds.
#[derive(Output)]
pub struct Row {
    time: i64,
}

/// The step.
pub struct Clock {
    left: u32,
}

/// Tells the time.
#[step]
impl Source for Clock {
    type Parameters = Parameters;
    type Output = Row;

    fn new(parameters: &Parameters) -> Result<Self> {
        Ok(Self { left: parameters.count })
    }

    fn next(&mut self) -> Result<Option<Rows<Row>>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut rows = Rows::new();
        rows.push(Row { time: SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as i64 })?;
        Ok(Some(rows))
    }
}
