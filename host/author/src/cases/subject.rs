//! The step under test, with the parameters and the columns of one case.

use std::path::Path;

use stillbox::component::StepKind;
use stillbox::config::case::Document;
use stillbox::config::{Diagnostic, Diagnostics, Parameters};
use stillbox::grants::Recorder;
use stillbox::text::chain;
use stillbox::{BindError, BoundStep, ColumnMismatch, Failure, FailureKind, Limits, LoadedComponent};

use super::case::Case;
use super::input::CaseInput;
use super::report::Problem;

/// A step that is bound for one case, and the input rows of the case.
pub(super) struct Subject {
    pub(super) step: BoundStep,
    pub(super) limits: Limits,
    pub(super) input: CaseInput,
    /// The most rows of a batch.
    pub(super) batch_rows: usize,
    /// Counts the requests that are sent.
    pub(super) recorder: Option<Recorder>,
    /// Whether everything that the step is answered is recorded.
    pub(super) is_recording: bool,
}

/// The reason why a case cannot run.
pub(super) enum Unready {
    /// The step does not accept its parameters or columns; a case can expect that. The diagnostics refer to the file of the
    /// case.
    Failed { failure: Box<Failure>, diagnostics: Option<Diagnostics> },
    /// The case itself is invalid.
    Broken(Problem),
}

impl Subject {
    /// Binds the parameters, reads the input and finds the step's columns in it. Requests are collected by the recorder, if there
    /// is one.
    ///
    /// # Errors
    /// The step rejects the parameters, the input is malformed, or lacks columns that the step reads.
    pub(super) fn new(component: &LoadedComponent, case: &Case, recorder: Option<&Recorder>) -> Result<Self, Unready> {
        let limits = case.settings.limits.clone();
        let (parameters, grants) = (&case.parameters.value.values, &case.settings.grants);
        let configured = component.configure_with(parameters, &limits, grants, &case.models, recorder);
        let configured = configured.map_err(|error| match error {
            BindError::Bind(mut failure) => {
                failure.hint = failure.hint.map(|hint| for_case(&hint));
                let is_rejected = failure.kind == FailureKind::Parameters;
                let diagnostics = is_rejected.then(|| rejected(&case.parameters, &failure));
                Unready::Failed { failure, diagnostics }
            }
            error => broken(case, &chain(&error)),
        })?;
        let signature = configured.signature();
        let input = match (&case.input, component.manifest().kind) {
            (Some(_), StepKind::Source) => {
                return Err(broken(case, "the step is a source and reads no rows; remove input.jsonl"));
            }
            (Some(file), _) => CaseInput::read(file, &case.settings.columns, signature).map_err(Unready::Broken)?,
            (None, StepKind::Source) => CaseInput::none(signature),
            (None, _) => return Err(broken(case, "input.jsonl is missing")),
        };
        let input_name = case.input.as_deref().unwrap_or(Path::new("the source")).display().to_string();
        let step = configured.bind(input.rows.schema_ref(), &input_name).map_err(incompatible)?;
        let batch_rows = case.settings.batch_rows;
        Ok(Self { step, limits, input, batch_rows, recorder: recorder.cloned(), is_recording: false })
    }

    /// Returns whether calls may be made again, to find the cause of a failure: they send no requests.
    pub(super) fn may_repeat(&self) -> bool {
        !self.is_recording && self.recorder.as_ref().is_none_or(|recorder| recorder.requests() == 0)
    }
}

/// Returns a hint about the grants of a step in a pipeline as one about those of a case.
pub(super) fn for_case(hint: &str) -> String {
    hint.replace("add to the step:", "add to the case.toml of the case:").replace("[step.allow.", "[allow.")
}

fn broken(case: &Case, message: &str) -> Unready {
    Unready::Broken(Problem::Unreadable { file: case.folder.clone(), message: message.into() })
}

/// Returns the failure of a step that does not accept the columns of its input.
fn incompatible(mismatches: Vec<ColumnMismatch>) -> Unready {
    let mut mismatches = mismatches.into_iter();
    let (message, help) = mismatches.next().map(|first| (first.message, first.help)).unwrap_or_default();
    let mut failure = Failure::new(FailureKind::Incompatible, message).with_hint(help.join("; "));
    failure.causes = mismatches.map(|mismatch| mismatch.message).collect();
    Unready::Failed { failure: Box::new(failure), diagnostics: None }
}

/// Returns the step's error about its parameters, with their place in the file.
fn rejected(parameters: &Document<Parameters>, failure: &Failure) -> Diagnostics {
    let values = &parameters.value;
    // Steps write the names of parameters in backticks.
    let named = values.values.keys().find(|key| failure.message.contains(&format!("`{key}`")));
    let place = named.map_or(&values.location, |key| values.location_of(&format!("/{key}")));
    let message = format!("the step does not accept its parameters: {}", failure.message);
    let diagnostic = Diagnostic::new(place.clone(), message).causes(&failure.causes);
    parameters.diagnostics(failure.hint.iter().fold(diagnostic, Diagnostic::help))
}
