//! Writes the call of a bundle as a case.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;
use stillbox::arrow::array::RecordBatch;
use stillbox::bundle::{Bundle, MissingRows, select_rows};
use stillbox::config::case::{CaseTable, ExpectedFailure, parse_parameters};
use stillbox::rows::row_as_json;
use stillbox::units::{counted, format_duration, format_size};
use stillbox::{DataType, FailureKind, Limits};

use super::case::{EXPECTED_FAILURE, INPUT, PARAMETERS, SETTINGS};
use super::report::Problem;
use super::{answers, recorded};

/// A case that was written from a bundle.
#[derive(Debug)]
#[non_exhaustive]
pub struct WrittenCase {
    /// The files.
    pub files: Vec<PathBuf>,
    /// The parts of the bundle that are missing in the case, one sentence each.
    pub notes: Vec<String>,
}

/// Why a bundle cannot be written as a case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteCaseError {
    /// The folder has files already.
    #[error("the folder {} is not empty; name one that does not exist yet", .0.display())]
    NotEmpty(PathBuf),
    /// The parameters have no form in TOML.
    #[error("the parameters of the bundle cannot be written as TOML: {0}")]
    Parameters(String),
    /// A case would not fail as the call of the bundle did.
    #[error("the bundle cannot be written as a case: {0}")]
    NoCase(String),
    /// The bundle does not have these rows.
    #[error(transparent)]
    Rows(#[from] MissingRows),
    /// A response of the bundle has no form as a file of a case, or its file cannot be written.
    #[error("the responses of the bundle cannot be written: {0}")]
    Responses(String),
    /// A file cannot be written.
    #[error("cannot write to {}", .folder.display())]
    #[non_exhaustive]
    Io {
        /// The folder.
        folder: PathBuf,
        /// The problem.
        source: io::Error,
    },
}

/// Characters of a message in an expected failure. The rest of a longer one is not compared.
const MESSAGE_CHARACTERS: usize = 500;

/// Writes the call of a bundle as a case that expects its failure, to a folder that is created. `rows` are the rows of its last batch,
/// by default all.
///
/// # Errors
/// The folder has files, or the bundle has no form as a case.
pub fn write_case(bundle: &Bundle, folder: &Path, rows: Option<Range<usize>>) -> Result<WrittenCase, WriteCaseError> {
    let io = |source| WriteCaseError::Io { folder: folder.to_owned(), source };
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(WriteCaseError::NotEmpty(folder.to_owned()));
    }
    let (start, batches) = selected(bundle, rows.clone())?;
    if let Some(problem) = differs(bundle, rows) {
        return Err(WriteCaseError::NoCase(problem));
    }
    let mut files = vec![
        (PARAMETERS, parameters(bundle)?),
        (SETTINGS, settings(bundle, &batches)),
        (EXPECTED_FAILURE, expected(bundle, start, &batches)),
    ];
    check_readable(&files)?;
    if !batches.is_empty() {
        let lines = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|row| row_as_json(batch, row) + "\n"));
        files.push((INPUT, lines.collect()));
    }
    let (recorded_answers, unusable) = bundle.answers();
    if !recorded_answers.is_empty() {
        files.push((answers::FILE, recorded_answers.iter().map(|line| line.to_string() + "\n").collect()));
    }
    files.retain(|(_, text)| !text.is_empty());
    fs::create_dir_all(folder).map_err(io)?;
    let (responses, incomplete) = bundle.responses();
    // First: a response without a form as a file leaves the folder empty, so that it can be used again.
    let of_responses = recorded::write(folder, &responses).map_err(responses_unwritable)?;
    let mut written = Vec::new();
    for (name, text) in files {
        let file = folder.join(name);
        fs::write(&file, text).map_err(io)?;
        written.push(file);
    }
    written.extend(of_responses);
    Ok(WrittenCase { files: written, notes: notes(bundle, incomplete, unusable) })
}

/// Returns why a case would not fail as the call did. `rows` are the rows that were asked for.
fn differs(bundle: &Bundle, rows: Option<Range<usize>>) -> Option<String> {
    let kind = bundle.failure().kind;
    if kind == FailureKind::Model {
        return Some("the model failed, and a case has answers of models only; replay the bundle instead".into());
    }
    let incomplete = bundle.responses().1;
    // A case denies what the call was denied.
    if incomplete > 0 && kind != FailureKind::Denied {
        let requests = counted(incomplete as u64, "request", "requests");
        return Some(format!(
            "{requests} got no complete response, and a case has complete ones only; replay the bundle instead"
        ));
    }
    let rows = rows?;
    match bundle.failing_row() {
        Some(row) if rows.contains(&row) => None,
        Some(row) => Some(format!("row {row} is at fault, and not among the rows {}..{}", rows.start, rows.end)),
        None => Some("no row is known to be at fault, so a part of the rows may pass; leave out `--rows`".into()),
    }
}

/// Checks that `stillbox test` reads the files. A bundle may come from anyone, with limits that a case cannot have.
fn check_readable(files: &[(&str, String)]) -> Result<(), WriteCaseError> {
    for (name, text) in files {
        let file = Path::new(name);
        let problem = match *name {
            SETTINGS => CaseTable::parse(file, text).err(),
            EXPECTED_FAILURE => ExpectedFailure::parse(file, text).err(),
            _ => parse_parameters(file, text).err(),
        };
        if let Some(problem) = problem {
            return Err(WriteCaseError::NoCase(problem.to_string()));
        }
    }
    Ok(())
}

/// Returns the error of responses that cannot be written.
fn responses_unwritable(problem: Problem) -> WriteCaseError {
    WriteCaseError::Responses(match problem {
        Problem::Unreadable { file, message } => format!("{}: {message}", file.display()),
        _ => "a response has no form as a file".into(),
    })
}

/// Returns the first row, and the batches of the case under the names that the step has for its columns.
fn selected(bundle: &Bundle, rows: Option<Range<usize>>) -> Result<(usize, Vec<RecordBatch>), WriteCaseError> {
    let mut batches = bundle.step_batches();
    Ok((select_rows(&mut batches, rows)?, batches))
}

fn parameters(bundle: &Bundle) -> Result<String, WriteCaseError> {
    let unwritable = |error: &dyn std::error::Error| WriteCaseError::Parameters(error.to_string());
    let parameters: Value = serde_json::from_str(bundle.parameters()).map_err(|error| unwritable(&error))?;
    toml::to_string(&parameters).map_err(|error| unwritable(&error))
}

/// Returns `case.toml`: the limits, the types of the columns, and the variables of the environment.
fn settings(bundle: &Bundle, batches: &[RecordBatch]) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    // A key is in one line: the text of JSON, in which only this control character is not escaped.
    let key = |text: &str| Value::from(text).to_string().replace('\u{7f}', "\\u007f");
    let Limits { memory, time, fuel, output_rows, output_bytes, log_bytes, .. } = bundle.limits();
    let mut text = format!(
        "# The failure of a run of Stillbox {}, with the component {}.\n\
         limits = {{ memory = {}, time = {}, output-rows = {output_rows}, output-bytes = {}, log-bytes = {}",
        bundle.stillbox().escape_debug(),
        bundle.digest().escape_debug(),
        quoted(&format_size(memory)),
        quoted(&format_duration(time)),
        quoted(&format_size(output_bytes)),
        quoted(&format_size(log_bytes)),
    );
    if let Some(fuel) = fuel {
        let _ = write!(text, ", fuel = {fuel}");
    }
    text += " }\n";
    if let Some(batch) = batches.first() {
        let columns = batch.schema_ref().fields().iter().map(|field| {
            let data_type = DataType::from_field(field).unwrap_or(DataType::Json);
            format!("{} = {}", key(field.name()), quoted(data_type.name()))
        });
        let _ = writeln!(text, "columns = {{ {} }}", columns.collect::<Vec<_>>().join(", "));
    }
    if !bundle.variables().is_empty() {
        text += "\n[allow.env]\n";
        for (name, value) in bundle.variables() {
            let _ = writeln!(text, "{} = {}", key(name), quoted(value));
        }
    }
    text
}

fn expected(bundle: &Bundle, start: usize, batches: &[RecordBatch]) -> String {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let failure = bundle.failure();
    let message: String = failure.message.chars().take(MESSAGE_CHARACTERS).collect();
    let mut text = format!("kind = {}\n", quoted(failure.kind.name()));
    if !message.is_empty() {
        let _ = writeln!(text, "message = {}", quoted(&regex::escape(&message)));
    }
    let last = batches.last().map_or(0, RecordBatch::num_rows);
    let row = bundle.named_row().and_then(|row| row.checked_sub(start)).filter(|row| *row < last);
    if let Some(row) = row {
        let before: usize = batches.iter().rev().skip(1).map(RecordBatch::num_rows).sum();
        let _ = writeln!(text, "row = {}", before + row + 1);
    }
    text
}

fn notes(bundle: &Bundle, incomplete: usize, unusable: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if incomplete > 0 {
        notes.push(format!("{incomplete} requests without a complete response are not part of the case"));
    }
    if unusable > 0 {
        notes.push(format!("{unusable} answers of models that ended the call are not part of the case"));
    }
    if bundle.reads_clocks() {
        notes.push("the step reads clocks, which are those of the machine in a case".into());
    }
    if bundle.failure().batch.is_some_and(|batch| batch > 0) {
        notes.push("the first batch of a case has the seed 0, so random numbers are other ones".into());
    }
    notes
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_message_becomes_a_pattern_of_itself() {
        assert_eq!(regex::escape("a.b [c] #1"), "a\\.b \\[c\\] \\#1");
    }
}
