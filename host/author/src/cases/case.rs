//! Reads a case from its folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use stillbox::config::case::{CaseTable, Document, ExpectedFailure, parse_parameters};
use stillbox::config::{Diagnostics, Parameters, nearest};
use stillbox::model::StepModels;

use super::answers;
use super::case_row::CaseRow;
use super::expected;
use super::recorded;
use super::report::Problem;

pub(super) const CASES: &str = "cases";
pub(super) const INPUT: &str = "input.jsonl";
pub(super) const PARAMETERS: &str = "parameters.toml";
pub(super) const EXPECTED: &str = "expected.jsonl";
pub(super) const EXPECTED_REJECTS: &str = "expected-rejects.jsonl";
pub(super) const EXPECTED_FAILURE: &str = "expected-failure.toml";
pub(super) const SETTINGS: &str = "case.toml";

/// The most bytes of each file of a case, 16 MiB: people read cases, and they are held in memory.
const MAX_BYTES: u64 = 16 << 20;

/// A case.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) folder: PathBuf,
    /// `None` if the file does not exist, as for a source.
    pub(super) input: Option<PathBuf>,
    pub(super) parameters: Document<Parameters>,
    pub(super) settings: CaseTable,
    /// The recorded answers of models; while they are recorded, the models themselves.
    pub(super) models: StepModels,
    pub(super) expected: Expected,
}

/// The expected result of a case.
#[derive(Debug)]
pub(super) enum Expected {
    /// Output rows and rejected rows.
    Rows { rows: Vec<CaseRow>, rejects: Vec<CaseRow> },
    /// A failure.
    Failure(ExpectedFailure),
    /// Not written yet.
    Nothing,
}

/// Returns the folders of a step's cases, sorted by name.
///
/// # Errors
/// The folder `cases` exists but cannot be read.
pub(super) fn folders(step: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(step.join(CASES)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        // For example `.ipynb_checkpoints`.
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
            continue;
        }
        // A link that leads nowhere is a case that would be left out without a word.
        let metadata = fs::metadata(&path)
            .map_err(|error| io::Error::new(error.kind(), format!("`{}`: {error}", path.display())))?;
        if metadata.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

impl Case {
    /// Reads all files of a case except its input.
    ///
    /// # Errors
    /// All problems of the files.
    pub(super) fn read(folder: &Path) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let wrong = |problem: Problem, problems: &mut Vec<Problem>| problems.push(problem);
        let settings = toml(folder, SETTINGS, CaseTable::parse).map_err(|p| wrong(p, &mut problems)).ok().flatten();
        let parameters = parameters(folder).map_err(|p| wrong(p, &mut problems)).ok();
        let failure = toml(folder, EXPECTED_FAILURE, ExpectedFailure::parse);
        let failure = failure.map_err(|p| wrong(p, &mut problems)).ok().flatten();
        let rows = lines(folder, EXPECTED).map_err(|p| wrong(p, &mut problems)).ok().flatten();
        let rejects = lines(folder, EXPECTED_REJECTS).map_err(|p| wrong(p, &mut problems)).ok().flatten();
        let expected = match (failure, rows, rejects) {
            (Some(failure), None, None) => Expected::Failure(failure.value),
            (Some(_), _, _) => {
                let message = format!("the case has both {EXPECTED_FAILURE} and expected rows; remove one of them");
                problems.push(Problem::Unreadable { file: folder.to_owned(), message });
                Expected::Nothing
            }
            (None, None, None) => Expected::Nothing,
            (None, rows, rejects) => {
                Expected::Rows { rows: rows.unwrap_or_default(), rejects: rejects.unwrap_or_default() }
            }
        };
        problems.extend(misnamed_files(folder));
        let recorded = recorded::read(folder).map_err(|all| problems.extend(all)).unwrap_or_default();
        let models = text(&folder.join(answers::FILE)).and_then(|text| answers::read(folder, text.as_deref()));
        let models = models.map_err(|p| problems.push(p)).unwrap_or_default();
        let Some(parameters) = parameters.filter(|_| problems.is_empty()) else { return Err(problems) };
        let input = folder.join(INPUT);
        let mut settings = settings.map(|settings| settings.value).unwrap_or_default();
        settings.grants.recorded = recorded;
        let (folder, input) = (folder.to_owned(), input.exists().then_some(input));
        Ok(Self { folder, input, parameters, settings, models, expected })
    }
}

/// Reports files whose names resemble those of a case, since a misspelt file would be ignored silently.
fn misnamed_files(folder: &Path) -> Vec<Problem> {
    const KNOWN: [&str; 7] = [INPUT, PARAMETERS, EXPECTED, EXPECTED_REJECTS, EXPECTED_FAILURE, SETTINGS, answers::FILE];
    let mut names: Vec<String> = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect(),
        Err(error) => return vec![Problem::Unreadable { file: folder.to_owned(), message: error.to_string() }],
    };
    names.retain(|name| !name.starts_with('.') && !name.ends_with('~') && !KNOWN.contains(&&**name));
    names.sort();
    let problem = |name: String| {
        let meant = nearest(&name, KNOWN);
        let looks_like_one = Path::new(&name).extension().is_some_and(|ending| ending == "jsonl" || ending == "toml");
        let message = match meant {
            Some(meant) => format!("unknown file name; did you mean `{meant}`?"),
            None if looks_like_one => format!("unknown file name; the files of a case are {}", KNOWN.join(", ")),
            None => return None,
        };
        Some(Problem::Unreadable { file: folder.join(name), message })
    };
    names.into_iter().filter_map(problem).collect()
}

/// Reads the parameters. A case without the file has none.
fn parameters(folder: &Path) -> Result<Document<Parameters>, Problem> {
    match toml(folder, PARAMETERS, parse_parameters)? {
        Some(parameters) => Ok(parameters),
        None => parse_parameters(&folder.join(PARAMETERS), "").map_err(Problem::Diagnostics),
    }
}

fn toml<T>(
    folder: &Path,
    name: &str,
    parse: impl Fn(&Path, &str) -> Result<T, Diagnostics>,
) -> Result<Option<T>, Problem> {
    let file = folder.join(name);
    let Some(text) = text(&file)? else { return Ok(None) };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    parse(&file, text).map(Some).map_err(Problem::Diagnostics)
}

fn lines(folder: &Path, name: &str) -> Result<Option<Vec<CaseRow>>, Problem> {
    let file = folder.join(name);
    let Some(text) = text(&file)? else { return Ok(None) };
    expected::read(&file, &text).map(Some)
}

fn text(file: &Path) -> Result<Option<String>, Problem> {
    let unreadable = |message: String| Problem::Unreadable { file: file.to_owned(), message };
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
        Ok(metadata) if metadata.len() > MAX_BYTES => {
            return Err(unreadable(format!("the file exceeds {} MiB, the limit for a case", MAX_BYTES >> 20)));
        }
        Ok(_) => {}
    }
    fs::read_to_string(file).map(Some).map_err(|error| unreadable(error.to_string()))
}
