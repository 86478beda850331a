//! Removes the types of TypeScript from a module. Everything else stays at its line and column, so no source map is needed.
//!
//! As in Node, only types can be removed: `enum`, `namespace` with values, and parameters that are properties are errors, since they
//! mean code.

mod edits;
#[cfg(test)]
mod tests;

use oxc_allocator::Allocator;
use oxc_ast::ast::{
    AccessorProperty, ArrowFunctionExpression, Class, ClassElement, Declaration, Decorator, ExportDefaultDeclaration,
    ExportDefaultDeclarationKind, ExportSpecifier, FormalParameter, Function, FunctionType, ImportDeclaration,
    ImportDeclarationSpecifier, ImportSpecifier, MethodDefinition, MethodDefinitionType, Program, PropertyDefinition,
    PropertyDefinitionType, PropertyKey, Statement, TSAsExpression, TSIndexSignature, TSNonNullExpression,
    TSSatisfiesExpression, TSThisParameter, TSTypeAnnotation, TSTypeAssertion, TSTypeParameterDeclaration,
    TSTypeParameterInstantiation, VariableDeclarator,
};
use oxc_ast_visit::{Visit, walk};
use oxc_parser::Parser;
use oxc_span::{GetSpan as _, SourceType, Span};

use edits::Edits;

/// A mistake in a module.
#[derive(Debug)]
pub(crate) struct Mistake {
    /// The line, from 1.
    pub(crate) line: usize,
    /// The column, from 1.
    pub(crate) column: usize,
    pub(crate) message: String,
}

/// Something that is not a type.
struct Unsupported {
    span: Span,
    message: &'static str,
}

/// The most brackets within each other. The parser calls itself a dozen times for each, and the stack of a guest has 1 MiB.
const MAX_DEPTH: usize = 100;

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

/// Returns a module without types.
///
/// # Errors
/// The module is not TypeScript, or has syntax that is more than a type.
pub(crate) fn without_types(source: &str) -> Result<String, Mistake> {
    let mistake = |at: u32, message: String| {
        let before = &source[..source.floor_char_boundary(at as usize)];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        Mistake { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1, message }
    };
    if depth(source) > MAX_DEPTH {
        return Err(mistake(0, format!("more than {MAX_DEPTH} brackets within each other")));
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::ts()).parse();
    if let Some(error) = parsed.diagnostics.first() {
        let at = error.labels.first().map_or(0, |label| label.offset());
        return Err(mistake(at as u32, error.message.to_string()));
    }
    strip(source, &parsed.program)
        .map_err(|unsupported| mistake(unsupported.span.start, unsupported.message.to_owned()))
}

/// The most brackets that are open at the same time, with those in texts and comments.
fn depth(source: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => {
                open += 1;
                most = most.max(open);
            }
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}

fn strip(source: &str, program: &Program<'_>) -> Result<String, Unsupported> {
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

impl Stripper<'_> {
    fn refuse(&mut self, span: Span, message: &'static str) {
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
        let crosses_line = self.text(end, next).contains('\n');
        if crosses_line && matches!(self.character(next), Some('(' | '[' | '`')) {
            self.edits.blank_with_semicolon(from, end);
        } else {
            self.edits.blank(from, end);
        }
    }

    /// Removes the modifiers before the key of a member of a class.
    fn blank_modifiers(&mut self, start: u32, key: u32) {
        let mut at = start;
        while at < key {
            at = self.next(at);
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
            at += length;
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

    /// Removes a declaration that is only a type, together with its `export`. Returns false for others.
    fn declaration(&mut self, declaration: &Declaration<'_>, whole: Span) -> bool {
        let is_type = match declaration {
            Declaration::TSTypeAliasDeclaration(_)
            | Declaration::TSInterfaceDeclaration(_)
            | Declaration::TSGlobalDeclaration(_)
            | Declaration::TSExternalModuleDeclaration(_) => true,
            Declaration::VariableDeclaration(variable) => variable.declare,
            Declaration::FunctionDeclaration(function) => is_signature(function),
            Declaration::ClassDeclaration(class) => class.declare,
            Declaration::TSEnumDeclaration(one) if !one.declare => {
                self.refuse(one.span, ENUM);
                true
            }
            Declaration::TSEnumDeclaration(_) => true,
            Declaration::TSNamespaceDeclaration(one) => {
                if !one.declare {
                    self.refuse(one.span, NAMESPACE);
                }
                true
            }
            Declaration::TSImportEqualsDeclaration(one) => {
                self.refuse(one.span, IMPORT);
                true
            }
        };
        if is_type {
            self.edits.blank_with_semicolon(whole.start, whole.end);
        }
        is_type
    }
}

fn is_signature(function: &Function<'_>) -> bool {
    function.declare || function.r#type == FunctionType::TSDeclareFunction || function.body.is_none()
}

impl<'a> Visit<'a> for Stripper<'_> {
    fn visit_statement(&mut self, it: &Statement<'a>) {
        let is_done = match it {
            Statement::ExportDeclaration(export) => self.declaration(&export.declaration, export.span),
            Statement::ExportNamedDeclaration(export) => self.type_export(export.export_kind.is_type(), export.span),
            Statement::ExportFromDeclaration(export) => self.type_export(export.export_kind.is_type(), export.span),
            Statement::ExportAllDeclaration(export) => self.type_export(export.export_kind.is_type(), export.span),
            Statement::TSExportAssignment(export) => {
                self.refuse(export.span, EXPORT);
                true
            }
            Statement::TSNamespaceExportDeclaration(export) => self.type_export(true, export.span),
            other => other.as_declaration().is_some_and(|declaration| self.declaration(declaration, other.span())),
        };
        if !is_done {
            walk::walk_statement(self, it);
        }
    }

    fn visit_export_default_declaration(&mut self, it: &ExportDefaultDeclaration<'a>) {
        let is_type = match &it.declaration {
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => is_signature(function),
            _ => false,
        };
        if !self.type_export(is_type, it.span) {
            walk::walk_export_default_declaration(self, it);
        }
    }

    fn visit_export_specifier(&mut self, it: &ExportSpecifier<'a>) {
        if it.export_kind.is_type() {
            self.blank_listed(it.span);
        }
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        if !self.type_export(it.import_kind.is_type(), it.span) {
            for specifier in it.specifiers.iter().flatten() {
                if let ImportDeclarationSpecifier::ImportSpecifier(specifier) = specifier {
                    self.visit_import_specifier(specifier);
                }
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
        self.refuse(it.span, ASSERTION);
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.refuse(it.span, DECORATOR);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.blank_next(it.id.span().end, '!');
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        if it.accessibility.is_some() || it.readonly || it.r#override {
            self.refuse(it.span, PROPERTY);
        }
        if it.optional {
            self.blank_next(it.pattern.span().end, '?');
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        // No line may end before `=>`.
        if let Some(returned) = &it.return_type
            && self.text(it.params.span.end, returned.span.end).contains('\n')
        {
            self.edits.blank(it.params.span.end - 1, it.params.span.end);
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
        let is_type = match it {
            ClassElement::MethodDefinition(method) => {
                method.r#type == MethodDefinitionType::TSAbstractMethodDefinition || method.value.body.is_none()
            }
            ClassElement::PropertyDefinition(property) => {
                property.declare || property.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition
            }
            ClassElement::TSIndexSignature(_) => true,
            ClassElement::AccessorProperty(_) | ClassElement::StaticBlock(_) => false,
        };
        if is_type {
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
        self.member(it.span, &it.decorators, &it.key, it.computed, it.optional || it.definite);
        walk::walk_property_definition(self, it);
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        self.member(it.span, &it.decorators, &it.key, it.computed, it.definite);
        walk::walk_accessor_property(self, it);
    }

    fn visit_ts_index_signature(&mut self, it: &TSIndexSignature<'a>) {
        self.edits.blank_with_semicolon(it.span.start, it.span.end);
    }
}

impl Stripper<'_> {
    /// Removes an import or export of types. Returns false for others.
    fn type_export(&mut self, is_type: bool, span: Span) -> bool {
        if is_type {
            self.edits.blank_with_semicolon(span.start, span.end);
        }
        is_type
    }
}
