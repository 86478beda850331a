use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Error, Expr, ExprLit, FnArg, GenericArgument, Item, ItemFn, ItemImpl, Lit, LitInt, MetaNameValue, PathArguments,
    Result, ReturnType, Type,
};

use crate::attributes::summary;
use crate::names::with_static_lifetimes;

const FORMS: &str = "write `fn name(parameters: &Parameters, row: Row<'_>) -> Result<Output>`, \
                     with or without the parameters, or take the whole batch: `batch: Batch<'_, Row<'_>>`";

/// Expands `#[step]`. The item stays in place even if it is wrong, so that one mistake does not cause other errors.
pub(crate) fn expand(arguments: &TokenStream, item: &TokenStream) -> TokenStream {
    let generated = settings(arguments).and_then(|settings| match syn::parse2::<Item>(item.clone())? {
        Item::Fn(function) => expand_function(&function, settings.as_ref()),
        Item::Impl(implementation) => match &settings {
            Some(concurrency) => Err(only_async(concurrency)),
            None => expand_impl(&implementation),
        },
        _ => Err(Error::new_spanned(
            item,
            "`#[step]` applies to a function, `impl Source for ...` or `impl Aggregate for ...`",
        )),
    });
    let generated = generated.unwrap_or_else(Error::into_compile_error);
    // The form of a step requires these.
    quote! {
        #[allow(clippy::missing_errors_doc, clippy::needless_pass_by_value, clippy::unnecessary_wraps)]
        #item
        #generated
    }
}

/// Rows of an `async` step that are processed at the same time, unless it sets a number.
const CONCURRENCY: usize = 16;

/// Returns the number of `concurrency = 32`, or `None` without settings.
fn settings(arguments: &TokenStream) -> Result<Option<LitInt>> {
    if arguments.is_empty() {
        return Ok(None);
    }
    let setting =
        syn::parse2::<MetaNameValue>(arguments.clone()).ok().filter(|setting| setting.path.is_ident("concurrency"));
    let Some(setting) = setting else {
        return Err(Error::new_spanned(
            arguments,
            "`#[step]` takes no setting but `concurrency`, for an `async` function: the name is the package's, the summary is \
             the documentation's, the kind is the function's or the trait's",
        ));
    };
    match &setting.value {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. })
            if number.base10_parse::<usize>().is_ok_and(|number| number > 0) =>
        {
            Ok(Some(number.clone()))
        }
        value => Err(Error::new_spanned(value, "`concurrency` is a number of rows, such as `32`")),
    }
}

fn only_async(concurrency: &LitInt) -> Error {
    Error::new_spanned(
        concurrency,
        "`concurrency` is for an `async` function that takes a row; the host runs batches in parallel by itself",
    )
}

/// The arguments of a step's function.
struct Arguments<'a> {
    parameters: Option<&'a Type>,
    rows: &'a Type,
    /// Whether the last argument is a model.
    has_model: bool,
}

fn arguments(function: &ItemFn) -> Result<Arguments<'_>> {
    let signature = &function.sig;
    let reject = |tokens: &dyn ToTokens, message: &str| Err(Error::new_spanned(tokens, message));
    if let Some(token) = &signature.unsafety {
        return reject(token, "a step is not `unsafe`");
    }
    if let Some(parameter) = signature.generics.type_params().next() {
        return reject(parameter, "a step has no type parameters: its columns and parameters have one type each");
    }
    if matches!(signature.output, ReturnType::Default) {
        return reject(&signature.ident, &format!("a step returns a `Result`: {FORMS}"));
    }
    let mut types = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Typed(argument) => types.push(&*argument.ty),
            FnArg::Receiver(receiver) => {
                return reject(receiver, &format!("a step is a function, not a method: {FORMS}"));
            }
        }
    }
    let has_model = types.len() > 1 && types.last().is_some_and(|last| is_named(last, "Model"));
    if has_model {
        types.pop();
    }
    match types[..] {
        [rows @ Type::Reference(_)] => reject(rows, &format!("a row is taken by value: {FORMS}")),
        [rows] => Ok(Arguments { parameters: None, rows, has_model }),
        [Type::Reference(parameters), rows] if parameters.mutability.is_none() => match rows {
            Type::Reference(_) => reject(rows, &format!("a row is taken by value: {FORMS}")),
            _ => Ok(Arguments { parameters: Some(&parameters.elem), rows, has_model }),
        },
        [parameters, _] => reject(parameters, &format!("parameters come first, as a reference: {FORMS}")),
        [] => reject(&signature.ident, &format!("a step takes a row: {FORMS}")),
        [_, _, third, ..] => {
            reject(third, &format!("a step takes no more than parameters, a row and a model: {FORMS}"))
        }
    }
}

fn expand_function(function: &ItemFn, concurrency: Option<&LitInt>) -> Result<TokenStream> {
    let Arguments { parameters, rows, has_model } = arguments(function)?;
    let model = has_model.then(|| quote!(, ::stillbox_sdk::Model::default()));
    let (name, vis) = (&function.sig.ident, &function.vis);
    let form = match (function.sig.asyncness, is_batch(rows)) {
        (None, is_batch) => {
            if let Some(concurrency) = concurrency {
                return Err(only_async(concurrency));
            }
            if is_batch { "batch" } else { "rows" }
        }
        (Some(_), false) => "async_rows",
        (Some(token), true) => {
            return Err(Error::new_spanned(
                token,
                "a step that takes a whole batch is not `async`; take a row instead",
            ));
        }
    };
    let concurrency = function.sig.asyncness.map(|_| {
        let number = concurrency.map_or_else(|| quote!(#CONCURRENCY), ToTokens::to_token_stream);
        quote!(#number,)
    });
    let run = proc_macro2::Ident::new(form, rows.span());
    let signature = proc_macro2::Ident::new(&format!("{form}_signature"), rows.span());
    let (parameters, arguments, values) = match parameters {
        Some(parameters) => {
            let both = quote_spanned!(rows.span()=> __parameters, __rows);
            (parameters.to_token_stream(), both.clone(), both)
        }
        None => (quote!(()), quote_spanned!(rows.span()=> (), __rows), quote_spanned!(rows.span()=> __rows)),
    };
    let returned = returned(function, form, &quote_spanned!(rows.span()=> #name(#values #model)));
    let call = quote_spanned!(rows.span()=> |#arguments| #returned);
    let names = assert_names(&parameters, rows, &function.sig.output);
    let info = info(&summary(&function.attrs));
    let component = component(&quote!(#name));
    let doc = format!("The step of the function [`{name}`](fn@{name}), for tests of the whole step.");
    Ok(quote! {
        #[doc = #doc]
        #[allow(non_camel_case_types, dead_code, unreachable_pub)]
        #[derive(Debug)]
        #vis enum #name {}

        #[allow(clippy::all, clippy::pedantic)]
        const _: () = {
            #names

            // The underscores keep these names from hiding the author's function.
            fn __process(
                __parameters: &#parameters,
                __received: ::stillbox_sdk::__private::ReceivedBatch<'_>,
            ) -> ::stillbox_sdk::Result<::stillbox_sdk::contract::Output> {
                ::stillbox_sdk::__private::#run(__parameters, __received, #concurrency #call)
            }

            impl ::stillbox_sdk::__private::Step for #name {
                type Parameters = #parameters;
                const INFO: ::stillbox_sdk::__private::StepInfo = #info;
                const KIND: ::stillbox_sdk::contract::Kind = ::stillbox_sdk::contract::Kind::Transform;

                fn signature(
                    __parameters: &#parameters,
                ) -> ::stillbox_sdk::Result<::stillbox_sdk::contract::Signature> {
                    ::stillbox_sdk::__private::#signature(__parameters, #call)
                }

                fn start(
                    __parameters: #parameters,
                ) -> ::stillbox_sdk::Result<::std::boxed::Box<dyn ::stillbox_sdk::__private::BoundStep>> {
                    ::core::result::Result::Ok(::stillbox_sdk::__private::start(__parameters, __process))
                }
            }

            #component
        };
    })
}

/// Converts what the function returns, with a span in the author's return type: if it is not a `Result`, that is the only error.
fn returned(function: &ItemFn, form: &str, call: &TokenStream) -> TokenStream {
    let span = match &function.sig.output {
        ReturnType::Type(_, ty) => ty.span(),
        ReturnType::Default => function.sig.ident.span(),
    };
    // The argument has the same span, or it would have an error of its own.
    let convert = match form {
        "batch" => quote_spanned!(span=> ::stillbox_sdk::__private::batch_result(__returned)),
        "rows" => quote_spanned!(span=> ::stillbox_sdk::__private::row_result(__returned)),
        _ => quote_spanned!(span=> async move { ::stillbox_sdk::__private::row_result(__returned.await) }),
    };
    quote_spanned! {span=> {
        let __returned = #call;
        #convert
    }}
}

fn expand_impl(implementation: &ItemImpl) -> Result<TokenStream> {
    let reject = || {
        Err(Error::new_spanned(
            &implementation.self_ty,
            "`#[step]` applies to a function, `impl Source for ...` or `impl Aggregate for ...`",
        ))
    };
    let Some((_, path, _)) = &implementation.trait_ else { return reject() };
    let Some(segment) = path.segments.last() else { return reject() };
    let (kind, make, signature) = match segment.ident.to_string().as_str() {
        "Source" => (quote!(Source), quote!(source), quote!(source_signature)),
        "Aggregate" => (quote!(Aggregate), quote!(aggregate), quote!(aggregate_signature)),
        _ => return reject(),
    };
    let name = &implementation.self_ty;
    let info = info(&summary(&implementation.attrs));
    let component = component(&quote!(#name));
    let span = path.span();
    let parameters = quote_spanned!(span=> <#name as ::stillbox_sdk::#kind>::Parameters);
    Ok(quote! {
        #[allow(clippy::all, clippy::pedantic)]
        const _: () = {
            impl ::stillbox_sdk::__private::Step for #name {
                type Parameters = #parameters;
                const INFO: ::stillbox_sdk::__private::StepInfo = #info;
                const KIND: ::stillbox_sdk::contract::Kind = ::stillbox_sdk::contract::Kind::#kind;

                fn signature(
                    parameters: &#parameters,
                ) -> ::stillbox_sdk::Result<::stillbox_sdk::contract::Signature> {
                    ::stillbox_sdk::__private::#signature::<#name>(parameters)
                }

                fn start(
                    parameters: #parameters,
                ) -> ::stillbox_sdk::Result<::std::boxed::Box<dyn ::stillbox_sdk::__private::BoundStep>> {
                    ::stillbox_sdk::__private::#make::<#name>(parameters)
                }
            }

            #component
        };
    })
}

/// Generates a check, with spans in the author's code, that columns take their names from known parameters. Types that this
/// macro does not recognise are checked later, when the component is compiled.
fn assert_names(parameters: &TokenStream, rows: &Type, returned: &ReturnType) -> TokenStream {
    let is_batch = is_batch(rows);
    let row = if is_batch { argument(rows) } else { Some(rows) };
    let output = match returned {
        ReturnType::Type(_, ty) if is_batch => argument(ty).and_then(argument),
        ReturnType::Type(_, ty) => argument(ty),
        ReturnType::Default => None,
    };
    let keys = quote!(<#parameters as ::stillbox_sdk::parameters::Parameters>::KEYS);
    let row = row.map(|row| {
        let ty = with_static_lifetimes(row.to_token_stream());
        quote_spanned! {row.span()=>
            const _: () = ::stillbox_sdk::__private::assert_names(<#ty as ::stillbox_sdk::input::Input>::COLUMNS, #keys);
        }
    });
    let output = output.map(|output| {
        let ty = with_static_lifetimes(output.to_token_stream());
        quote_spanned! {output.span()=>
            const _: () = ::stillbox_sdk::__private::assert_names(
                <<#ty as ::stillbox_sdk::output::IntoRows>::Output as ::stillbox_sdk::output::Output>::COLUMNS,
                #keys,
            );
        }
    });
    quote!(#row #output)
}

/// Returns the type argument of a type with exactly one.
fn argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    let only = types.next()?;
    types.next().is_none().then_some(only)
}

/// Generates the description of the step from the author's crate.
fn info(summary: &str) -> TokenStream {
    quote! {
        ::stillbox_sdk::__private::StepInfo {
            name: ::core::env!("CARGO_PKG_NAME"),
            version: ::core::env!("CARGO_PKG_VERSION"),
            summary: #summary,
            description: ::core::env!("CARGO_PKG_DESCRIPTION"),
        }
    }
}

/// Generates the exports, for components only.
fn component(step: &TokenStream) -> TokenStream {
    quote! {
        #[cfg(target_arch = "wasm32")]
        type __Component = ::stillbox_sdk::__private::Component<#step>;
        #[cfg(target_arch = "wasm32")]
        ::stillbox_sdk::__private::export_step!(__Component with_types_in ::stillbox_sdk::contract);
    }
}

/// Returns whether a type is written as a `Batch`.
fn is_batch(ty: &Type) -> bool {
    is_named(ty, "Batch")
}

/// Returns whether a type is written with this name.
fn is_named(ty: &Type, name: &str) -> bool {
    match ty {
        Type::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == name),
        _ => false,
    }
}
