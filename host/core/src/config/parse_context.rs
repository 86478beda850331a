//! Collects complaints while the file is read.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use toml::de::Error as SyntaxError;

use super::diagnostic::Diagnostic;
use super::line_index::LineIndex;
use super::location::{ConfigLocation, Located};
use crate::text::truncate;

/// What is gathered while one file is read; lives as long as the reading.
pub(super) struct ParseContext<'a> {
    /// The folder that relative paths start from: the pipeline file's.
    pub(super) base: &'a Path,
    diagnostics: Vec<Diagnostic>,
    lines: LineIndex<'a>,
    recovered: bool,
    /// The lines with syntax errors. What was recovered from them is a guess.
    broken: BTreeSet<usize>,
    /// The names of sources, steps and sinks, each with the line it is on.
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
            // The parser stumbles on over the rest of a line; the first mistake on it is the one to mend.
            if let ConfigLocation::Span(span) = &diagnostic.location {
                let line = context.lines.line(span.start);
                let last_line = context.lines.line(span.end);
                let told = !context.broken.insert(line);
                context.broken.insert(last_line);
                if told {
                    continue;
                }
            }
            context.diagnostics.push(diagnostic);
        }
        context
    }

    /// Keeps a complaint, unless it is about a line that TOML itself could not read.
    pub(super) fn push(&mut self, diagnostic: Diagnostic) {
        if let ConfigLocation::Span(span) = &diagnostic.location {
            let lines = self.lines.line(span.start)..=self.lines.line(span.end);
            if self.broken.range(lines).next().is_some() {
                return;
            }
        }
        self.diagnostics.push(diagnostic);
    }

    /// Whether there were syntax errors, so that keys may be missing, or stand in the wrong table.
    pub(super) fn recovered(&self) -> bool {
        self.recovered
    }

    /// Takes a name for a source, step or sink, or complains that another one has it.
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
    // Errors that name no location, such as too deep a nesting of keys, are about the file.
    let Some(span) = error.span() else {
        return Diagnostic::new(ConfigLocation::File, format!("not valid TOML: {}", error.message()));
    };
    let span = within(text, span);
    let written = &text[span.clone()];
    let location = ConfigLocation::Span(span.clone());
    match error.message() {
        "duplicate key" => Diagnostic::new(location, format!("`{}` is given twice", shortened(written)))
            .help("keep one of the two; another step, source or sink begins with a [[step]], [[source]] or [[sink]] of its own"),
        // What the parser says of a bare word is how it would have read something else.
        message if message.starts_with("string values must be quoted") || message.starts_with("invalid boolean") => {
            match bare_word(&text[span.start..]) {
                "" => Diagnostic::new(location, "not valid TOML: there is no value here").label("a value is missing"),
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

/// What stands at the beginning of a text, up to white space or a mark that ends a value.
fn bare_word(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}' | '#' | '='));
    &text[..end.unwrap_or(text.len())]
}

/// The span, cut down to the text and to whole characters.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.ceil_char_boundary(span.end).max(start)
}

/// A text short enough for a message: the first characters, and `…` where something was cut.
pub(super) fn shortened(text: &str) -> String {
    /// Enough for any name that is meant, and less than a line of a terminal.
    const MAX_CHARACTERS: usize = 60;
    truncate(text, MAX_CHARACTERS).into_owned()
}
