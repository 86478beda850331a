//! The step under test, with the parameters and the columns of one case.

use std::path::Path;
use std::sync::Arc;

use super::case::Case;
use super::input::Input;
use super::report::Problem;
use crate::component::{Component, StepKind};
use crate::config::case::Document;
use crate::config::parameters::Parameters;
use crate::config::{Diagnostic, Diagnostics};
use crate::failure::{Failure, FailureKind};
use crate::interrupt::Stop;
use crate::limits::Limits;
use crate::loader::ComponentLoader;
use crate::plan::{self, Step};
use crate::sandbox::Sandbox;

/// A step that is bound for one case, and the input rows of the case.
pub(super) struct Subject<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) stop: &'a Stop,
    pub(super) step: Step,
    pub(super) input: Input,
}

/// The reason why a case cannot run.
pub(super) enum Unready {
    /// The step does not accept its parameters or columns; a case can expect that. The diagnostics refer to the file of the
    /// case.
    Failed { failure: Box<Failure>, diagnostics: Option<Diagnostics> },
    /// The case itself is invalid.
    Broken(Problem),
}

impl<'a> Subject<'a> {
    /// Binds the parameters, reads the input and finds the step's columns in it.
    ///
    /// # Errors
    /// The step rejects the parameters, the input is malformed, or lacks columns that the step reads.
    pub(super) fn new(
        loader: &'a ComponentLoader,
        component: &Arc<Component>,
        stop: &'a Stop,
        case: &Case,
    ) -> Result<Self, Unready> {
        let limits = Limits::default().with(&case.settings.limits);
        let parameters: Arc<str> = serde_json::Value::Object(case.parameters.value.values.clone()).to_string().into();
        let signature = loader.bind(component, &parameters, &limits, stop).map_err(|failure| {
            let diagnostics = (failure.kind == FailureKind::Parameters).then(|| rejected(&case.parameters, &failure));
            Unready::Failed { failure, diagnostics }
        })?;
        let input = match &case.input {
            Some(_) if component.manifest().kind == StepKind::Source => {
                let message = "the step is a source and reads no rows; remove input.jsonl".into();
                return Err(Unready::Broken(Problem::Unreadable { file: case.folder.clone(), message }));
            }
            Some(file) => Input::read(file, &case.settings.columns, &signature).map_err(Unready::Broken)?,
            None if component.manifest().kind == StepKind::Source => Input::none(),
            None => {
                let message = "input.jsonl is missing".into();
                return Err(Unready::Broken(Problem::Unreadable { file: case.folder.clone(), message }));
            }
        };
        let input_name = case.input.as_deref().unwrap_or(Path::new("the source")).display().to_string();
        let bound =
            plan::standalone_step(Arc::clone(component), (parameters, signature), limits, &input.schema, &input_name)
                .map_err(|mismatches| {
                let mut mismatches = mismatches.into_iter();
                let first = mismatches.next();
                let (message, help) = first.map(|mismatch| (mismatch.message, mismatch.help)).unwrap_or_default();
                let mut failure = Failure::new(FailureKind::Incompatible, message).with_hint(help.join("; "));
                failure.causes = mismatches.map(|mismatch| mismatch.message).collect();
                Unready::Failed { failure: Box::new(failure), diagnostics: None }
            })?;
        Ok(Self { sandbox: loader.sandbox(), stop, step: bound, input })
    }
}

/// Returns the step's error about its parameters, with their place in the file.
fn rejected(parameters: &Document<Parameters>, failure: &Failure) -> Diagnostics {
    let values = &parameters.value;
    // Steps write the names of parameters in backticks.
    let named = values.values.keys().find(|key| failure.message.contains(&format!("`{key}`")));
    let place = named.map_or(&values.location, |key| values.location_of(&format!("/{key}")));
    let message = format!("the step does not accept its parameters: {}", failure.message);
    let help = failure.causes.iter().chain(&failure.hint);
    parameters.diagnostics(help.fold(Diagnostic::new(place.clone(), message), Diagnostic::help))
}
