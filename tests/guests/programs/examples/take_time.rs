//! An aggregate that takes its time for every call, and makes one row: how many it was given.

use std::time::Duration;

use stillbox_sdk::{Aggregate, Batch, Input, Output, Parameters, Result, Rows, step};

/// What it takes.
#[derive(Parameters)]
pub struct Parameters {
    /// How long it takes for a batch, in milliseconds.
    #[parameter(default = 0)]
    batch_ms: u64,
    /// How long it takes in the end, in milliseconds.
    #[parameter(default = 0)]
    end_ms: u64,
}

/// What it reads.
#[derive(Input)]
pub struct Row {
    #[expect(dead_code, reason = "a step reads something")]
    id: i64,
}

/// What it makes.
#[derive(Output)]
pub struct Counted {
    count: u64,
}

/// The step.
pub struct TakeTime {
    batch: Duration,
    end: Duration,
    rows: u64,
    told: bool,
}

/// Counts rows, slowly.
#[step]
impl Aggregate for TakeTime {
    type Parameters = Parameters;
    type Input = Row;
    type Output = Counted;

    fn new(parameters: &Parameters) -> Result<Self> {
        let (batch, end) = (Duration::from_millis(parameters.batch_ms), Duration::from_millis(parameters.end_ms));
        Ok(Self { batch, end, rows: 0, told: false })
    }

    fn process(&mut self, batch: Batch<'_, Row>) -> Result<Rows<Counted>> {
        std::thread::sleep(self.batch);
        self.rows += batch.len() as u64;
        Ok(Rows::new())
    }

    fn finish(&mut self) -> Result<Option<Rows<Counted>>> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(None);
        }
        std::thread::sleep(self.end);
        let mut rows = Rows::new();
        rows.push(Counted { count: self.rows })?;
        Ok(Some(rows))
    }
}
