//! The statements and elements of classes that are only types.

use oxc_ast::ast::{
    ClassElement, Declaration, ExportDefaultDeclarationKind, Function, FunctionType, MethodDefinitionType,
    PropertyDefinitionType, Statement, TSNamespaceDeclaration, TSNamespaceDeclarationBody,
};

/// Returns whether a statement means no code.
pub(super) fn is_type(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::ExportDeclaration(export) => is_type_declaration(&export.declaration),
        Statement::ExportNamedDeclaration(export) => export.export_kind.is_type(),
        Statement::ExportFromDeclaration(export) => export.export_kind.is_type(),
        Statement::ExportAllDeclaration(export) => export.export_kind.is_type(),
        Statement::ImportDeclaration(import) => import.import_kind.is_type(),
        Statement::ExportDefaultDeclaration(export) => match &export.declaration {
            ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => true,
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => is_signature(function),
            _ => false,
        },
        Statement::TSNamespaceExportDeclaration(_) => true,
        other => other.as_declaration().is_some_and(is_type_declaration),
    }
}

fn is_type_declaration(declaration: &Declaration<'_>) -> bool {
    match declaration {
        Declaration::TSTypeAliasDeclaration(_)
        | Declaration::TSInterfaceDeclaration(_)
        | Declaration::TSGlobalDeclaration(_)
        | Declaration::TSExternalModuleDeclaration(_) => true,
        Declaration::VariableDeclaration(variable) => variable.declare,
        Declaration::FunctionDeclaration(function) => is_signature(function),
        Declaration::ClassDeclaration(class) => class.declare,
        Declaration::TSEnumDeclaration(one) => one.declare,
        Declaration::TSNamespaceDeclaration(one) => is_type_namespace(one),
        Declaration::TSImportEqualsDeclaration(_) => false,
    }
}

/// A namespace of types alone has no value.
fn is_type_namespace(namespace: &TSNamespaceDeclaration<'_>) -> bool {
    let is_type_body = |body: &TSNamespaceDeclarationBody<'_>| match body {
        TSNamespaceDeclarationBody::TSNamespaceDeclaration(inner) => is_type_namespace(inner),
        TSNamespaceDeclarationBody::TSModuleBlock(block) => block.body.iter().all(is_type),
    };
    namespace.declare || is_type_body(&namespace.body)
}

fn is_signature(function: &Function<'_>) -> bool {
    function.declare || function.r#type == FunctionType::TSDeclareFunction || function.body.is_none()
}

/// Returns whether an element of a class means no code.
pub(super) fn is_type_element(element: &ClassElement<'_>) -> bool {
    match element {
        ClassElement::MethodDefinition(method) => {
            method.r#type == MethodDefinitionType::TSAbstractMethodDefinition || method.value.body.is_none()
        }
        ClassElement::PropertyDefinition(property) => {
            property.declare || property.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition
        }
        ClassElement::TSIndexSignature(_) => true,
        ClassElement::AccessorProperty(_) | ClassElement::StaticBlock(_) => false,
    }
}
