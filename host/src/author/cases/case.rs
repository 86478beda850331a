//! A case as its folder has it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::expected::{self, Line};
use super::report::Problem;
use crate::config::Complaints;
use crate::config::case::{CaseTable, Document, ExpectedFailure, parse_parameters};
use crate::config::parameters::Parameters;
use crate::config::place::Place;

pub(super) const CASES: &str = "cases";
const INPUT: &str = "input.jsonl";
const PARAMETERS: &str = "parameters.toml";
pub(super) const EXPECTED: &str = "expected.jsonl";
pub(super) const EXPECTED_REJECTS: &str = "expected-rejects.jsonl";
pub(super) const EXPECTED_FAILURE: &str = "expected-failure.toml";
const SETTINGS: &str = "case.toml";

/// The most bytes of any one file of a case. Cases are looked at by people, and kept in memory.
const MOST_BYTES: u64 = 16 << 20;

/// One case, read.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) folder: PathBuf,
    /// None where there is no such file, as for a source.
    pub(super) input: Option<PathBuf>,
    pub(super) parameters: Document<Parameters>,
    pub(super) settings: CaseTable,
    pub(super) expected: Expected,
}

/// What a case expects.
#[derive(Debug)]
pub(super) enum Expected {
    /// Rows, and rows that are refused.
    Rows { rows: Vec<Line>, rejects: Vec<Line> },
    /// That it fails.
    Failure(ExpectedFailure),
    /// Nobody has said yet.
    Nothing,
}

/// The folders of a step's cases, by name.
///
/// # Errors
/// The folder of cases is there and cannot be read.
pub(super) fn folders(step: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(step.join(CASES)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

impl Case {
    /// Reads all files of a case but its input.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(super) fn read(folder: &Path) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let wrong = |problem: Problem, problems: &mut Vec<Problem>| problems.push(problem);
        let settings = toml(folder, SETTINGS, CaseTable::parse).map_err(|p| wrong(p, &mut problems)).ok().flatten();
        let parameters = toml(folder, PARAMETERS, parse_parameters).map_err(|p| wrong(p, &mut problems)).ok().flatten();
        let failure = toml(folder, EXPECTED_FAILURE, ExpectedFailure::parse);
        let failure = failure.map_err(|p| wrong(p, &mut problems)).ok().flatten();
        let rows = lines(folder, EXPECTED).map_err(|p| wrong(p, &mut problems)).ok().flatten();
        let rejects = lines(folder, EXPECTED_REJECTS).map_err(|p| wrong(p, &mut problems)).ok().flatten();
        let expected = match (failure, rows, rejects) {
            (Some(failure), None, None) => Expected::Failure(failure.value),
            (Some(_), _, _) => {
                let message =
                    format!("there are both {EXPECTED_FAILURE} and rows that are expected; remove one of them");
                problems.push(Problem::Unreadable { file: folder.to_owned(), message });
                Expected::Nothing
            }
            (None, None, None) => Expected::Nothing,
            (None, rows, rejects) => {
                Expected::Rows { rows: rows.unwrap_or_default(), rejects: rejects.unwrap_or_default() }
            }
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let input = folder.join(INPUT);
        Ok(Self {
            folder: folder.to_owned(),
            input: input.exists().then_some(input),
            parameters: parameters.unwrap_or_else(|| Document {
                file: folder.join(PARAMETERS).into(),
                text: "".into(),
                value: Parameters::none(Place::File),
            }),
            settings: settings.map(|settings| settings.value).unwrap_or_default(),
            expected,
        })
    }
}

fn toml<T>(
    folder: &Path,
    name: &str,
    parse: impl Fn(&Path, &str) -> Result<T, Complaints>,
) -> Result<Option<T>, Problem> {
    let file = folder.join(name);
    let Some(text) = text(&file)? else { return Ok(None) };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    parse(&file, text).map(Some).map_err(Problem::Complaints)
}

fn lines(folder: &Path, name: &str) -> Result<Option<Vec<Line>>, Problem> {
    let file = folder.join(name);
    let Some(text) = text(&file)? else { return Ok(None) };
    expected::read(&file, &text).map(Some)
}

fn text(file: &Path) -> Result<Option<String>, Problem> {
    let unreadable = |message: String| Problem::Unreadable { file: file.to_owned(), message };
    match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
        Ok(metadata) if metadata.len() > MOST_BYTES => {
            return Err(unreadable(format!("it is larger than {} MiB; a case is small", MOST_BYTES >> 20)));
        }
        Ok(_) => {}
    }
    fs::read_to_string(file).map(Some).map_err(|error| unreadable(error.to_string()))
}
