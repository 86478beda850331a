//! The recorded answers of models in a case: the file `answers.jsonl`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use stillbox::grants::SecretSource;
use stillbox::model::{AnswerRecorder, ModelSettings, RecordedAnswer, RecordedAnswers, StepModels};
use stillbox::{Grants, Policy};

use super::report::Problem;

/// The file in the folder of a case.
pub(super) const FILE: &str = "answers.jsonl";

/// Reads the text of the file. A case without it has no answers to any request.
///
/// # Errors
/// A line is not an answer.
pub(super) fn read(case: &Path, text: Option<&str>) -> Result<StepModels, Problem> {
    let answers = RecordedAnswers::parse(text.unwrap_or_default()).map_err(|(line, problem)| {
        let message = format!("line {line}: {problem}");
        Problem::Unreadable { file: case.join(FILE), message }
    })?;
    Ok(StepModels::new().recorded(answers))
}

/// Returns the models of a case whose answers are recorded.
pub(super) fn recording(models: &BTreeMap<String, ModelSettings>, recorder: &AnswerRecorder) -> StepModels {
    StepModels::new().models(models.clone()).recorder(recorder.clone())
}

/// Returns the answers that were recorded.
pub(super) fn recorded(lines: Vec<RecordedAnswer>) -> StepModels {
    StepModels::new().recorded(RecordedAnswers::new(lines))
}

/// Returns where the keys of models are: in the variables of the environment that they name.
pub(super) fn keys(models: &BTreeMap<String, ModelSettings>) -> impl Iterator<Item = (String, SecretSource)> {
    models.values().filter_map(|model| model.key.clone()).map(|key| (key.clone(), SecretSource::Env(key)))
}

/// Returns why a policy does not permit a model, if it does not.
pub(super) fn rejected_by_policy(models: &BTreeMap<String, ModelSettings>, policy: &Policy) -> Option<String> {
    models.iter().find_map(|(name, model)| {
        let mut grants = Grants::default();
        grants.add(model.grant().ok()?);
        grants.secrets.extend(keys(models));
        let violation = policy.apply(&mut grants).into_iter().next()?;
        Some(format!("the policy does not permit model \"{name}\": {}", violation.reason))
    })
}

/// Replaces the recorded answers of a case, and returns their file. Without answers, the file is left as it is.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(case: &Path, lines: &[RecordedAnswer]) -> Result<Option<PathBuf>, Problem> {
    if lines.is_empty() {
        return Ok(None);
    }
    let file = case.join(FILE);
    let mut text = String::new();
    for line in lines {
        let json = serde_json::to_string(line);
        let json = json.map_err(|error| Problem::Unreadable { file: file.clone(), message: error.to_string() })?;
        let _ = writeln!(text, "{json}");
    }
    match fs::write(&file, text) {
        Ok(()) => Ok(Some(file)),
        Err(error) => Err(Problem::Unreadable { file, message: format!("cannot be written: {error}") }),
    }
}
