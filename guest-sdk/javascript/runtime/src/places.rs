//! Places in modules that the engine does not know, found by another parser.

use oxc_allocator::Allocator;
use oxc_ast::ast::{Expression, IdentifierReference, UnaryExpression};
use oxc_ast_visit::{Visit, walk};
use oxc_span::SourceType;
use oxc_syntax::operator::UnaryOperator;

use crate::typescript::{MAX_DEPTH, Mistake, first_too_deep, parse};

/// A line and a column, both from 1.
pub(crate) type Place = (u32, u32);

/// Returns the first mistake in the syntax of a module, if this parser finds one.
pub(crate) fn syntax_mistake(source: &str) -> Option<Mistake> {
    if first_too_deep(source, MAX_DEPTH).is_some() {
        return None;
    }
    parse(&Allocator::default(), source, SourceType::mjs()).err()
}

/// Returns the place of the first use of a variable from another place on.
pub(crate) fn use_of(source: &str, is_typescript: bool, name: &str, (line, column): Place) -> Option<Place> {
    if first_too_deep(source, MAX_DEPTH).is_some() {
        return None;
    }
    let allocator = Allocator::default();
    let source_type = if is_typescript { SourceType::ts() } else { SourceType::mjs() };
    let program = parse(&allocator, source, source_type).ok()?;
    let mut search = Search { name, from: offset(source, line, column)?, found: None };
    search.visit_program(&program);
    let place = Mistake::new(source, search.found? as usize, String::new());
    Some((place.line as u32, place.column as u32))
}

/// Returns the byte at a line and a column.
fn offset(source: &str, line: u32, column: u32) -> Option<u32> {
    let text = source.split_inclusive('\n').nth(line.checked_sub(1)? as usize)?;
    let start = text.as_ptr() as usize - source.as_ptr() as usize;
    let within: usize = text.chars().take(column.saturating_sub(1) as usize).map(char::len_utf8).sum();
    u32::try_from(start + within).ok()
}

struct Search<'n> {
    name: &'n str,
    from: u32,
    found: Option<u32>,
}

impl<'a> Visit<'a> for Search<'_> {
    fn visit_identifier_reference(&mut self, used: &IdentifierReference<'a>) {
        let start = used.span.start;
        if used.name == self.name && start >= self.from && self.found.is_none_or(|found| start < found) {
            self.found = Some(start);
        }
    }

    fn visit_unary_expression(&mut self, expression: &UnaryExpression<'a>) {
        // `typeof` of a variable that does not exist is no error.
        let is_typeof = expression.operator == UnaryOperator::Typeof;
        if !(is_typeof && matches!(expression.argument, Expression::Identifier(_))) {
            walk::walk_unary_expression(self, expression);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_use_of_a_variable_after_a_place_is_found() {
        let source = "const a = missing; // missing\n\"é\"; (row) => {\n  const text = 'missing', b = row.missing, c = typeof missing;\n  return b + missing(text);\n};";
        assert_eq!(use_of(source, false, "missing", (1, 1)), Some((1, 11)));
        assert_eq!(use_of(source, false, "missing", (2, 6)), Some((4, 14)));
        assert_eq!(use_of(source, true, "missing", (4, 14)), Some((4, 14)));
        assert_eq!(use_of(source, false, "missing", (4, 15)), None);
        assert_eq!(use_of(source, false, "missing", (9, 1)), None);
        assert_eq!(use_of("const = 1; missing", false, "missing", (1, 1)), None);
    }

    #[test]
    fn a_mistake_has_its_line() {
        let place = |source: &str| syntax_mistake(source).map(|mistake| (mistake.line, mistake.column));
        assert_eq!(place("export default 1;"), None);
        assert_eq!(place("const a = 1;\nconst b = 'open;\nconst c = 1;").map(|(line, _)| line), Some(2));
        assert!(place("export default (\n  1,\n").is_some_and(|(line, _)| line > 1));
    }
}
