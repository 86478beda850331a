use super::{BoundStep, inputs, outputs, signature, unsupported_call};
use crate::contract::{self, Signature};
use crate::input::opener::Opener;
use crate::input::{Batch, Input};
use crate::output::{IntoRows, OriginScope, Output, Rows};
use crate::parameters::Parameters;
use crate::received::ReceivedBatch;
use crate::{Result, panic};

/// A step that is a function.
pub(super) struct Function<P> {
    pub(super) parameters: P,
    pub(super) process: fn(&P, ReceivedBatch<'_>) -> Result<contract::Output>,
}

impl<P: Parameters> BoundStep for Function<P> {
    fn process(&mut self, received: ReceivedBatch<'_>) -> Result<contract::Output> {
        (self.process)(&self.parameters, received)
    }

    fn finish(&mut self) -> Result<Option<contract::Output>> {
        Err(unsupported_call("finish", "transform"))
    }
}

/// Returns the columns of a function that takes a row. The function is passed only for its type.
pub fn rows_signature<'a, P, R, M>(parameters: &'a P, _: impl Fn(&'a P, R) -> Result<M>) -> Result<Signature>
where
    P: Parameters,
    R: Input<Row<'a> = R>,
    M: IntoRows,
{
    signature::<P, R, M::Output>(parameters)
}

/// Calls a function for each row of a batch.
pub fn rows<'a, P, R, M>(
    parameters: &'a P,
    received: ReceivedBatch<'a>,
    function: impl Fn(&'a P, R) -> Result<M>,
) -> Result<contract::Output>
where
    P: Parameters,
    R: Input<Row<'a> = R>,
    M: IntoRows,
{
    let columns = R::open(&mut Opener::new(received, inputs::<P, R>(parameters)?))?;
    let all = received.batch.rows as usize;
    let mut rows = Rows::<M::Output>::with_capacity(all);
    for row in 0..all {
        panic::set_row(row);
        let before = rows.len();
        let result = R::read(&columns, row).and_then(|input| function(parameters, input));
        if let Err(error) = result.and_then(|result| result.add_to(&mut rows, row)) {
            rows.truncate(before);
            rows.reject(row, error);
        }
    }
    finish_rows(rows, parameters, OriginScope::Batch(all))
}

/// Returns the columns of a function that takes a batch. The function is passed only for its type.
pub fn batch_signature<'a, P, R, O>(
    parameters: &'a P,
    _: impl Fn(&'a P, Batch<'a, R>) -> Result<Rows<O>>,
) -> Result<Signature>
where
    P: Parameters,
    R: Input,
    O: Output,
{
    signature::<P, R, O>(parameters)
}

/// Calls a function with a whole batch.
pub fn batch<'a, P, R, O>(
    parameters: &'a P,
    received: ReceivedBatch<'a>,
    function: impl Fn(&'a P, Batch<'a, R>) -> Result<Rows<O>>,
) -> Result<contract::Output>
where
    P: Parameters,
    R: Input,
    O: Output,
{
    let all = received.batch.rows as usize;
    let rows = function(parameters, open_batch(parameters, received)?)?;
    finish_rows(rows, parameters, OriginScope::Batch(all))
}

/// Opens the columns of a batch.
pub(super) fn open_batch<'a, P: Parameters, R: Input>(
    parameters: &P,
    received: ReceivedBatch<'a>,
) -> Result<Batch<'a, R>> {
    let columns = R::open(&mut Opener::new(received, inputs::<P, R>(parameters)?))?;
    Ok(Batch::new(columns, received.batch.rows as usize))
}

/// Converts the rows to the contract's output.
pub(super) fn finish_rows<P: Parameters, O: Output>(
    rows: Rows<O>,
    parameters: &P,
    scope: OriginScope,
) -> Result<contract::Output> {
    rows.finish(outputs::<P, O>(parameters)?, scope)
}
