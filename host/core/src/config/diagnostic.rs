//! What is wrong with a pipeline file, all of it at once.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::line_index::LineIndex;
use super::location::ConfigLocation;
use crate::failure::Failure;
use crate::text::escape_controls;

/// How many complaints are kept. Whoever gets this many mends the first ones and runs again; the bound keeps a file
/// that is something else altogether from flooding the terminal.
const MAX_DIAGNOSTICS: usize = 100;

/// One thing that is wrong with a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// Where it was written.
    pub location: ConfigLocation,
    /// What is wrong, in one sentence without a full stop, with control characters escaped.
    pub message: String,
    /// A few words for the marked text, such as "expected an integer".
    pub label: Option<String>,
    /// What to do about it, one sentence each.
    pub help: Vec<String>,
    /// The record, where a component is at fault.
    pub failure: Option<Box<Failure>>,
}

impl Diagnostic {
    /// A complaint about what was written at `location`. Control characters in the message are escaped.
    pub fn new(location: ConfigLocation, message: impl AsRef<str>) -> Self {
        let message = escape_controls(message.as_ref()).into_owned();
        Self { location, message, label: None, help: Vec::new(), failure: None }
    }

    /// Adds the record of what happened.
    #[must_use]
    pub(crate) fn failure(mut self, failure: Failure) -> Self {
        self.failure = Some(Box::new(failure));
        self
    }

    /// Adds the words that stand at the marked text. Control characters are escaped.
    #[must_use]
    pub fn label(mut self, label: impl AsRef<str>) -> Self {
        self.label = Some(escape_controls(label.as_ref()).into_owned());
        self
    }

    /// Adds a sentence that says what to do. Control characters are escaped.
    #[must_use]
    pub fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help.push(escape_controls(help.as_ref()).into_owned());
        self
    }
}

/// Everything that is wrong with one pipeline: at least one complaint, ordered by location.
///
/// `Display` writes a line for each: `file:line:column: message (help)`. Lines and columns count from 1, columns in
/// characters.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    /// The pipeline file.
    pub file: PathBuf,
    /// Its text, which the locations refer to.
    pub text: Arc<str>,
    /// The complaints.
    pub list: Vec<Diagnostic>,
    /// How many more there are than are listed.
    pub omitted: usize,
}

impl Diagnostics {
    /// Orders complaints by location, drops repetitions and keeps the first hundred.
    pub fn new(file: impl Into<PathBuf>, text: Arc<str>, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|diagnostic| diagnostic.location.order());
        // The parser says the same of one location several times where brackets are nested.
        list.dedup();
        let omitted = list.len().saturating_sub(MAX_DIAGNOSTICS);
        list.truncate(MAX_DIAGNOSTICS);
        Self { file: file.into(), text, list, omitted }
    }

    /// The line and the column at which a span of the text begins, and those behind its end. All count from 1, columns in
    /// characters; what lies behind the text is its end.
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
            write_help(f, &diagnostic.help)?;
        }
        if self.omitted > 0 {
            write!(f, "\nand {} more", self.omitted)?;
        }
        Ok(())
    }
}

/// Writes the help in parentheses: sentences with a semicolon between them, but for those that end in a question mark.
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
