//! The macros of `stillbox-sdk`, which contains their documentation.

mod attributes;
mod columns;
mod input;
mod names;
mod output;
mod parameters;
mod step;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Turns a function, or an implementation of `Source` or `Aggregate`, into a step. A crate has one step.
///
/// The function takes the parameters by reference, if there are any, and then a row by value or the whole batch:
///
/// ```ignore
/// #[step]
/// fn name(parameters: &Parameters, row: Row<'_>) -> Result<Output> { ... }
///
/// #[step]
/// fn name(parameters: &Parameters, batch: Batch<'_, Row<'_>>) -> Result<Rows<Output>> { ... }
/// ```
///
/// The return type of a function that takes a row decides the output:
///
/// | Return type | Output |
/// |---|---|
/// | `Result<Output>` | the row, with added or replaced columns |
/// | `Result<bool>` | the row if `true`; `false` drops it |
/// | `Result<Option<Output>>` | the row, with added or replaced columns; `None` drops it |
/// | `Result<Vec<Output>>` | one row for each element of the list |
/// | `Result<()>` | the row |
/// | `Err(error)`, for every return type | none: the row is rejected |
///
/// The step has the name and the version of its package, and the first paragraph of the documentation as its summary. The
/// macro also defines a type with the name of the function, for tests of the whole step.
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
