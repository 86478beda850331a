//! An aggregate that makes one row whatever it was given: how many rows that were.

use stillbox_sdk::{Aggregate, Batch, Input, Output, Result, Rows, step};

/// What it reads.
#[derive(Input)]
pub struct Row<'a> {
    #[expect(dead_code, reason = "that it is asked for is what the test needs")]
    text: &'a str,
}

/// What it makes.
#[derive(Output)]
pub struct Counted {
    count: u64,
}

/// The step.
#[derive(Default)]
pub struct Count {
    rows: u64,
    told: bool,
}

/// Counts rows.
#[step]
impl Aggregate for Count {
    type Parameters = ();
    type Input = Row<'static>;
    type Output = Counted;

    fn new((): &()) -> Result<Self> {
        Ok(Self::default())
    }

    fn process(&mut self, batch: Batch<'_, Row<'_>>) -> Result<Rows<Counted>> {
        self.rows += batch.len() as u64;
        Ok(Rows::new())
    }

    fn finish(&mut self) -> Result<Option<Rows<Counted>>> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(None);
        }
        let mut rows = Rows::new();
        rows.push(Counted { count: self.rows })?;
        Ok(Some(rows))
    }
}
