//! An aggregate that returns its input rows in reverse order. Empty texts are rejected.

use stillbox_sdk::{Aggregate, Batch, Input, Output, Parameters, Result, Rows, error, step};

/// The parameters.
#[derive(Parameters)]
pub struct Parameters {
    /// The number of rows in a batch of the output.
    #[parameter(default = 5, min = 1)]
    at_once: usize,
    /// The text at which the step panics.
    panics_at: Option<String>,
}

/// The columns that the step reads.
#[derive(Input)]
pub struct Row<'a> {
    text: &'a str,
}

/// The columns that the step writes.
#[derive(Output)]
pub struct Place {
    place: u64,
}

/// The step.
pub struct TurnAround {
    at_once: usize,
    panics_at: Option<String>,
    seen: usize,
    rows: Vec<usize>,
    place: u64,
}

/// Reverses the order of the rows, and numbers them.
#[step]
impl Aggregate for TurnAround {
    type Parameters = Parameters;
    type Input = Row<'static>;
    type Output = Place;

    fn new(parameters: &Parameters) -> Result<Self> {
        let panics_at = parameters.panics_at.clone();
        Ok(Self { at_once: parameters.at_once, panics_at, seen: 0, rows: Vec::new(), place: 0 })
    }

    fn process(&mut self, batch: Batch<'_, Row<'_>>) -> Result<Rows<Place>> {
        let mut rejects = Rows::new();
        for (index, row) in batch.iter().enumerate() {
            let text = row?.text;
            assert!(self.panics_at.as_deref() != Some(text), "cannot bear {text:?}");
            if text.is_empty() {
                rejects.reject(index, error!("the text is empty"));
            } else {
                self.rows.push(self.seen);
            }
            self.seen += 1;
        }
        Ok(rejects)
    }

    fn finish(&mut self) -> Result<Option<Rows<Place>>> {
        if self.rows.is_empty() {
            return Ok(None);
        }
        let mut rows = Rows::new();
        for row in self.rows.split_off(self.rows.len().saturating_sub(self.at_once)).into_iter().rev() {
            rows.push_from(row, Place { place: self.place })?;
            self.place += 1;
        }
        Ok(Some(rows))
    }
}
