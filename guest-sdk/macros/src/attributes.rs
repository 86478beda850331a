//! Attributes, documentation and named fields of an item.

use syn::{Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Lit, Meta, Result};

/// Returns the documentation, without the space after `///` in each line.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<_> = lines.map(|line| line.trim().to_owned()).collect();
    lines.join("\n").trim().to_owned()
}

/// Returns the first paragraph of the documentation, on one line.
pub(crate) fn summary(attributes: &[Attribute]) -> String {
    let text = documentation(attributes);
    text.split("\n\n").next().unwrap_or_default().replace('\n', " ")
}

/// Returns the documentation, with each paragraph on one line.
pub(crate) fn description(attributes: &[Attribute]) -> String {
    let text = documentation(attributes);
    let paragraphs: Vec<_> = text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
    paragraphs.join("\n\n")
}

/// Returns the fields of a struct with named fields.
pub(crate) fn named_fields<'a>(item: &'a DeriveInput, derive: &str) -> Result<Vec<&'a Field>> {
    if let Data::Struct(data) = &item.data {
        match &data.fields {
            Fields::Named(fields) => return Ok(fields.named.iter().collect()),
            Fields::Unit => return Ok(Vec::new()),
            Fields::Unnamed(_) => {}
        }
    }
    let name = &item.ident;
    let message = format!("`#[derive({derive})]` needs names: write `struct {name} {{ field: Type, ... }}`");
    Err(Error::new_spanned(name, message))
}

/// Adds an error to the earlier ones.
pub(crate) fn collect(errors: &mut Option<Error>, error: Error) {
    match errors {
        Some(errors) => errors.combine(error),
        None => *errors = Some(error),
    }
}
