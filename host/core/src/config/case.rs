//! The settings of a test case: `case.toml`, `parameters.toml` and `expected-failure.toml`.

use std::path::Path;
use std::sync::Arc;

use regex::Regex;
use toml::de::{DeTable, DeValue};

use super::allow;
use super::batch_rows::{self, MAX_BATCH_ROWS};
use super::columns;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::limits;
use super::location::ConfigLocation;
use super::parameters::{self, Parameters};
use super::parse_context::ParseContext;
use super::table::Table;
use crate::data_type::DataType;
use crate::failure::FailureKind;
use crate::grants::Grants;
use crate::limits::Limits;

/// A parsed TOML file with its text, for diagnostics about it.
#[derive(Debug, Clone)]
pub struct Document<T> {
    /// The path of the file.
    pub file: Arc<Path>,
    /// The text of the file.
    pub text: Arc<str>,
    /// The parsed content.
    pub value: T,
}

impl<T> Document<T> {
    /// Returns a diagnostic about this file.
    pub fn diagnostics(&self, diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics::new(&*self.file, Arc::clone(&self.text), vec![diagnostic])
    }
}

/// `case.toml`: the settings of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseTable {
    /// The limits of each instance. Limits that are not set have their defaults.
    pub limits: Limits,
    /// The most rows of a batch.
    pub batch_rows: usize,
    /// The columns of the input. Empty to infer them from the rows.
    pub columns: Vec<(String, DataType)>,
    /// The grants of the step. The library's recorded responses are not part of the file.
    pub grants: Grants,
    /// The checks to run in addition to the comparison of the output.
    pub checks: Checks,
}

/// Checks of a case in addition to the comparison of its output. By default all run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checks {
    /// In batches of one row the output is the same.
    pub single_rows: bool,
    /// In batches of random sizes the output is the same.
    pub random_batches: bool,
    /// A second run has the same output, byte by byte.
    pub determinism: bool,
}

impl Default for Checks {
    fn default() -> Self {
        Self { single_rows: true, random_batches: true, determinism: true }
    }
}

/// `expected-failure.toml`: the failure that a case expects.
#[derive(Debug, Clone)]
pub struct ExpectedFailure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// A regular expression that matches somewhere in the message.
    pub message: Option<Regex>,
    /// The number of the row that failed, from 1.
    pub row: Option<u64>,
}

impl Default for CaseTable {
    fn default() -> Self {
        let (limits, columns, grants) = (Limits::default(), Vec::new(), Grants::default());
        Self { limits, batch_rows: MAX_BATCH_ROWS, columns, grants, checks: Checks::default() }
    }
}

impl CaseTable {
    /// Parses `case.toml`.
    ///
    /// # Errors
    /// All problems in the text.
    pub fn parse(file: &Path, text: &str) -> Result<Document<Self>, Diagnostics> {
        parse(file, text, |table, context| {
            let limits = limits::read(table, "[limits]", ConfigLocation::File, context).value;
            let limits = Limits::default().with(&limits);
            let columns = columns::read(table, context).map(|columns| columns.value).unwrap_or_default();
            for column in columns.iter().filter(|column| column.nested.is_some()) {
                let message = format!("the column {:?} of a case has a nested type", column.name.value);
                let help = "declare it as \"json\", which is what a step reads";
                context.push(Diagnostic::new(column.data_type.location.clone(), message).help(help));
            }
            let columns = columns.into_iter().map(|column| (column.name.value, column.data_type.value)).collect();
            let grants = allow::read(table, context).grants();
            let batch_rows = batch_rows::read(table, context).map_or(MAX_BATCH_ROWS, |rows| rows.value);
            let checks = read_checks(table, context);
            Some(Self { limits, batch_rows, columns, grants, checks })
        })
    }
}

impl ExpectedFailure {
    /// Parses `expected-failure.toml`.
    ///
    /// # Errors
    /// All problems in the text.
    pub fn parse(file: &Path, text: &str) -> Result<Document<Self>, Diagnostics> {
        parse(file, text, |table, context| {
            let none = Diagnostic::new(ConfigLocation::File, "there is no `kind`")
                .help("add a line such as `kind = \"guest-error\"`: the kind of failure that is expected");
            // An interrupted case, or one that failed because of Stillbox itself, shows nothing about the step.
            let step_kinds = FailureKind::ALL
                .iter()
                .copied()
                .filter(|kind| !matches!(kind, FailureKind::Interrupted | FailureKind::Host));
            let kinds: Vec<_> = step_kinds.map(|kind| (kind.name(), kind)).collect();
            let kind = table.require_or("kind", none).and_then(|entry| entry.choice("failure kind", &kinds, context));
            let message = table.take("message").and_then(|entry| {
                let pattern = entry.string(context)?;
                match Regex::new(&pattern) {
                    Ok(regex) => Some(regex),
                    Err(error) => {
                        let message = format!("{} is not a regular expression", entry.name);
                        let help = error.to_string();
                        let help = help.lines().last().unwrap_or_default();
                        context.push(entry.diagnostic(message).help(help.strip_prefix("error: ").unwrap_or(help)));
                        None
                    }
                }
            });
            let row = table.take("row").and_then(|entry| entry.integer(1..=u64::from(u32::MAX), context));
            Some(Self { kind: kind?.value, message, row: row.map(|row| row.value) })
        })
    }
}

/// Parses `parameters.toml`, whose top-level keys are the parameters.
///
/// # Errors
/// Invalid TOML, and values that JSON cannot represent.
pub fn parse_parameters(file: &Path, text: &str) -> Result<Document<Parameters>, Diagnostics> {
    let text: Arc<str> = text.into();
    let (document, errors) = DeTable::parse_recoverable(&text);
    let mut context = ParseContext::new(&text, Path::new(""), &errors);
    let value = parameters::from_document(document.get_ref(), &mut context);
    finish(file, &text, Some(value), context)
}

fn read_checks(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Checks {
    let mut checks = Checks::default();
    let Some(entry) = table.take("checks") else { return checks };
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ single-rows = false }`", context);
        return checks;
    };
    let mut switches = Table::new("checks", entry.span, entries);
    for (key, switch) in [
        ("single-rows", &mut checks.single_rows),
        ("random-batches", &mut checks.random_batches),
        ("determinism", &mut checks.determinism),
    ] {
        let Some(entry) = switches.take(key) else { continue };
        match entry.value {
            DeValue::Boolean(on) => *switch = *on,
            _ => entry.wrong_type("true or false", context),
        }
    }
    switches.finish(context);
    checks
}

pub(super) fn parse<T>(
    file: &Path,
    text: &str,
    read: impl FnOnce(&mut Table<'_>, &mut ParseContext<'_>) -> Option<T>,
) -> Result<Document<T>, Diagnostics> {
    let text: Arc<str> = text.into();
    let (document, errors) = DeTable::parse_recoverable(&text);
    let base = file.parent().unwrap_or(Path::new(""));
    let mut context = ParseContext::new(&text, base, &errors);
    let mut table = Table::new("", 0..0, document.get_ref());
    let value = read(&mut table, &mut context);
    table.finish(&mut context);
    finish(file, &text, value, context)
}

fn finish<T>(
    file: &Path,
    text: &Arc<str>,
    value: Option<T>,
    context: ParseContext<'_>,
) -> Result<Document<T>, Diagnostics> {
    let diagnostics = context.into_diagnostics();
    match value {
        Some(value) if diagnostics.is_empty() => Ok(Document { file: file.into(), text: Arc::clone(text), value }),
        _ => Err(Diagnostics::new(file, Arc::clone(text), diagnostics)),
    }
}
