//! Finds what to remove.

use oxc_ast::ast::{
    AccessorProperty, ArrowFunctionExpression, Class, ClassElement, Declaration, Decorator, ExportSpecifier,
    FormalParameter, ImportDeclaration, ImportDeclarationSpecifier, ImportSpecifier, MethodDefinition, Program,
    PropertyDefinition, PropertyKey, Statement, TSAsExpression, TSNonNullExpression, TSSatisfiesExpression,
    TSThisParameter, TSTypeAnnotation, TSTypeAssertion, TSTypeParameterDeclaration, TSTypeParameterInstantiation,
    VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan as _, Span};

use super::edits::Edits;
use super::types;

/// Something that is not a type.
pub(super) struct Unsupported {
    pub(super) span: Span,
    pub(super) message: &'static str,
}

const ENUM: &str = "an `enum` is not a type that can be removed: use an object with `as const`, or a union of texts";
const NAMESPACE: &str = "a `namespace` is not a type that can be removed: use a module";
const IMPORT: &str = "`import … = require(…)` is not supported: use `import … from`";
const EXPORT: &str = "`export =` is not supported: use `export default`";
const PROPERTY: &str =
    "a parameter that is a property is not a type that can be removed: declare the property, and assign it";
const ASSERTION: &str = "`<T>value` is not supported: write `value as T`";
const DECORATOR: &str = "decorators are not supported";

/// The modifiers of a member of a class that are not JavaScript.
const MODIFIERS: [&str; 7] = ["public", "private", "protected", "readonly", "override", "abstract", "declare"];

/// Returns the text without types.
///
/// # Errors
/// The program has syntax that is more than a type.
pub(super) fn strip(source: &str, program: &Program<'_>) -> Result<String, Unsupported> {
    let mut stripper = Stripper { source, edits: Edits::default(), unsupported: None };
    stripper.visit_program(program);
    match stripper.unsupported {
        Some(unsupported) => Err(unsupported),
        None => Ok(stripper.edits.apply(source)),
    }
}

struct Stripper<'s> {
    source: &'s str,
    edits: Edits,
    unsupported: Option<Unsupported>,
}

fn has_line_end(text: &str) -> bool {
    text.contains(['\n', '\r', '\u{2028}', '\u{2029}'])
}

impl Stripper<'_> {
    fn reject(&mut self, span: Span, message: &'static str) {
        self.unsupported.get_or_insert(Unsupported { span, message });
    }

    fn text(&self, start: u32, end: u32) -> &str {
        self.source.get(start as usize..end as usize).unwrap_or_default()
    }

    /// The place of the next character that is neither white space nor in a comment.
    fn next(&self, from: u32) -> u32 {
        let mut rest = self.source.get(from as usize..).unwrap_or_default();
        loop {
            let trimmed = rest.trim_start();
            rest = if let Some(comment) = trimmed.strip_prefix("//") {
                comment.find('\n').map_or("", |end| &comment[end..])
            } else if let Some(comment) = trimmed.strip_prefix("/*") {
                comment.find("*/").map_or("", |end| &comment[end + 2..])
            } else {
                return (self.source.len() - trimmed.len()) as u32;
            };
        }
    }

    fn character(&self, at: u32) -> Option<char> {
        self.source.get(at as usize..)?.chars().next()
    }

    /// Removes the character after a place, if it is this one.
    fn blank_next(&mut self, from: u32, wanted: char) {
        let at = self.next(from);
        if self.character(at) == Some(wanted) {
            self.edits.blank(at, at + wanted.len_utf8() as u32);
        }
    }

    /// Removes a part of a list, and the comma after it.
    fn blank_listed(&mut self, span: Span) {
        let at = self.next(span.end);
        let end = if self.character(at) == Some(',') { at + 1 } else { span.end };
        self.edits.blank(span.start, end);
    }

    /// Removes ` as T`. What follows on the next line must not continue the expression.
    fn blank_suffix(&mut self, from: u32, end: u32) {
        let next = self.next(end);
        if has_line_end(self.text(end, next)) && matches!(self.character(next), Some('(' | '[' | '`')) {
            self.edits.blank_with_semicolon(from, end);
        } else {
            self.edits.blank(from, end);
        }
    }

    /// Removes the modifiers before the key of a member of a class.
    fn blank_modifiers(&mut self, start: u32, key: u32) {
        let mut at = self.next(start);
        while at < key {
            let text = self.text(at, key);
            let length = text.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(text.len()).max(1) as u32;
            if MODIFIERS.contains(&&text[..length as usize]) {
                // The element must not continue the one before it.
                if at == start {
                    self.edits.blank_with_semicolon(at, at + length);
                } else {
                    self.edits.blank(at, at + length);
                }
            }
            at = self.next(at + length);
        }
    }

    /// Removes modifiers before, and `?` or `!` after the key of a member.
    fn member(
        &mut self,
        span: Span,
        decorators: &[Decorator<'_>],
        key: &PropertyKey<'_>,
        computed: bool,
        has_mark: bool,
    ) {
        let start = decorators.last().map_or(span.start, |last| self.next(last.span.end));
        self.blank_modifiers(start, key.span().start);
        if has_mark {
            let after = if computed { self.next(key.span().end) + 1 } else { key.span().end };
            self.blank_next(after, '?');
            self.blank_next(after, '!');
        }
    }

    /// Reports syntax that is neither JavaScript nor a type.
    fn check_declaration(&mut self, declaration: &Declaration<'_>) {
        match declaration {
            Declaration::TSEnumDeclaration(one) => self.reject(one.span, ENUM),
            Declaration::TSNamespaceDeclaration(one) => self.reject(one.span, NAMESPACE),
            Declaration::TSImportEqualsDeclaration(one) => self.reject(one.span, IMPORT),
            _ => {}
        }
    }
}

impl<'a> Visit<'a> for Stripper<'_> {
    fn visit_statement(&mut self, it: &Statement<'a>) {
        if types::is_type(it) {
            // What follows must not continue the statement before it.
            self.edits.blank_with_semicolon(it.span().start, it.span().end);
            return;
        }
        match it {
            Statement::ExportDeclaration(export) => self.check_declaration(&export.declaration),
            Statement::TSExportAssignment(export) => self.reject(export.span, EXPORT),
            other => other.as_declaration().into_iter().for_each(|declaration| self.check_declaration(declaration)),
        }
        if self.unsupported.is_none() {
            walk::walk_statement(self, it);
        }
    }

    fn visit_export_specifier(&mut self, it: &ExportSpecifier<'a>) {
        if it.export_kind.is_type() {
            self.blank_listed(it.span);
        }
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        for specifier in it.specifiers.iter().flatten() {
            if let ImportDeclarationSpecifier::ImportSpecifier(specifier) = specifier {
                self.visit_import_specifier(specifier);
            }
        }
    }

    fn visit_import_specifier(&mut self, it: &ImportSpecifier<'a>) {
        if it.import_kind.is_type() {
            self.blank_listed(it.span);
        }
    }

    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        self.edits.blank(it.span.start, it.span.end);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.edits.blank(it.span.start, it.span.end);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.edits.blank(it.span.start, it.span.end);
    }

    fn visit_ts_this_parameter(&mut self, it: &TSThisParameter<'a>) {
        self.blank_listed(it.span);
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.blank_suffix(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.blank_suffix(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.edits.blank(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        self.reject(it.span, ASSERTION);
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.reject(it.span, DECORATOR);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.blank_next(it.id.span().end, '!');
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        if it.accessibility.is_some() || it.readonly || it.r#override {
            self.reject(it.span, PROPERTY);
        }
        if it.optional {
            self.blank_next(it.pattern.span().end, '?');
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        let params = it.params.span;
        // No line may end between `return` or `async` and the parameters.
        if let Some(generics) = &it.type_parameters
            && has_line_end(self.text(generics.span.start, params.start))
        {
            self.edits.blank_with_start(generics.span.start, generics.span.end, '(');
            self.edits.blank(params.start, params.start + 1);
        }
        // No line may end before `=>`.
        if let Some(returned) = &it.return_type
            && has_line_end(self.text(params.end, returned.span.end))
        {
            self.edits.blank(params.end - 1, params.end);
            self.edits.blank_with_end(returned.span.start, returned.span.end, ')');
        }
        walk::walk_arrow_function_expression(self, it);
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        if it.r#abstract {
            let start = it.decorators.last().map_or(it.span.start, |last| self.next(last.span.end));
            let start = start + self.text(start, it.body.span.start).find("abstract").unwrap_or_default() as u32;
            self.edits.blank(start, start + "abstract".len() as u32);
        }
        if let (Some(first), Some(last)) = (it.implements.first(), it.implements.last()) {
            let before = self.text(it.span.start, first.span.start).rfind("implements");
            self.edits.blank(it.span.start + before.unwrap_or_default() as u32, last.span.end);
        }
        walk::walk_class(self, it);
    }

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        if types::is_type_element(it) {
            self.edits.blank_with_semicolon(it.span().start, it.span().end);
        } else {
            walk::walk_class_element(self, it);
        }
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        self.member(it.span, &it.decorators, &it.key, it.computed, it.optional);
        walk::walk_method_definition(self, it);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        let key = it.key.span();
        // Without its type, the field would be a modifier of the next element.
        if it.value.is_none() && !it.computed && matches!(self.text(key.start, key.end), "get" | "set" | "static") {
            let mark = self.next(key.end);
            match &it.type_annotation {
                Some(wanted) if wanted.span.start == mark => self.edits.blank_with_semicolon(mark, wanted.span.end),
                _ if it.optional || it.definite => self.edits.blank_with_semicolon(mark, mark + 1),
                _ => {}
            }
        }
        self.member(it.span, &it.decorators, &it.key, it.computed, it.optional || it.definite);
        walk::walk_property_definition(self, it);
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        self.member(it.span, &it.decorators, &it.key, it.computed, it.definite);
        walk::walk_accessor_property(self, it);
    }
}
