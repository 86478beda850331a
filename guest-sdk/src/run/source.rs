use super::function::finish_rows;
use super::{BoundStep, outputs, unsupported_call};
use crate::Result;
use crate::contract::{self, Signature};
use crate::output::{OriginScope, Output, Rows};
use crate::parameters::Parameters;
use crate::received::ReceivedBatch;

/// A step that creates rows from its parameters alone. `#[step]` applies to the implementation.
///
/// ```
/// use stillbox_sdk::{Output, Parameters, Result, Rows, Source, step};
///
/// #[derive(Clone, Parameters)]
/// struct Parameters {
///     /// The number of rows.
///     count: u32,
/// }
///
/// #[derive(Output)]
/// struct Row {
///     number: u32,
/// }
///
/// struct Numbers {
///     next: u32,
///     end: u32,
/// }
///
/// /// Counts from 0.
/// #[step]
/// impl Source for Numbers {
///     type Parameters = Parameters;
///     type Output = Row;
///
///     fn new(parameters: &Parameters) -> Result<Self> {
///         Ok(Self { next: 0, end: parameters.count })
///     }
///
///     fn next(&mut self) -> Result<Option<Rows<Row>>> {
///         let mut rows = Rows::new();
///         for number in (self.next..self.end).take(1000) {
///             rows.push(Row { number })?;
///             self.next = number + 1;
///         }
///         Ok(if rows.is_empty() { None } else { Some(rows) })
///     }
/// }
/// ```
pub trait Source: Sized + 'static {
    /// The step's parameters; `()` for none.
    type Parameters: Parameters;
    /// The columns that the step writes.
    type Output: Output;

    /// Creates the step.
    ///
    /// # Errors
    /// The parameters are invalid in a way that their type does not express.
    fn new(parameters: &Self::Parameters) -> Result<Self>;

    /// Returns the next rows, or `None` after the last ones.
    ///
    /// # Errors
    /// The rows cannot be created. The error ends the run.
    fn next(&mut self) -> Result<Option<Rows<Self::Output>>>;
}

struct BoundSource<S: Source> {
    parameters: S::Parameters,
    source: S,
}

impl<S: Source> BoundStep for BoundSource<S> {
    fn process(&mut self, _: ReceivedBatch<'_>) -> Result<contract::Output> {
        Err(unsupported_call("process", "source"))
    }

    fn finish(&mut self) -> Result<Option<contract::Output>> {
        let rows = self.source.next()?;
        rows.map(|rows| finish_rows(rows, &self.parameters, OriginScope::NoRows)).transpose()
    }
}

/// Returns the columns of a source.
pub fn source_signature<S: Source>(parameters: &S::Parameters) -> Result<Signature> {
    Ok(Signature { inputs: Vec::new(), outputs: outputs::<S::Parameters, S::Output>(parameters)? })
}

/// Creates a source.
pub fn source<S: Source>(parameters: S::Parameters) -> Result<Box<dyn BoundStep>> {
    let source = S::new(&parameters)?;
    Ok(Box::new(BoundSource { parameters, source }))
}
