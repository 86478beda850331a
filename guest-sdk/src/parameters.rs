//! The parameters of a step: a JSON object, read into a struct.
//!
//! `#[derive(Parameters)]` applies to a struct with named fields, which define the members of the object and their checks. All
//! mistakes are reported at once.
//!
//! | Type | JSON |
//! |---|---|
//! | `bool` | true or false |
//! | `i8` to `i64`, `u8` to `u64`, `isize`, `usize` | an integer in the type's range |
//! | `f32`, `f64` | a number |
//! | `String` | a text |
//! | an `enum` without fields, with `#[derive(Parameters)]` | the variant's name in kebab-case |
//! | `Option<T>` | like `T`, or null; may be missing |
//! | `Vec<T>` | a list |
//! | another struct with `#[derive(Parameters)]` | an object |
//! | [`JsonType`](crate::JsonType) | the name of a column's type |
//! | [`serde_json::Value`] | anything |
//!
//! A parameter has the name of its field in kebab-case (`min_words` is `min-words`), and the field's documentation is its
//! description. It is required unless it is an `Option` or has a default. The settings of `#[parameter(...)]`:
//!
//! - `default = EXPRESSION`, or `default` for [`Default::default`];
//! - `min = EXPRESSION`, `max = EXPRESSION`: the smallest and the largest value of a number, or of each number of a list;
//! - `name = "..."`: the parameter's name, if it differs from the name of the field.
//!
//! The settings of `#[parameters(...)]` on the struct:
//!
//! - `check = FUNCTION`: a `fn(&Self) -> Result<()>` that checks parameters against each other;
//! - `inputs = FUNCTION`, `outputs = FUNCTION`: a `fn(&Self) -> Vec<Field>` that lists the columns of an
//!   [`AnyRow`](crate::any::AnyRow) or an [`AnyOutput`](crate::any::AnyOutput).
//!
//! A custom type that is written as a text, such as a pattern that is compiled when the step is bound, implements
//! [`TextParameter`]; any other custom type implements [`ParameterValue`].

mod object;
mod problems;
mod schema;
mod text;
mod value;

pub use object::Object;
pub use problems::Problems;
pub(crate) use schema::schema;
pub use schema::{Bounds, Property, enum_schema, object_schema};
pub use text::TextParameter;
#[doc(hidden)]
pub use text::{read_text, write_text};
pub use value::{Bounded, ParameterValue};

use crate::contract::{ErrorKind, Field};
use crate::{Error, Result};

/// The parameters of a step. Use `#[derive(Parameters)]`, or `()` for a step without parameters.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not define the parameters of a step",
    label = "lacks `#[derive(Parameters)]`",
    note = "write `#[derive(Parameters)]` above a struct with named fields, and take it as `&{Self}`"
)]
pub trait Parameters: ParameterValue + 'static {
    /// The names of the parameters, and whether each is a text, which can name a column.
    const KEYS: &'static [(&'static str, bool)];

    /// Returns the value of a parameter that is a text.
    fn text(&self, key: &str) -> Option<&str>;

    /// Whether the parameters define the columns of an input.
    const ANY_INPUTS: bool = false;
    /// Whether the parameters define the columns of an output.
    const ANY_OUTPUTS: bool = false;

    /// Returns the columns of an [`AnyRow`](crate::any::AnyRow), in order, from `#[parameters(inputs = ...)]`.
    fn inputs(&self) -> Vec<Field> {
        Vec::new()
    }

    /// Returns the columns of an [`AnyOutput`](crate::any::AnyOutput), in order, from `#[parameters(outputs = ...)]`.
    fn outputs(&self) -> Vec<Field> {
        Vec::new()
    }

    /// Checks parameters against each other.
    ///
    /// # Errors
    /// The error of the function in `#[parameters(check = ...)]`.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

impl Parameters for () {
    const KEYS: &'static [(&'static str, bool)] = &[];

    fn text(&self, _: &str) -> Option<&str> {
        None
    }
}

/// Reads parameters from a JSON object. An empty text counts as an empty object.
pub(crate) fn read<P: Parameters>(json: &str) -> Result<P> {
    let json = if json.trim_ascii().is_empty() { "{}" } else { json };
    let value = serde_json::from_str(json)
        .map_err(|error| Error::parameters("the parameters are not JSON").caused_by(error.to_string()))?;
    let mut problems = Problems::default();
    match (P::read(&value, "", &mut problems), problems.into_error()) {
        (Some(parameters), None) => match parameters.check() {
            Ok(()) => Ok(parameters),
            Err(error) => Err(error.or_kind(ErrorKind::Parameters)),
        },
        (_, Some(error)) => Err(error),
        (None, None) => Err(Error::internal("a parameter was rejected without a reason")),
    }
}
