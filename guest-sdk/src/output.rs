//! The columns that a step writes.
//!
//! `#[derive(Output)]` applies to a struct with named fields. Each field is a column, which is added to the row or replaces the
//! column of the same name.
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
//! | `[f32; N]`; `Vec<f32>`, `&[f32]`, where a width that differs from the first row's rejects the row | vector |
//! | `Option` of any of these | the same, with nulls |
//!
//! The settings of `#[column(...)]`:
//!
//! - `name = "..."`: the column's name, if it differs from the name of the field;
//! - `from = "..."`: the parameter that sets the column's name, a `String` or an `Option<String>`. Without a value, the column
//!   has the name of the field.
//!
//! If the parameters define the number or the types of the columns, use [`AnyOutput`](crate::any::AnyOutput) instead.
//!
//! The derive also defines a struct `...Builders`, which has the same fields with column builders, for [`Rows::push_with`].

mod booleans;
mod into_rows;
mod nullable;
mod numbers;
mod rows;
pub(crate) mod step_result;
mod texts;
mod vectors;

pub use booleans::BooleanBuilder;
pub use into_rows::IntoRows;
pub use nullable::NullableBuilder;
pub use numbers::{FloatBuilder, IntegerBuilder};
pub(crate) use rows::OriginScope;
pub use rows::Rows;
pub use texts::{BinaryBuilder, JsonBuilder, TextBuilder};
pub use vectors::VectorBuilder;

use crate::Result;
use crate::column::ColumnSpec;
use crate::contract::{DataType, Field, Values};

/// The columns that a step writes for a row. Use `#[derive(Output)]`, or `()` for a step that writes no columns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that a step can return for a row",
    label = "lacks `#[derive(Output)]`",
    note = "return `Result<T>`, where `T` is a struct with `#[derive(Output)]`, `Option` or `Vec` of one, `bool` or `()`"
)]
pub trait Output: Sized {
    /// The builders of the columns.
    type Builders: Builders;

    /// The columns, in the order of the fields.
    #[doc(hidden)]
    const COLUMNS: &'static [ColumnSpec];

    /// Whether the parameters define the columns.
    #[doc(hidden)]
    const ANY: bool = false;

    /// Appends a row to the columns.
    #[doc(hidden)]
    fn append(self, builders: &mut Self::Builders) -> Result<()>;
}

/// The builders of all columns of an output. `#[derive(Output)]` implements it.
pub trait Builders: Sized {
    /// Creates empty builders with capacity for a number of rows.
    fn with_capacity(rows: usize) -> Self;

    /// Removes all rows after the first `rows`.
    fn truncate(&mut self, rows: usize);

    /// Returns whether every column has `rows` rows.
    fn all_have(&self, rows: usize) -> bool;

    /// Returns the finished columns, in the order of the fields of the signature.
    ///
    /// # Errors
    /// The type of a column, if it is known only at run time, differs from the signature.
    fn finish(self, fields: &[Field]) -> Result<Vec<FinishedColumn>>;
}

impl Builders for () {
    fn with_capacity(_: usize) -> Self {}

    fn truncate(&mut self, _: usize) {}

    fn all_have(&self, _: usize) -> bool {
        true
    }

    fn finish(self, _: &[Field]) -> Result<Vec<FinishedColumn>> {
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

/// The type of a field of an output.
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
    /// The builder of the column.
    type Builder: ColumnBuilder;

    /// Appends a value.
    ///
    /// # Errors
    /// The value does not fit the column.
    fn append(self, builder: &mut Self::Builder) -> Result<()>;
}

/// The builder of a column.
pub trait ColumnBuilder {
    /// Creates an empty builder with capacity for a number of rows.
    fn with_capacity(rows: usize) -> Self;

    /// Returns the number of values.
    fn len(&self) -> usize;

    /// Returns whether there are no values.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes all values after the first `rows`.
    fn truncate(&mut self, rows: usize);

    /// Appends a placeholder value for a null.
    fn append_placeholder(&mut self);

    /// Returns the finished column.
    fn finish(self) -> FinishedColumn;
}

/// The values and the validity of a finished column.
#[derive(Debug)]
pub struct FinishedColumn {
    /// The values.
    pub values: Values,
    /// The validity bitmap, or `None` for a column without nulls.
    pub validity: Option<Vec<u8>>,
}

impl From<Values> for FinishedColumn {
    fn from(values: Values) -> Self {
        Self { values, validity: None }
    }
}
