//! Runs a step: binds its parameters, feeds it batches, collects what it makes.

mod aggregate;
mod function;
mod source;

pub use aggregate::{Aggregate, aggregate, aggregate_signature};
pub use function::{batch, batch_signature, rows, rows_signature};
pub use source::{Source, source, source_signature};

use crate::column::{assert_names, distinct, resolve};
use crate::contract::{self, ErrorKind, Field, Kind, Manifest, Signature, StepError};
use crate::input::Input;
use crate::manifest::{About, manifest};
use crate::output::Output;
use crate::parameters::{self, Parameters};
use crate::sent::Sent;
use crate::{Error, Result, panic};

/// What `#[step]` makes of a function, or of an implementation of [`Source`] or [`Aggregate`].
#[diagnostic::on_unimplemented(message = "`{Self}` is not a step", label = "lacks `#[step]`")]
pub trait Step: 'static {
    /// The step's parameters.
    type Parameters: Parameters;
    /// What the crate says of the step.
    const ABOUT: About;
    /// How the host drives it.
    const KIND: Kind;

    /// The columns in and out.
    fn signature(parameters: &Self::Parameters) -> Result<Signature>;

    /// Makes the step ready to run.
    fn start(parameters: Self::Parameters) -> Result<Box<dyn Running>>;
}

/// A step at work: one instance, bound to its parameters.
pub trait Running {
    /// Turns a batch into an output.
    fn process(&mut self, batch: Sent<'_>) -> Result<contract::Output>;

    /// Makes the next output, until there is no more.
    fn finish(&mut self) -> Result<Option<contract::Output>>;
}

/// Makes a step of a function ready to run.
pub fn start<P: Parameters>(parameters: P, process: fn(&P, Sent<'_>) -> Result<contract::Output>) -> Box<dyn Running> {
    Box::new(function::Function { parameters, process })
}

/// A bound step, with its errors as the contract has them.
pub(crate) struct Instance(Box<dyn Running>);

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
    pub(crate) fn process(&mut self, batch: Sent<'_>) -> Result<contract::Output, StepError> {
        let output = self.0.process(batch);
        panic::at_no_row();
        output.map_err(|error| error.into_step_error(ErrorKind::Input))
    }

    /// Makes the next output, until there is no more.
    pub(crate) fn finish(&mut self) -> Result<Option<contract::Output>, StepError> {
        self.0.finish().map_err(|error| error.into_step_error(ErrorKind::Internal))
    }
}

/// A step's manifest.
pub(crate) fn manifest_of<S: Step>() -> Manifest {
    manifest::<S::Parameters>(&S::ABOUT, S::KIND)
}

/// The columns in and out of a step.
fn signature<P: Parameters, R: Input, O: Output>(parameters: &P) -> Result<Signature> {
    Ok(Signature { inputs: inputs::<P, R>(parameters)?, outputs: outputs::<P, O>(parameters)? })
}

/// The columns that a step reads.
fn inputs<P: Parameters, R: Input>(parameters: &P) -> Result<Vec<Field>> {
    const {
        assert_names(R::COLUMNS, P::KEYS);
        assert!(!R::ANY || P::ANY_INPUTS, "`AnyRow` needs `#[parameters(inputs = ...)]` above the parameters");
    }
    if R::ANY { distinct(parameters.inputs(), "input") } else { resolve(R::COLUMNS, parameters, "input") }
}

/// The columns that a step writes.
fn outputs<P: Parameters, O: Output>(parameters: &P) -> Result<Vec<Field>> {
    const {
        assert_names(O::COLUMNS, P::KEYS);
        assert!(!O::ANY || P::ANY_OUTPUTS, "`AnyOutput` needs `#[parameters(outputs = ...)]` above the parameters");
    }
    if O::ANY { distinct(parameters.outputs(), "output") } else { resolve(O::COLUMNS, parameters, "output") }
}

/// A call that the step's kind has no use for.
fn uncalled(call: &str, kind: &str) -> Error {
    Error::internal(format_args!("the host called `{call}`, which a step of the kind {kind} never takes"))
}
