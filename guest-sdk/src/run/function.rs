use super::{Running, inputs, outputs, signature, uncalled};
use crate::column::Opener;
use crate::contract::{self, Signature};
use crate::input::{Batch, Input};
use crate::output::{Made, MadeOf, Output, Rows};
use crate::parameters::Parameters;
use crate::sent::Sent;
use crate::{Result, panic};

/// A step that is a function.
pub(super) struct Function<P> {
    pub(super) parameters: P,
    pub(super) process: fn(&P, Sent<'_>) -> Result<contract::Output>,
}

impl<P: Parameters> Running for Function<P> {
    fn process(&mut self, sent: Sent<'_>) -> Result<contract::Output> {
        (self.process)(&self.parameters, sent)
    }

    fn finish(&mut self) -> Result<Option<contract::Output>> {
        Err(uncalled("finish", "transform"))
    }
}

/// Returns the columns of a function that takes a row. The function is passed only for its type.
pub fn rows_signature<'a, P, R, M>(parameters: &'a P, _: impl Fn(&'a P, R) -> Result<M>) -> Result<Signature>
where
    P: Parameters,
    R: Input<Row<'a> = R>,
    M: Made,
{
    signature::<P, R, M::Output>(parameters)
}

/// Calls a function for each row of a batch.
pub fn rows<'a, P, R, M>(
    parameters: &'a P,
    sent: Sent<'a>,
    function: impl Fn(&'a P, R) -> Result<M>,
) -> Result<contract::Output>
where
    P: Parameters,
    R: Input<Row<'a> = R>,
    M: Made,
{
    let columns = R::open(&mut Opener::new(sent, inputs::<P, R>(parameters)?))?;
    let all = sent.batch.rows as usize;
    let mut rows = Rows::<M::Output>::with_capacity(all);
    for row in 0..all {
        panic::at_row(row);
        let before = rows.len();
        let made = R::read(&columns, row).and_then(|input| function(parameters, input));
        if let Err(error) = made.and_then(|made| made.add_to(&mut rows, row)) {
            rows.truncate(before);
            rows.reject(row, error);
        }
    }
    finish(rows, parameters, MadeOf::Batch(all))
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
    sent: Sent<'a>,
    function: impl Fn(&'a P, Batch<'a, R>) -> Result<Rows<O>>,
) -> Result<contract::Output>
where
    P: Parameters,
    R: Input,
    O: Output,
{
    let all = sent.batch.rows as usize;
    let rows = function(parameters, open(parameters, sent)?)?;
    finish(rows, parameters, MadeOf::Batch(all))
}

/// Opens the columns of a batch.
pub(super) fn open<'a, P: Parameters, R: Input>(parameters: &P, sent: Sent<'a>) -> Result<Batch<'a, R>> {
    let columns = R::open(&mut Opener::new(sent, inputs::<P, R>(parameters)?))?;
    Ok(Batch::new(columns, sent.batch.rows as usize))
}

/// Converts the rows to the contract's output.
pub(super) fn finish<P: Parameters, O: Output>(
    rows: Rows<O>,
    parameters: &P,
    made_of: MadeOf,
) -> Result<contract::Output> {
    rows.finish(outputs::<P, O>(parameters)?, made_of)
}
