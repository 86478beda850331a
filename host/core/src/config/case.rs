//! The files of a case, beside its rows: `case.toml`, `parameters.toml` and `expected-failure.toml`.

use std::path::Path;
use std::sync::Arc;

use regex::Regex;
use toml::de::{DeTable, DeValue};

use super::columns;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::limits;
use super::location::ConfigLocation;
use super::parameters::{self, Parameters};
use super::parse_context::ParseContext;
use super::table::Table;
use crate::data_type::DataType;
use crate::failure::FailureKind;
use crate::limits::LimitSettings;

/// A file of TOML that was read, and what is complained of in it.
#[derive(Debug, Clone)]
pub(crate) struct Document<T> {
    /// The file.
    pub(crate) file: Arc<Path>,
    /// Its text.
    pub(crate) text: Arc<str>,
    /// What it says.
    pub(crate) value: T,
}

impl<T> Document<T> {
    /// A complaint about this file.
    pub(crate) fn diagnostics(&self, diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics::new(&*self.file, Arc::clone(&self.text), vec![diagnostic])
    }
}

/// `case.toml`: how a case is run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CaseTable {
    /// The limits of the case; the others are the defaults.
    pub(crate) limits: LimitSettings,
    /// The columns of the input; empty to find them by looking at the rows.
    pub(crate) columns: Vec<(String, DataType)>,
    /// What is checked beside the output.
    pub(crate) checks: Checks,
}

/// What is checked of a case beside its output. All is checked by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Checks {
    /// The rows come in batches of one: the output is the same.
    pub(crate) single_rows: bool,
    /// The rows come in batches of random sizes: the output is the same.
    pub(crate) random_batches: bool,
    /// The case is run a second time: the output has the same bytes.
    pub(crate) determinism: bool,
}

impl Default for Checks {
    fn default() -> Self {
        Self { single_rows: true, random_batches: true, determinism: true }
    }
}

/// `expected-failure.toml`: how a case is to fail.
#[derive(Debug, Clone)]
pub(crate) struct ExpectedFailure {
    /// The kind of failure.
    pub(crate) kind: FailureKind,
    /// What is found in the message.
    pub(crate) message: Option<Regex>,
    /// The row at fault, from 1.
    pub(crate) row: Option<u64>,
}

impl CaseTable {
    /// Reads `case.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Document<Self>, Diagnostics> {
        parse(file, text, |table, context| {
            let limits = limits::read(table, "[limits]", ConfigLocation::File, context).value;
            let columns = columns::read(table, context).map(|columns| columns.value).unwrap_or_default();
            let columns = columns.into_iter().map(|column| (column.name.value, column.data_type.value)).collect();
            let checks = read_checks(table, context);
            Some(Self { limits, columns, checks })
        })
    }
}

impl ExpectedFailure {
    /// Reads `expected-failure.toml`.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn parse(file: &Path, text: &str) -> Result<Document<Self>, Diagnostics> {
        parse(file, text, |table, context| {
            let none = Diagnostic::new(ConfigLocation::File, "there is no `kind`")
                .help("add a line such as `kind = \"guest-error\"`: the kind of failure that is expected");
            // A case that was interrupted, or in which Stillbox itself is at fault, has told nothing of the step.
            let step_kinds = FailureKind::ALL
                .into_iter()
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

/// Reads `parameters.toml`: the parameters, without a table around them.
///
/// # Errors
/// What is not TOML, or has no form in JSON.
pub(crate) fn parse_parameters(file: &Path, text: &str) -> Result<Document<Parameters>, Diagnostics> {
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

fn parse<T>(
    file: &Path,
    text: &str,
    read: impl FnOnce(&mut Table<'_>, &mut ParseContext<'_>) -> Option<T>,
) -> Result<Document<T>, Diagnostics> {
    let text: Arc<str> = text.into();
    let (document, errors) = DeTable::parse_recoverable(&text);
    let mut context = ParseContext::new(&text, Path::new(""), &errors);
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
