//! An aggregate with slow calls that returns one row with the number of input rows.

use std::time::Duration;

use stillbox_sdk::{Aggregate, Batch, Input, Output, Parameters, Result, Rows, step};

/// The parameters.
#[derive(Parameters)]
pub struct Parameters {
    /// The duration of `process`, in milliseconds.
    #[parameter(default = 0)]
    batch_ms: u64,
    /// The duration of `finish`, in milliseconds.
    #[parameter(default = 0)]
    end_ms: u64,
}

/// The columns that the step reads.
#[derive(Input)]
pub struct Row {
    #[expect(dead_code, reason = "the step needs an input column")]
    id: i64,
}

/// The columns that the step writes.
#[derive(Output)]
pub struct Counted {
    count: u64,
}

/// The step.
pub struct TakeTime {
    batch: Duration,
    end: Duration,
    rows: u64,
    finished: bool,
}

/// Counts rows, slowly.
#[step]
impl Aggregate for TakeTime {
    type Parameters = Parameters;
    type Input = Row;
    type Output = Counted;

    fn new(parameters: &Parameters) -> Result<Self> {
        let (batch, end) = (Duration::from_millis(parameters.batch_ms), Duration::from_millis(parameters.end_ms));
        Ok(Self { batch, end, rows: 0, finished: false })
    }

    fn process(&mut self, batch: Batch<'_, Row>) -> Result<Rows<Counted>> {
        std::thread::sleep(self.batch);
        self.rows += batch.len() as u64;
        Ok(Rows::new())
    }

    fn finish(&mut self) -> Result<Option<Rows<Counted>>> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(None);
        }
        std::thread::sleep(self.end);
        let mut rows = Rows::new();
        rows.push(Counted { count: self.rows })?;
        Ok(Some(rows))
    }
}
