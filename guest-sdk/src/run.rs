//! Runs a step: binds its parameters, passes batches to it and collects its output.

mod aggregate;
mod concurrent;
mod function;
mod source;

pub use aggregate::{Aggregate, aggregate, aggregate_signature};
#[cfg(feature = "http")]
pub(crate) use concurrent::block_on;
#[cfg(feature = "http")]
pub use concurrent::join_all;
pub(crate) use concurrent::on_wait;
pub use concurrent::{async_rows, async_rows_signature};
pub use function::{batch, batch_signature, rows, rows_signature};
pub use source::{Source, source, source_signature};

use crate::column::{assert_names, distinct, resolve};
use crate::contract::{self, ErrorKind, Field, Kind, Manifest, Signature, StepError};
use crate::input::Input;
use crate::manifest::{StepInfo, manifest};
use crate::output::Output;
use crate::parameters::{self, Parameters};
use crate::received::ReceivedBatch;
use crate::{Error, Result, dropped, panic};

/// A step. `#[step]` implements it for a function, or for an implementation of [`Source`] or [`Aggregate`].
#[diagnostic::on_unimplemented(message = "`{Self}` is not a step", label = "lacks `#[step]`")]
pub trait Step: 'static {
    /// The step's parameters.
    type Parameters: Parameters;
    /// The description of the step in its crate.
    const INFO: StepInfo;
    /// The step's kind.
    const KIND: Kind;

    /// Returns the input and output columns.
    fn signature(parameters: &Self::Parameters) -> Result<Signature>;

    /// Creates the running step.
    fn start(parameters: Self::Parameters) -> Result<Box<dyn BoundStep>>;
}

/// A step that is bound to its parameters.
pub trait BoundStep {
    /// Turns a batch into an output.
    fn process(&mut self, batch: ReceivedBatch<'_>) -> Result<contract::Output>;

    /// Returns the next output, or `None` after the last one.
    fn finish(&mut self) -> Result<Option<contract::Output>>;
}

/// Binds a step that is a function.
pub fn start<P: Parameters>(
    parameters: P,
    process: fn(&P, ReceivedBatch<'_>) -> Result<contract::Output>,
) -> Box<dyn BoundStep> {
    Box::new(function::Function { parameters, process })
}

/// A bound step, whose methods return the contract's errors.
pub(crate) struct Instance(Box<dyn BoundStep>);

impl Instance {
    /// Binds the parameters.
    pub(crate) fn bind<S: Step>(parameters: &str) -> Result<(Signature, Self), StepError> {
        let bound = parameters::read::<S::Parameters>(parameters).and_then(|parameters| {
            let signature = S::signature(&parameters)?;
            Ok((signature, Self(S::start(parameters)?)))
        });
        bound.map_err(|error| error.into_step_error(ErrorKind::Parameters))
    }

    /// Turns a batch into an output.
    pub(crate) fn process(&mut self, batch: ReceivedBatch<'_>) -> Result<contract::Output, StepError> {
        dropped::start();
        let output = self.0.process(batch);
        panic::clear_row();
        dropped::flush();
        output.map_err(|error| error.into_step_error(ErrorKind::Input))
    }

    /// Returns the next output, or `None` after the last one.
    pub(crate) fn finish(&mut self) -> Result<Option<contract::Output>, StepError> {
        self.0.finish().map_err(|error| error.into_step_error(ErrorKind::Internal))
    }
}

/// Returns the manifest of a step.
pub(crate) fn step_manifest<S: Step>() -> Manifest {
    manifest::<S::Parameters>(&S::INFO, S::KIND)
}

/// Returns the input and output columns of a step.
fn signature<P: Parameters, R: Input, O: Output>(parameters: &P) -> Result<Signature> {
    Ok(Signature { inputs: inputs::<P, R>(parameters)?, outputs: outputs::<P, O>(parameters)? })
}

/// Returns the columns that a step reads.
fn inputs<P: Parameters, R: Input>(parameters: &P) -> Result<Vec<Field>> {
    const {
        assert_names(R::COLUMNS, P::KEYS);
        assert!(!R::ANY || P::ANY_INPUTS, "`AnyRow` needs `#[parameters(inputs = ...)]` above the parameters");
    }
    if R::ANY { distinct(parameters.inputs(), "input") } else { resolve(R::COLUMNS, parameters, "input") }
}

/// Returns the columns that a step writes.
fn outputs<P: Parameters, O: Output>(parameters: &P) -> Result<Vec<Field>> {
    const {
        assert_names(O::COLUMNS, P::KEYS);
        assert!(!O::ANY || P::ANY_OUTPUTS, "`AnyOutput` needs `#[parameters(outputs = ...)]` above the parameters");
    }
    if O::ANY { distinct(parameters.outputs(), "output") } else { resolve(O::COLUMNS, parameters, "output") }
}

/// Returns the error for a call that a step of this kind does not support.
fn unsupported_call(call: &str, kind: &str) -> Error {
    Error::internal(format_args!("the host called `{call}`, which a step of the kind {kind} does not support"))
}
