//! Checks that a program means the same without its types: that both parse to the same tree.
//!
//! A type can be what separates two statements, or what groups operators: `1 + 1 as any * 2` is 4, and `1 + 1 * 2` is 3.

use oxc_ast::ast::{
    ClassElement, ExportSpecifier, ImportSpecifier, Program, Statement, TSAsExpression, TSClassImplements,
    TSSatisfiesExpression, TSThisParameter, TSTypeAnnotation, TSTypeParameterDeclaration, TSTypeParameterInstantiation,
};
use oxc_ast::{AstKind, AstType};
use oxc_ast_visit::{Visit, walk};
use oxc_span::GetSpan as _;

use super::types;

/// The kinds of the nodes of a program, without types.
#[derive(Default)]
struct Outline {
    /// For each begin of a node its kind, and for each end `None`; with the place in the text.
    nodes: Vec<(Option<AstType>, u32)>,
}

/// Returns the place of the first node of a program that the program without types does not have, or has elsewhere.
pub(super) fn first_difference(typed: &Program<'_>, stripped: &Program<'_>) -> Option<u32> {
    let outline = |program: &Program<'_>| {
        let mut outline = Outline::default();
        outline.visit_program(program);
        outline.nodes
    };
    let (typed, stripped) = (outline(typed), outline(stripped));
    let pairs = typed.iter().zip(&stripped);
    let same = pairs.take_while(|((typed, _), (stripped, _))| typed == stripped).count();
    let is_same = same == typed.len() && same == stripped.len();
    (!is_same).then(|| typed.get(same).or(typed.last()).map_or(0, |(_, start)| *start))
}

/// Returns whether a node has the meaning of the expression in it, or none.
fn is_transparent(kind: AstKind<'_>) -> bool {
    matches!(
        kind,
        AstKind::TSAsExpression(_)
            | AstKind::TSSatisfiesExpression(_)
            | AstKind::TSNonNullExpression(_)
            | AstKind::TSInstantiationExpression(_)
            | AstKind::EmptyStatement(_)
    )
}

impl<'a> Visit<'a> for Outline {
    fn enter_node(&mut self, kind: AstKind<'a>) {
        if !is_transparent(kind) {
            self.nodes.push((Some(kind.ty()), kind.span().start));
        }
    }

    fn leave_node(&mut self, kind: AstKind<'a>) {
        if !is_transparent(kind) {
            self.nodes.push((None, kind.span().start));
        }
    }

    fn visit_statement(&mut self, it: &Statement<'a>) {
        if !types::is_type(it) {
            walk::walk_statement(self, it);
        }
    }

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        if !types::is_type_element(it) {
            walk::walk_class_element(self, it);
        }
    }

    fn visit_import_specifier(&mut self, it: &ImportSpecifier<'a>) {
        if !it.import_kind.is_type() {
            walk::walk_import_specifier(self, it);
        }
    }

    fn visit_export_specifier(&mut self, it: &ExportSpecifier<'a>) {
        if !it.export_kind.is_type() {
            walk::walk_export_specifier(self, it);
        }
    }

    fn visit_ts_type_annotation(&mut self, _: &TSTypeAnnotation<'a>) {}

    fn visit_ts_type_parameter_declaration(&mut self, _: &TSTypeParameterDeclaration<'a>) {}

    fn visit_ts_type_parameter_instantiation(&mut self, _: &TSTypeParameterInstantiation<'a>) {}

    fn visit_ts_class_implements(&mut self, _: &TSClassImplements<'a>) {}

    fn visit_ts_this_parameter(&mut self, _: &TSThisParameter<'a>) {}

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.visit_expression(&it.expression);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.visit_expression(&it.expression);
    }
}
