//! An aggregate that makes new rows: how often each text is there.

use std::collections::BTreeMap;

use stillbox_sdk::{Aggregate, Batch, Input, Output, Result, Rows, step};

/// What it reads.
#[derive(Input)]
pub struct Row<'a> {
    text: &'a str,
}

/// What it makes.
#[derive(Output)]
pub struct Counted {
    text: String,
    count: u64,
}

/// The step.
#[derive(Default)]
pub struct Counts {
    counts: BTreeMap<String, u64>,
}

/// Counts equal texts.
#[step]
impl Aggregate for Counts {
    type Parameters = ();
    type Input = Row<'static>;
    type Output = Counted;

    fn new((): &()) -> Result<Self> {
        Ok(Self::default())
    }

    fn process(&mut self, batch: Batch<'_, Row<'_>>) -> Result<Rows<Counted>> {
        for row in batch.iter() {
            *self.counts.entry(row?.text.to_owned()).or_default() += 1;
        }
        Ok(Rows::new())
    }

    /// A text a call, so that there are many calls.
    fn finish(&mut self) -> Result<Option<Rows<Counted>>> {
        let Some((text, count)) = self.counts.pop_first() else { return Ok(None) };
        let mut rows = Rows::new();
        rows.push(Counted { text, count })?;
        Ok(Some(rows))
    }
}
