use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Lifetime, Result};

use crate::columns::{Side, columns};
use crate::names::with_static_lifetimes;

/// Implements `Input`, and defines the struct of the columns.
pub(crate) fn expand(item: &DeriveInput) -> Result<TokenStream> {
    let columns = columns(item, Side::Input)?;
    let (name, vis) = (&item.ident, &item.vis);
    let columns_name = format_ident!("{name}Columns");
    let own = item.generics.lifetimes().next().map(|parameter| parameter.lifetime.clone());
    // The trait is implemented for any lifetime. The lifetime of the fields becomes that of a batch.
    let (any, row) = match &own {
        Some(lifetime) => (quote!(<'_>), quote!(<#lifetime>)),
        None => (quote!(), quote!()),
    };
    let lifetime = own.unwrap_or_else(|| Lifetime::new("'batch", name.span()));

    let mut specs = Vec::new();
    let mut fields = Vec::new();
    let mut opens = Vec::new();
    let mut reads = Vec::new();
    for column in &columns {
        let (ident, ty) = (column.ident, column.ty);
        let span = ty.span();
        let reader = quote_spanned!(span=> <#ty as ::stillbox_sdk::input::InputType<#lifetime>>);
        let doc = format!("The column of `{ident}`.");
        let static_ty = with_static_lifetimes(ty.to_token_stream());
        specs.push(column.spec(&quote_spanned!(span=> <#static_ty as ::stillbox_sdk::input::InputType<'static>>)));
        if column.optional {
            fields.push(quote_spanned!(span=> #[doc = #doc] pub #ident: ::core::option::Option<#reader::Column>));
            opens.push(quote_spanned!(span=> #ident: opener.optional::<#ty>()?));
            reads.push(quote_spanned! {span=>
                #ident: match &columns.#ident {
                    ::core::option::Option::Some(column) => #reader::read(column, row)?,
                    ::core::option::Option::None => ::core::option::Option::None,
                }
            });
        } else {
            fields.push(quote_spanned!(span=> #[doc = #doc] pub #ident: #reader::Column));
            opens.push(quote_spanned!(span=> #ident: opener.required::<#ty>()?));
            reads.push(quote_spanned!(span=> #ident: #reader::read(&columns.#ident, row)?));
        }
    }
    let doc = format!("The columns of [`{name}`].");
    Ok(quote! {
        #[doc = #doc]
        #[allow(dead_code, unreachable_pub)]
        #vis struct #columns_name<#lifetime> {
            #(#fields,)*
            #[doc(hidden)]
            pub __batch: ::core::marker::PhantomData<&#lifetime ()>,
        }

        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic)]
        impl ::stillbox_sdk::input::Input for #name #any {
            type Row<#lifetime> = #name #row;
            type Columns<#lifetime> = #columns_name<#lifetime>;
            const COLUMNS: &'static [::stillbox_sdk::__private::ColumnSpec] = &[#(#specs),*];

            fn open<#lifetime>(
                opener: &mut ::stillbox_sdk::__private::Opener<#lifetime>,
            ) -> ::stillbox_sdk::Result<Self::Columns<#lifetime>> {
                ::core::result::Result::Ok(#columns_name { #(#opens,)* __batch: ::core::marker::PhantomData })
            }

            #[inline]
            fn read<#lifetime>(
                columns: &Self::Columns<#lifetime>,
                row: usize,
            ) -> ::stillbox_sdk::Result<Self::Row<#lifetime>> {
                ::core::result::Result::Ok(#name { #(#reads),* })
            }
        }
    })
}
