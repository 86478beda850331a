//! Outputs: the columns that a step writes.
//!
//! `#[derive(Output)]` goes on a struct with named fields, each of which is a column. It is added to the columns there are, or
//! replaces the one of the same name.
//!
//! | Type of the field | Column |
//! |---|---|
//! | `bool` | boolean |
//! | `i64`, `i8` to `i32`, `isize`, `u8` to `u32` | integer |
//! | `u64`, `usize` | integer; a value above [`i64::MAX`] rejects its row |
//! | `f64`, `f32` | float |
//! | `String`, `&str`, `Cow<str>` | text |
//! | `Vec<u8>`, `&[u8]`, `Cow<[u8]>` | binary |
//! | [`Json`](crate::Json), [`serde_json::Value`] | json |
//! | `[f32; N]`; `Vec<f32>`, `&[f32]`, where another width than that of the first row rejects the row | vector |
//! | `Option` of any of these | the same, with nulls |
//!
//! What can stand in `#[column(...)]`:
//!
//! - `name = "..."`: the column has another name than the field;
//! - `from = "..."`: a parameter, which must be a `String` or an `Option<String>`, gives the column's name; without a value
//!   for it, the column has the name of the field.
//!
//! Where the parameters decide how many columns there are, or of which types, the output is an
//! [`AnyOutput`](crate::any::AnyOutput) instead.
//!
//! The derive also makes a struct `...Builders` beside the output, with the same fields, for [`Rows::push_with`].

mod booleans;
mod made;
mod nullable;
mod numbers;
mod rows;
mod texts;
mod vectors;

pub use booleans::BooleanBuilder;
pub use made::Made;
pub use nullable::NullableBuilder;
pub use numbers::{FloatBuilder, IntegerBuilder};
pub(crate) use rows::MadeOf;
pub use rows::Rows;
pub use texts::{BinaryBuilder, JsonBuilder, TextBuilder};
pub use vectors::VectorBuilder;

use crate::Result;
use crate::column::ColumnSpec;
use crate::contract::{DataType, Field, Values};

/// The columns that a step writes for a row. Derived; `()` for a step that writes none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a step makes of a row",
    label = "lacks `#[derive(Output)]`",
    note = "return `Result<T>`, where `T` is a struct with `#[derive(Output)]`, `Option` or `Vec` of one, `bool` or `()`"
)]
pub trait Output: Sized {
    /// The columns while they are built.
    type Builders: Builders;

    /// The columns, in the order of the fields.
    #[doc(hidden)]
    const COLUMNS: &'static [ColumnSpec];

    /// Whether the parameters decide which columns there are.
    #[doc(hidden)]
    const ANY: bool = false;

    /// Appends a row to the columns.
    #[doc(hidden)]
    fn append(self, builders: &mut Self::Builders) -> Result<()>;
}

/// Columns that are being built, side by side. Derived with [`Output`].
pub trait Builders: Sized {
    /// No rows yet, and room for some.
    fn with_capacity(rows: usize) -> Self;

    /// Takes the rows away that follow the first few.
    fn truncate(&mut self, rows: usize);

    /// Whether every column has so many rows.
    fn all_have(&self, rows: usize) -> bool;

    /// The finished columns, in the order of the fields of the signature.
    ///
    /// # Errors
    /// A column is not of the type that the signature says, where the compiler doesn't know it.
    fn finish(self, fields: &[Field]) -> Result<Vec<Finished>>;
}

impl Builders for () {
    fn with_capacity(_: usize) -> Self {}

    fn truncate(&mut self, _: usize) {}

    fn all_have(&self, _: usize) -> bool {
        true
    }

    fn finish(self, _: &[Field]) -> Result<Vec<Finished>> {
        Ok(Vec::new())
    }
}

impl Output for () {
    type Builders = ();
    const COLUMNS: &'static [ColumnSpec] = &[];

    fn append(self, (): &mut ()) -> Result<()> {
        Ok(())
    }
}

/// A type that a field of an output can have.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that an output column can have",
    label = "not a type that an output column can have",
    note = "take bool, i64 or another integer, f64, String, Vec<u8>, Json, Vec<f32>, \
            or Option of one of them for a column with nulls"
)]
pub trait OutputType {
    /// The type of the column.
    const DATA_TYPE: DataType;
    /// Whether a value may be null.
    const NULLABLE: bool = false;
    /// The column while it is built.
    type Builder: ColumnBuilder;

    /// Appends a value.
    ///
    /// # Errors
    /// The value doesn't fit the column.
    fn append(self, builder: &mut Self::Builder) -> Result<()>;
}

/// A column that is being built.
pub trait ColumnBuilder {
    /// No values yet, and room for some.
    fn with_capacity(rows: usize) -> Self;

    /// How many values there are.
    fn len(&self) -> usize;

    /// Whether there is no value.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the values away that follow the first few.
    fn truncate(&mut self, rows: usize);

    /// Appends something in the place of a null.
    fn append_placeholder(&mut self);

    /// The finished column.
    fn finish(self) -> Finished;
}

/// The values of a finished column, and which are not null.
#[derive(Debug)]
pub struct Finished {
    /// The values.
    pub values: Values,
    /// Which are not null; none for a column without nulls.
    pub validity: Option<Vec<u8>>,
}

impl From<Values> for Finished {
    fn from(values: Values) -> Self {
        Self { values, validity: None }
    }
}
