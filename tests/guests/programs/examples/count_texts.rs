//! An aggregate that creates new rows: the number of occurrences of each text, or of all texts in one row.

use std::collections::BTreeMap;

use stillbox_sdk::{Aggregate, Batch, Input, Output, Parameters, Result, Rows, step};

/// The parameters.
#[derive(Parameters)]
pub struct Parameters {
    /// Whether to count all texts in one row with an empty text, even if there are none.
    #[parameter(default = false)]
    as_one: bool,
}

/// The columns that the step reads.
#[derive(Input)]
pub struct Row<'a> {
    text: &'a str,
}

/// The columns that the step writes.
#[derive(Output)]
pub struct Counted {
    text: String,
    count: u64,
}

/// The step.
pub struct Counts {
    as_one: bool,
    counts: BTreeMap<String, u64>,
}

/// Counts equal texts.
#[step]
impl Aggregate for Counts {
    type Parameters = Parameters;
    type Input = Row<'static>;
    type Output = Counted;

    fn new(parameters: &Parameters) -> Result<Self> {
        let as_one = parameters.as_one;
        let counts = as_one.then(|| (String::new(), 0)).into_iter().collect();
        Ok(Self { as_one, counts })
    }

    fn process(&mut self, batch: Batch<'_, Row<'_>>) -> Result<Rows<Counted>> {
        for row in batch.iter() {
            let text = if self.as_one { "" } else { row?.text };
            *self.counts.entry(text.to_owned()).or_default() += 1;
        }
        Ok(Rows::new())
    }

    /// Returns one row per call, so that there are many calls.
    fn finish(&mut self) -> Result<Option<Rows<Counted>>> {
        let Some((text, count)) = self.counts.pop_first() else { return Ok(None) };
        let mut rows = Rows::new();
        rows.push(Counted { text, count })?;
        Ok(Some(rows))
    }
}
