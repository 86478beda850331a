//! The macros of `stillbox-sdk`, which documents them.

mod attributes;
mod columns;
mod input;
mod names;
mod output;
mod parameters;
mod step;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a step of a function, or of an implementation of `Source` or `Aggregate`. A crate has one step.
///
/// The function takes the parameters, as a reference, if there are any, and then a row, by value, or the whole batch:
///
/// ```ignore
/// #[step]
/// fn name(parameters: &Parameters, row: Row<'_>) -> Result<Output> { ... }
///
/// #[step]
/// fn name(parameters: &Parameters, batch: Batch<'_, Row<'_>>) -> Result<Rows<Output>> { ... }
/// ```
///
/// What a function that takes a row returns says what becomes of it:
///
/// | Returns | |
/// |---|---|
/// | `Result<Output>` | adds or replaces columns |
/// | `Result<bool>` | keeps the row, or drops it |
/// | `Result<Option<Output>>` | adds columns, or drops the row |
/// | `Result<Vec<Output>>` | as many rows as there are in the list |
/// | `Result<()>` | keeps the row |
/// | `Err(error)`, in any of them | rejects the row |
///
/// The step has the name and the version of its package, and the first paragraph of the documentation as its summary. Beside
/// the function there is a type of the same name, to test the whole step with.
#[proc_macro_attribute]
pub fn step(arguments: TokenStream, item: TokenStream) -> TokenStream {
    step::expand(&arguments.into(), &item.into()).into()
}

/// Reads a step's parameters. See the module `parameters` of `stillbox-sdk`.
#[proc_macro_derive(Parameters, attributes(parameter, parameters))]
pub fn parameters(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    parameters::expand(&item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Reads a row of a batch. See the module `input` of `stillbox-sdk`.
#[proc_macro_derive(Input, attributes(column))]
pub fn input(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    input::expand(&item).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Writes a row of an output. See the module `output` of `stillbox-sdk`.
#[proc_macro_derive(Output, attributes(column))]
pub fn output(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    output::expand(&item).unwrap_or_else(syn::Error::into_compile_error).into()
}
