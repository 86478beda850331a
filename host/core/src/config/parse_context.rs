//! The state of parsing one file: diagnostics and names.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use toml::de::Error as SyntaxError;

use super::diagnostic::Diagnostic;
use super::line_index::LineIndex;
use super::location::{ConfigLocation, Located};
use crate::text::truncate;

/// The diagnostics and names collected while one file is parsed. Lives until parsing ends.
pub(super) struct ParseContext<'a> {
    /// The folder of the pipeline file, from which relative paths start.
    pub(super) base: &'a Path,
    diagnostics: Vec<Diagnostic>,
    lines: LineIndex<'a>,
    recovered: bool,
    /// Indexes of the lines with syntax errors. Values recovered from them are guesses.
    broken: BTreeSet<usize>,
    /// The names of sources, steps and sinks, each with the number of its line.
    names: HashMap<String, usize>,
}

impl<'a> ParseContext<'a> {
    pub(super) fn new(text: &'a str, base: &'a Path, errors: &[SyntaxError]) -> Self {
        let mut context = Self {
            base,
            diagnostics: Vec::new(),
            recovered: !errors.is_empty(),
            lines: LineIndex::new(text),
            broken: BTreeSet::new(),
            names: HashMap::new(),
        };
        let mut syntax: Vec<Diagnostic> = errors.iter().map(|error| syntax_diagnostic(text, error)).collect();
        syntax.sort_by_key(|diagnostic| diagnostic.location.order());
        for diagnostic in syntax {
            // After an error the parser often reports more on the same line. The first one is the one to fix.
            if let ConfigLocation::Span(span) = &diagnostic.location {
                let line = context.lines.line(span.start);
                let last_line = context.lines.line(span.end);
                let is_reported = !context.broken.insert(line);
                context.broken.insert(last_line);
                if is_reported {
                    continue;
                }
            }
            context.diagnostics.push(diagnostic);
        }
        context
    }

    /// Adds a diagnostic, unless it is about a line with a syntax error.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if let ConfigLocation::Span(span) = &diagnostic.location {
            let lines = self.lines.line(span.start)..=self.lines.line(span.end);
            if self.broken.range(lines).next().is_some() {
                return;
            }
        }
        self.diagnostics.push(diagnostic);
    }

    /// Whether there were syntax errors, so that keys may be missing or in the wrong table.
    pub(super) fn recovered(&self) -> bool {
        self.recovered
    }

    /// Registers the name of a source, step or sink. Reports a diagnostic if it is taken.
    pub(super) fn claim_name(&mut self, name: &Located<String>) {
        let line = match &name.location {
            ConfigLocation::Span(span) => self.lines.line(span.start) + 1,
            ConfigLocation::File | ConfigLocation::Argument(_) => return,
        };
        if let Some(first) = self.names.get(&name.value) {
            let message = format!("the name \"{}\" is already used on line {first}", shortened(name));
            self.push(
                Diagnostic::new(name.location.clone(), message)
                    .label("already used")
                    .help("every source, step and sink needs a name of its own"),
            );
        } else {
            self.names.insert(name.value.clone(), line);
        }
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}

fn syntax_diagnostic(text: &str, error: &SyntaxError) -> Diagnostic {
    // Errors without a location, such as too deeply nested keys, are about the file as a whole.
    let Some(span) = error.span() else {
        return Diagnostic::new(ConfigLocation::File, format!("not valid TOML: {}", error.message()));
    };
    let span = within(text, span);
    let written = &text[span.clone()];
    let location = ConfigLocation::Span(span.clone());
    match error.message() {
        "duplicate key" => Diagnostic::new(location, format!("`{}` is given twice", shortened(written))).help(
            "remove one of the two; every source, step and sink starts with its own [[source]], [[step]] or [[sink]]",
        ),
        // The parser's message about a bare word is misleading: it describes the value that it tried to parse.
        message if message.starts_with("string values must be quoted") || message.starts_with("invalid boolean") => {
            match bare_word(&text[span.start..]) {
                "" => Diagnostic::new(location, "not valid TOML: a value is missing").label("a value is missing"),
                word => {
                    let location = ConfigLocation::Span(span.start..span.start + word.len());
                    Diagnostic::new(location, format!("not valid TOML: `{}` is not a value", shortened(word)))
                        .label("not a value")
                        .help("put text in quotes")
                }
            }
        }
        message => Diagnostic::new(location, format!("not valid TOML: {message}")),
    }
}

/// The start of a text up to white space or a character that ends a value.
fn bare_word(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}' | '#' | '='));
    &text[..end.unwrap_or(text.len())]
}

/// The span, clipped to the text and to character boundaries.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.ceil_char_boundary(span.end).max(start)
}

/// Shortens a text for a message: its first 60 characters, followed by `…` if there are more.
pub(super) fn shortened(text: &str) -> String {
    /// Enough for any sensible name, and less than a line of a terminal.
    const MAX_CHARACTERS: usize = 60;
    truncate(text, MAX_CHARACTERS).into_owned()
}
