use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Result};

use crate::columns::{Side, columns};
use crate::names::with_static_lifetimes;

/// Implements `Output`, and defines the struct of the builders.
pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    let columns = columns(item, Side::Output)?;
    let (name, vis) = (&item.ident, &item.vis);
    let builders_name = format_ident!("{name}Builders");
    let (impl_generics, own_generics, _) = item.generics.split_for_impl();

    let mut specs = Vec::new();
    let mut fields = Vec::new();
    let mut appends = Vec::new();
    let idents: Vec<_> = columns.iter().map(|column| column.ident).collect();
    for column in &columns {
        let (ident, ty) = (column.ident, column.ty);
        let span = ty.span();
        let static_ty = with_static_lifetimes(ty.to_token_stream());
        let writer = quote_spanned!(span=> <#ty as ::stillbox_sdk::output::OutputType>);
        let builder = quote_spanned!(span=> <#static_ty as ::stillbox_sdk::output::OutputType>::Builder);
        let doc = format!("The builder of the column of `{ident}`.");
        specs.push(column.spec(&writer));
        fields.push(quote_spanned!(span=> #[doc = #doc] pub #ident: #builder));
        appends.push(quote_spanned!(span=> #writer::append(self.#ident, &mut builders.#ident)?;));
    }
    let doc = format!("The column builders of [`{name}`].");
    Ok(quote! {
        #[doc = #doc]
        #[allow(unreachable_pub)]
        #vis struct #builders_name {
            #(#fields,)*
        }

        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic)]
        impl ::stillbox_sdk::output::Builders for #builders_name {
            fn with_capacity(rows: usize) -> Self {
                Self { #(#idents: ::stillbox_sdk::output::ColumnBuilder::with_capacity(rows),)* }
            }

            fn truncate(&mut self, rows: usize) {
                #(::stillbox_sdk::output::ColumnBuilder::truncate(&mut self.#idents, rows);)*
            }

            #[inline]
            fn all_have(&self, rows: usize) -> bool {
                true #(&& ::stillbox_sdk::output::ColumnBuilder::len(&self.#idents) == rows)*
            }

            fn finish(
                self,
                _: &[::stillbox_sdk::contract::Field],
            ) -> ::stillbox_sdk::Result<::std::vec::Vec<::stillbox_sdk::output::FinishedColumn>> {
                ::core::result::Result::Ok(::std::vec![#(::stillbox_sdk::output::ColumnBuilder::finish(self.#idents)),*])
            }
        }

        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic)]
        impl #impl_generics ::stillbox_sdk::output::Output for #name #own_generics {
            type Builders = #builders_name;
            const COLUMNS: &'static [::stillbox_sdk::__private::ColumnSpec] = &[#(#specs),*];

            #[inline]
            fn append(self, builders: &mut Self::Builders) -> ::stillbox_sdk::Result<()> {
                #(#appends)*
                ::core::result::Result::Ok(())
            }
        }
    })
}
