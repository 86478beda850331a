//! Collects complaints while the file is read.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;

use toml::de::Error as SyntaxError;

use super::complaint::Complaint;
use super::place::{Place, Placed};
use super::position::Lines;

/// What is gathered while one file is read; lives as long as the reading.
pub(super) struct Check<'a> {
    /// The folder that relative paths start from: the pipeline file's.
    pub(super) base: &'a Path,
    complaints: Vec<Complaint>,
    lines: Lines<'a>,
    /// Whether there were syntax errors, so that what was written may not have been read.
    recovered: bool,
    /// The lines with syntax errors. What was recovered from them is a guess.
    broken: HashSet<usize>,
    /// The names of sources, steps and sinks, each with the line it is on.
    names: HashMap<String, usize>,
}

impl<'a> Check<'a> {
    pub(super) fn new(text: &'a str, base: &'a Path, errors: &[SyntaxError]) -> Self {
        let mut check = Self {
            base,
            complaints: Vec::new(),
            recovered: !errors.is_empty(),
            lines: Lines::of(text),
            broken: HashSet::new(),
            names: HashMap::new(),
        };
        for error in errors {
            let complaint = syntax_complaint(text, error);
            if let Place::Span(span) = &complaint.place {
                check.broken.insert(check.lines.line(span.start));
                check.broken.insert(check.lines.line(span.end));
            }
            check.complaints.push(complaint);
        }
        check
    }

    /// Keeps a complaint, unless it is about a line that TOML itself could not read.
    pub(super) fn push(&mut self, complaint: Complaint) {
        if let Place::Span(span) = &complaint.place
            && self.broken.contains(&self.lines.line(span.start))
        {
            return;
        }
        self.complaints.push(complaint);
    }

    /// Keeps a complaint about something that is not there, unless a syntax error may have swallowed it.
    pub(super) fn push_missing(&mut self, complaint: Complaint) {
        if !self.recovered {
            self.complaints.push(complaint);
        }
    }

    /// Takes a name for a source, step or sink, or complains that another one has it.
    pub(super) fn claim_name(&mut self, name: &Placed<String>) {
        let line = match &name.place {
            Place::Span(span) => self.lines.line(span.start) + 1,
            Place::File | Place::Argument(_) => return,
        };
        if let Some(first) = self.names.get(&name.value) {
            let message = format!("the name \"{}\" is taken by line {first}", shortened(name));
            self.push(
                Complaint::new(name.place.clone(), message)
                    .label("taken")
                    .help("every source, step and sink needs a name of its own"),
            );
        } else {
            self.names.insert(name.value.clone(), line);
        }
    }

    pub(super) fn into_complaints(self) -> Vec<Complaint> {
        self.complaints
    }
}

fn syntax_complaint(text: &str, error: &SyntaxError) -> Complaint {
    // Errors that name no place, such as too deep a nesting of keys, are about the file.
    let Some(span) = error.span() else {
        return Complaint::new(Place::File, format!("not valid TOML: {}", error.message()));
    };
    let span = within(text, span);
    let complaint = match (error.message(), text.get(span.clone())) {
        ("duplicate key", Some(key)) if !key.is_empty() => {
            Complaint::new(Place::Span(span), format!("`{}` is given twice", shortened(key))).help(
                "keep one of the two; a step, source or sink of its own begins with [[step]], [[source]] or [[sink]]",
            )
        }
        (message, _) => Complaint::new(Place::Span(span), format!("not valid TOML: {message}")),
    };
    complaint
}

/// The span, cut down to the text and to whole characters.
fn within(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start);
    start..text.ceil_char_boundary(span.end).max(start)
}

/// A text short enough for a message: the first characters, and `…` where something was cut.
pub(super) fn shortened(text: &str) -> String {
    /// Enough for any name that is meant, and less than a line of a terminal.
    const MOST_CHARACTERS: usize = 60;
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
