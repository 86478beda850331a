//! The columns that a step reads.
//!
//! `#[derive(Input)]` applies to a struct with named fields. Each field is a column.
//!
//! | Column | Type of the field |
//! |---|---|
//! | boolean | `bool` |
//! | integer | `i64`; `i8` to `i32`, `isize`, `u8` to `u64`, `usize`, where a value out of range rejects its row |
//! | float | `f64`; `f32`, rounded to the nearest |
//! | text | `&'a str`, `Cow<'a, str>`; `String`, which copies |
//! | binary | `&'a [u8]`; `Vec<u8>`, which copies |
//! | json | [`Json<'a>`](crate::Json); [`serde_json::Value`], which is parsed for each row |
//! | vector | `&'a [f32]`; `[f32; N]`, where another width rejects the row; `Vec<f32>`, which copies |
//! | any of these, with nulls | `Option` of it |
//!
//! Borrowed fields point into the batch, so reading them copies nothing. The settings of `#[column(...)]`:
//!
//! - `name = "..."`: the column's name, if it differs from the name of the field;
//! - `from = "..."`: the parameter that sets the column's name, a `String` or an `Option<String>`. Without a value, the column
//!   has the name of the field;
//! - `optional`: the column may be missing. The field must be an `Option`, and is `None` in every row if the column is missing.
//!
//! If the parameters define the number or the types of the columns, use [`AnyRow`](crate::any::AnyRow) instead.
//!
//! The derive also defines a struct `...Columns`, which has the same fields with the column types of this module; see
//! [`Batch::columns`].

mod batch;
mod nullable;
mod numbers;
pub(crate) mod opener;
mod texts;
mod vectors;

pub use batch::Batch;
pub use nullable::NullableColumn;
pub use numbers::{BooleanColumn, FloatColumn, IntegerColumn};
pub use texts::{BinaryColumn, JsonColumn, TextColumn};
pub use vectors::VectorColumn;

use self::opener::Opener;
use crate::Result;
use crate::column::ColumnSpec;
use crate::contract::{Column, DataType};
use crate::received::TextGuarantee;

/// A row of a batch. Use `#[derive(Input)]`. A row borrows from its batch, so the trait is implemented for the type with any
/// lifetime, and `Row` is the type with the lifetime of a batch.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of input",
    label = "lacks `#[derive(Input)]`",
    note = "write `#[derive(Input)]` above a struct with a field for every column, and take it by value; \
            parameters come first, as a reference"
)]
pub trait Input {
    /// A row of a batch that lives for `'a`.
    type Row<'a>;
    /// The opened columns of a batch that lives for `'a`.
    type Columns<'a>;

    /// The columns, in the order of the fields.
    #[doc(hidden)]
    const COLUMNS: &'static [ColumnSpec];

    /// Whether the parameters define the columns.
    #[doc(hidden)]
    const ANY: bool = false;

    /// Opens the columns.
    #[doc(hidden)]
    fn open<'a>(opener: &mut Opener<'a>) -> Result<Self::Columns<'a>>;

    /// Reads a row.
    #[doc(hidden)]
    fn read<'a>(columns: &Self::Columns<'a>, row: usize) -> Result<Self::Row<'a>>;
}

/// The type of a field of an input.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that an input column can have",
    label = "not a type that an input column can have",
    note = "take bool, i64 or another integer, f64, &'a str, &'a [u8], Json<'a>, &'a [f32], \
            or Option of one of them for a column with nulls"
)]
pub trait InputType<'a>: Sized {
    /// The type of the column.
    const DATA_TYPE: DataType;
    /// Whether a value may be null.
    const NULLABLE: bool = false;
    /// The opened column.
    type Column: ColumnReader<'a>;

    /// Reads a value.
    ///
    /// # Errors
    /// The value does not fit into the type, which is narrower than the column's.
    fn read(column: &Self::Column, row: usize) -> Result<Self>;
}

/// An opened column of one type.
pub trait ColumnReader<'a>: Sized {
    /// Checks and opens a column.
    ///
    /// # Errors
    /// The column breaks a rule of the contract, which is an error of the host.
    fn open(column: &'a Column, rows: usize, guarantee: TextGuarantee) -> Result<Self, ContractViolation>;
}

/// The rule of the contract that a column breaks, as the end of a sentence.
pub type ContractViolation = &'static str;
