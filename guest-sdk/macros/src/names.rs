//! Names of parameters, columns and types.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::ext::IdentExt;

/// Returns a field's name, without `r#`.
pub(crate) fn plain(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// Returns a field's name in kebab-case.
pub(crate) fn kebab(ident: &Ident) -> String {
    plain(ident).replace('_', "-")
}

/// Returns a variant's name in kebab-case: `NfcOnly` is `nfc-only`, and `Xxh3_64` is `xxh3-64`.
pub(crate) fn kebab_variant(ident: &Ident) -> String {
    let mut name = String::new();
    for letter in plain(ident).chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        if letter == '_' {
            name.push('-');
        } else {
            name.extend(letter.to_lowercase());
        }
    }
    name
}

/// Replaces every lifetime of a type with `'static`, for places where the lifetime does not matter.
pub(crate) fn with_static_lifetimes(tokens: TokenStream) -> TokenStream {
    let mut after_quote = false;
    let tokens = tokens.into_iter().map(|token| match token {
        TokenTree::Ident(ident) if after_quote => {
            after_quote = false;
            TokenTree::Ident(Ident::new("static", ident.span()))
        }
        TokenTree::Group(group) => {
            let inner = with_static_lifetimes(group.stream());
            let mut replaced = proc_macro2::Group::new(group.delimiter(), inner);
            replaced.set_span(group.span());
            TokenTree::Group(replaced)
        }
        token => {
            after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
            token
        }
    });
    tokens.collect()
}
