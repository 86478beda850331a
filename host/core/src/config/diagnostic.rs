//! Diagnostics: the problems of a pipeline file, reported together.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::line_index::LineIndex;
use super::location::ConfigLocation;
use crate::failure::Failure;
use crate::text::{causes, escape_controls, mark_lines};

/// The maximum number of diagnostics in a report. The limit keeps a file that is not a pipeline file from flooding the
/// terminal; a user with this many problems fixes the first ones and runs the command again.
const MAX_DIAGNOSTICS: usize = 100;

/// One problem of a pipeline.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The location of the problem.
    pub location: ConfigLocation,
    /// The problem in one sentence without a full stop, with control characters escaped.
    pub message: String,
    /// The causes, the nearest first. They are not part of the message.
    pub causes: Vec<String>,
    /// A short label for the marked text, such as "expected an integer".
    pub label: Option<Box<str>>,
    /// Ways to fix it, one sentence each.
    pub help: Vec<String>,
    /// The failure record, if a component caused the problem.
    pub failure: Option<Box<Failure>>,
}

impl Diagnostic {
    /// Creates a diagnostic about the text at `location`. Escapes control characters in the message.
    pub fn new(location: ConfigLocation, message: impl AsRef<str>) -> Self {
        let message = escape_controls(message.as_ref()).into_owned();
        Self { location, message, causes: Vec::new(), label: None, help: Vec::new(), failure: None }
    }

    /// Creates a diagnostic with the message and the causes of an error. The output of a tool, or the message of a step, keeps
    /// its lines.
    pub(crate) fn from_error(location: ConfigLocation, error: &dyn std::error::Error) -> Self {
        let message = mark_lines(&error.to_string()).into_owned();
        let causes = causes(error).map(|cause| escape_controls(&cause.to_string()).into_owned()).collect();
        Self { message, causes, ..Self::new(location, "") }
    }

    /// Adds causes, the nearest first. Escapes control characters.
    #[must_use]
    pub fn causes(mut self, causes: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.causes.extend(causes.into_iter().map(|cause| escape_controls(cause.as_ref()).into_owned()));
        self
    }

    /// Adds the failure record.
    #[must_use]
    pub(crate) fn failure(mut self, failure: Failure) -> Self {
        self.failure = Some(Box::new(failure));
        self
    }

    /// Adds a label for the marked text. Escapes control characters.
    #[must_use]
    pub fn label(mut self, label: impl AsRef<str>) -> Self {
        self.label = Some(escape_controls(label.as_ref()).into());
        self
    }

    /// Adds a sentence about how to fix the problem. Escapes control characters.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help.push(escape_controls(help.as_ref()).into_owned());
        self
    }
}

/// All problems of one pipeline: at least one diagnostic, ordered by location.
///
/// `Display` writes a line for each: `file:line:column: message: cause (help)`. Lines and columns count from 1, columns in
/// characters.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Diagnostics {
    /// The pipeline file.
    pub file: PathBuf,
    /// The text of the file, which the locations refer to.
    pub text: Arc<str>,
    /// The diagnostics.
    pub list: Vec<Diagnostic>,
    /// The number of further diagnostics that are not in the list.
    pub omitted: usize,
}

impl Diagnostics {
    /// Sorts diagnostics by location, removes duplicates and keeps the first 100.
    pub fn new(file: impl Into<PathBuf>, text: Arc<str>, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.location.order());
        // For nested brackets the parser reports the same error at the same location several times.
        list.dedup();
        let omitted = list.len().saturating_sub(MAX_DIAGNOSTICS);
        list.truncate(MAX_DIAGNOSTICS);
        Self { file: file.into(), text, list, omitted }
    }

    /// The line and column of the start of a span, and those of its end. Both count from 1, columns in characters.
    /// Offsets past the end of the text count as its end.
    pub fn position(&self, span: &Range<usize>) -> [(usize, usize); 2] {
        let lines = LineIndex::new(&self.text);
        [span.start, span.end.max(span.start)].map(|offset| lines.position(offset))
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display().to_string();
        let file = escape_controls(&file);
        let lines = LineIndex::new(&self.text);
        for (index, diagnostic) in self.list.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            match &diagnostic.location {
                ConfigLocation::File => write!(f, "{file}: ")?,
                ConfigLocation::Span(span) => {
                    let (line, column) = lines.position(span.start);
                    write!(f, "{file}:{line}:{column}: ")?;
                }
                ConfigLocation::Argument(argument) => write!(f, "{}: ", escape_controls(argument))?,
            }
            f.write_str(&diagnostic.message)?;
            for cause in &diagnostic.causes {
                write!(f, ": {cause}")?;
            }
            write_help(f, &diagnostic.help)?;
        }
        if self.omitted > 0 {
            write!(f, "\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

/// Writes the help in parentheses. Sentences are separated by a semicolon, except after a question mark.
fn write_help(f: &mut fmt::Formatter<'_>, help: &[String]) -> fmt::Result {
    for (index, sentence) in help.iter().enumerate() {
        let separator = match index.checked_sub(1).map(|before| help[before].ends_with('?')) {
            None => " (",
            Some(true) => " ",
            Some(false) => "; ",
        };
        write!(f, "{separator}{sentence}")?;
    }
    if help.is_empty() { Ok(()) } else { f.write_str(")") }
}

impl std::error::Error for Diagnostics {}
