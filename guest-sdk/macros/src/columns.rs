//! The columns that the fields of an input or an output declare.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Field, GenericParam, LitStr, Result, Type};

use crate::attributes::{collect, named_fields};
use crate::names::plain;

/// A field that declares a column.
pub(crate) struct Column<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) ty: &'a Type,
    pub(crate) optional: bool,
    name: String,
    from: Option<LitStr>,
}

/// The direction of the columns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Input => "Input",
            Self::Output => "Output",
        }
    }
}

/// Returns the columns of a struct, or an error with all mistakes.
pub(crate) fn columns(item: &DeriveInput, side: Side) -> Result<Vec<Column<'_>>> {
    let mut errors = None;
    let mut columns = Vec::new();
    for field in named_fields(item, side.name())? {
        match column(field, side) {
            Ok(column) => columns.push(column),
            Err(error) => collect(&mut errors, error),
        }
    }
    for parameter in &item.generics.params {
        if !matches!(parameter, GenericParam::Lifetime(_)) {
            let message =
                format!("`#[derive({})]` takes no type parameters: write the types of the columns", side.name());
            collect(&mut errors, Error::new_spanned(parameter, message));
        }
    }
    if let Some(second) = item.generics.lifetimes().nth(1) {
        let message = format!("`#[derive({})]` takes one lifetime, that of the batch: use the first one", side.name());
        collect(&mut errors, Error::new_spanned(second, message));
    }
    errors.map_or(Ok(columns), Err)
}

fn column(field: &Field, side: Side) -> Result<Column<'_>> {
    let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a column needs a name"))?;
    let mut column = Column { ident, ty: &field.ty, optional: false, name: plain(ident), from: None };
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("column")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                column.name = meta.value()?.parse::<LitStr>()?.value();
                Ok(())
            } else if meta.path.is_ident("from") {
                column.from = Some(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("optional") && side == Side::Input {
                column.optional = true;
                if is_option(&field.ty) {
                    Ok(())
                } else {
                    Err(Error::new_spanned(
                        &field.ty,
                        "a column that may be missing is an `Option`: write `Option<...>`",
                    ))
                }
            } else if meta.path.is_ident("optional") {
                Err(meta.error("an output column is never missing: write `Option<...>` for one with nulls"))
            } else {
                let known = match side {
                    Side::Input => "`name = \"...\"`, `from = \"...\"` or `optional`",
                    Side::Output => "`name = \"...\"` or `from = \"...\"`",
                };
                Err(meta.error(format!("unknown setting of a column: write {known}")))
            }
        })?;
    }
    Ok(column)
}

impl Column<'_> {
    /// Generates the column's `ColumnSpec`. `ty` is the field's type as an `InputType` or `OutputType`.
    pub(crate) fn spec(&self, ty: &TokenStream) -> TokenStream {
        let Self { ident, optional, name, from, .. } = self;
        let field = plain(ident);
        let from = option(from.as_ref());
        quote_spanned! {self.ty.span()=>
            ::stillbox_sdk::__private::ColumnSpec {
                field: #field,
                name: #name,
                from: #from,
                data_type: #ty::DATA_TYPE,
                nullable: #ty::NULLABLE,
                optional: #optional,
            }
        }
    }
}

/// Generates an `Option` for the author's crate.
pub(crate) fn option<T: ToTokens>(value: Option<&T>) -> TokenStream {
    if let Some(value) = value {
        quote_spanned!(value.span()=> ::core::option::Option::Some(#value))
    } else {
        quote!(::core::option::Option::None)
    }
}

/// Returns whether a type is written as an `Option`.
pub(crate) fn is_option(ty: &Type) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == "Option"),
        _ => false,
    }
}
