//! Removes the types of TypeScript from a module. Everything else stays at its line and column, so no source map is needed.
//!
//! As in Node, only types can be removed: `enum`, a `namespace` with more than types, and parameters that are properties are errors,
//! since they mean code. If the code without types would mean something else, that is an error, too.

mod brackets;
mod edits;
mod outline;
mod strip;
#[cfg(test)]
mod tests;
mod types;

use oxc_allocator::Allocator;
use oxc_ast::ast::Program;
use oxc_parser::Parser;
use oxc_span::SourceType;

pub(crate) use brackets::first_too_deep;
use strip::strip;

/// A mistake in a module.
#[derive(Debug)]
pub(crate) struct Mistake {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column, from 1.
    pub(crate) column: usize,
    pub(crate) message: String,
}

/// The most brackets within each other. The parser calls itself a dozen times for each.
pub(crate) const MAX_DEPTH: usize = 100;

const DIFFERENCE: &str = "without its types, the code would mean something else: put the expression in parentheses, or end the statement \
                          before it with a semicolon";

/// Returns a module without types.
///
/// # Errors
/// The module is not TypeScript, has syntax that is more than a type, or would mean something else without types.
pub(crate) fn without_types(source: &str) -> Result<String, Mistake> {
    if let Some(at) = first_too_deep(source, MAX_DEPTH) {
        return Err(Mistake::new(source, at, format!("more than {MAX_DEPTH} brackets within each other")));
    }
    let allocator = Allocator::default();
    let program = parse(&allocator, source, SourceType::ts())?;
    let stripped = strip(source, &program)
        .map_err(|found| Mistake::new(source, found.span.start as usize, found.message.to_owned()))?;
    let difference = match parse(&allocator, &stripped, SourceType::mjs()) {
        Ok(without) => outline::first_difference(&program, &without),
        Err(mistake) => return Err(Mistake { message: format!("{DIFFERENCE} ({})", mistake.message), ..mistake }),
    };
    match difference {
        Some(at) => Err(Mistake::new(source, at as usize, DIFFERENCE.to_owned())),
        None => Ok(stripped),
    }
}

/// Parses a module.
///
/// # Errors
/// Its first mistake in syntax.
pub(crate) fn parse<'a>(
    allocator: &'a Allocator,
    source: &'a str,
    source_type: SourceType,
) -> Result<Program<'a>, Mistake> {
    let parsed = Parser::new(allocator, source, source_type).parse();
    match parsed.diagnostics.first() {
        None => Ok(parsed.program),
        Some(error) => {
            let at = error.labels.first().map_or(0, |label| label.offset() as usize);
            Err(Mistake::new(source, at, error.message.to_string()))
        }
    }
}

impl Mistake {
    /// Creates a mistake at a place in bytes.
    pub(crate) fn new(source: &str, at: usize, message: String) -> Self {
        let before = &source[..source.floor_char_boundary(at)];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        Self { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1, message }
    }
}
