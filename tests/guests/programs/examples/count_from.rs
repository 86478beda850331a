//! A source of numbers.

use stillbox_sdk::{Output, Parameters, Result, Rows, Source, ensure, step};

/// The parameters.
#[derive(Clone, Parameters)]
pub struct Parameters {
    /// The first number.
    #[parameter(default = 0)]
    from: i64,
    /// The number of rows.
    count: i64,
    /// The number of rows in a batch.
    #[parameter(default = 7, min = 1)]
    at_once: usize,
    /// The number at which the source fails.
    fails_at: Option<i64>,
}

/// The columns that the step writes.
#[derive(Output)]
pub struct Row {
    number: i64,
    text: String,
}

/// The step.
pub struct Numbers {
    next: i64,
    end: i64,
    at_once: usize,
    fails_at: Option<i64>,
}

/// Counts.
#[step]
impl Source for Numbers {
    type Parameters = Parameters;
    type Output = Row;

    fn new(parameters: &Parameters) -> Result<Self> {
        let Parameters { from, count, at_once, fails_at } = parameters.clone();
        Ok(Self { next: from, end: from + count, at_once, fails_at })
    }

    fn next(&mut self) -> Result<Option<Rows<Row>>> {
        let mut rows = Rows::new();
        for number in (self.next..self.end).take(self.at_once) {
            ensure!(self.fails_at != Some(number), "there is no number {number}");
            rows.push(Row { number, text: format!("number {number}") })?;
            self.next = number + 1;
        }
        Ok(if rows.is_empty() { None } else { Some(rows) })
    }
}
