//! A source whose rows differ in every run: the current time.

use std::time::{SystemTime, UNIX_EPOCH};

use stillbox_sdk::{Output, Parameters, Result, Rows, Source, step};

/// The parameters.
#[derive(Clone, Parameters)]
pub struct Parameters {
    /// The number of rows.
    count: u32,
}

/// The columns that the step writes, in nanoseconds.
#[derive(Output)]
pub struct Row {
    time: i64,
}

/// The step.
pub struct Clock {
    left: u32,
}

/// Returns the current time.
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
