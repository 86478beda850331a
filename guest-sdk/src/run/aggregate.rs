use super::function::{finish_rows, open_batch};
use super::{BoundStep, signature};
use crate::Result;
use crate::contract::{self, Signature};
use crate::input::{Batch, Input};
use crate::output::{OriginScope, Output, Rows};
use crate::parameters::Parameters;
use crate::received::ReceivedBatch;

/// A step that sees all rows of the input, batch by batch. `#[step]` applies to the implementation.
///
/// ```
/// use stillbox_sdk::{Aggregate, Batch, Input, Output, Result, Rows, step};
///
/// #[derive(Input)]
/// struct Row<'a> {
///     text: &'a str,
/// }
///
/// #[derive(Output)]
/// struct Longest {
///     rank: u32,
/// }
///
/// #[derive(Default)]
/// struct KeepLongest {
///     seen: usize,
///     longest: Option<(usize, usize)>,
///     done: bool,
/// }
///
/// /// Keeps the row with the longest text.
/// #[step]
/// impl Aggregate for KeepLongest {
///     type Parameters = ();
///     type Input = Row<'static>;
///     type Output = Longest;
///
///     fn new(_: &()) -> Result<Self> {
///         Ok(Self::default())
///     }
///
///     fn process(&mut self, batch: Batch<'_, Row<'_>>) -> Result<Rows<Longest>> {
///         for row in batch.iter() {
///             let length = row?.text.len();
///             if self.longest.is_none_or(|(longest, _)| longest < length) {
///                 self.longest = Some((length, self.seen));
///             }
///             self.seen += 1;
///         }
///         Ok(Rows::new())
///     }
///
///     fn finish(&mut self) -> Result<Option<Rows<Longest>>> {
///         if std::mem::replace(&mut self.done, true) {
///             return Ok(None);
///         }
///         let mut rows = Rows::new();
///         if let Some((_, row)) = self.longest {
///             rows.push_from(row, Longest { rank: 1 })?;
///         }
///         Ok(Some(rows))
///     }
/// }
/// ```
pub trait Aggregate: Sized + 'static {
    /// The step's parameters; `()` for none.
    type Parameters: Parameters;
    /// The columns that the step reads.
    type Input: Input;
    /// The columns that the step writes.
    type Output: Output;

    /// Creates the step.
    ///
    /// # Errors
    /// The parameters are invalid in a way that their type does not express.
    fn new(parameters: &Self::Parameters) -> Result<Self>;

    /// Processes the next batch. Rows that are returned here come from rows of this batch; most aggregates return
    /// [`Rows::new()`].
    ///
    /// # Errors
    /// The batch cannot be processed. The error ends the run.
    fn process(&mut self, batch: Batch<'_, Self::Input>) -> Result<Rows<Self::Output>>;

    /// Returns the next rows after the last batch, or `None` after the last ones. An origin ([`Rows::push_from`]) is an index
    /// into the rows of all batches, from 0. Rows without an origin ([`Rows::push`]) are new.
    ///
    /// # Errors
    /// The rows cannot be created. The error ends the run.
    fn finish(&mut self) -> Result<Option<Rows<Self::Output>>>;
}

struct BoundAggregate<A: Aggregate> {
    parameters: A::Parameters,
    aggregate: A,
    seen: usize,
}

impl<A: Aggregate> BoundStep for BoundAggregate<A> {
    fn process(&mut self, received: ReceivedBatch<'_>) -> Result<contract::Output> {
        let rows = self.aggregate.process(open_batch(&self.parameters, received)?)?;
        let all = received.batch.rows as usize;
        self.seen += all;
        finish_rows(rows, &self.parameters, OriginScope::Batch(all))
    }

    fn finish(&mut self) -> Result<Option<contract::Output>> {
        let rows = self.aggregate.finish()?;
        rows.map(|rows| finish_rows(rows, &self.parameters, OriginScope::AllRows(self.seen))).transpose()
    }
}

/// Returns the columns of an aggregate.
pub fn aggregate_signature<A: Aggregate>(parameters: &A::Parameters) -> Result<Signature> {
    signature::<A::Parameters, A::Input, A::Output>(parameters)
}

/// Creates an aggregate.
pub fn aggregate<A: Aggregate>(parameters: A::Parameters) -> Result<Box<dyn BoundStep>> {
    let aggregate = A::new(&parameters)?;
    Ok(Box::new(BoundAggregate { parameters, aggregate, seen: 0 }))
}
