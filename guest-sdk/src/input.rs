//! Inputs: the columns that a step reads, and the rows it sees of them.
//!
//! `#[derive(Input)]` goes on a struct with named fields, each of which is a column.
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
//! Borrowed fields point into the batch, so that reading them copies nothing. What can stand in `#[column(...)]`:
//!
//! - `name = "..."`: the column has another name than the field;
//! - `from = "..."`: a parameter, which must be a `String` or an `Option<String>`, gives the column's name; without a value
//!   for it, the column has the name of the field;
//! - `optional`: the column may be missing. The field is an `Option`, and then `None` in every row.
//!
//! Where the parameters decide how many columns there are, or of which types, the input is an
//! [`AnyRow`](crate::any::AnyRow) instead.
//!
//! The derive also makes a struct `...Columns` beside the input, with the same fields, whose types are the columns here; see
//! [`Batch::columns`].

mod batch;
mod nullable;
mod numbers;
mod texts;
mod vectors;

pub use batch::Batch;
pub use nullable::NullableColumn;
pub use numbers::{BooleanColumn, FloatColumn, IntegerColumn};
pub use texts::{BinaryColumn, JsonColumn, TextColumn};
pub use vectors::VectorColumn;

use crate::Result;
use crate::column::{ColumnSpec, Opener};
use crate::contract::{Column, DataType};
use crate::sent::Sender;

/// A row of a batch, as a step sees it. Derived. A row borrows from its batch, so the trait is for the type with any
/// lifetime, and says what the type is with that of a batch.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of input",
    label = "lacks `#[derive(Input)]`",
    note = "write `#[derive(Input)]` above a struct with a field for every column, and take it by value; \
            parameters come first, as a reference"
)]
pub trait Input {
    /// A row of a batch that lives for `'a`.
    type Row<'a>;
    /// The columns of such a batch, opened.
    type Columns<'a>;

    /// The columns, in the order of the fields.
    #[doc(hidden)]
    const COLUMNS: &'static [ColumnSpec];

    /// Whether the parameters decide which columns there are.
    #[doc(hidden)]
    const ANY: bool = false;

    /// Opens the columns.
    #[doc(hidden)]
    fn open<'a>(opener: &mut Opener<'a>) -> Result<Self::Columns<'a>>;

    /// Reads a row.
    #[doc(hidden)]
    fn read<'a>(columns: &Self::Columns<'a>, row: usize) -> Result<Self::Row<'a>>;
}

/// A type that a field of an input can have.
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
    /// The column, opened.
    type Column: ColumnReader<'a>;

    /// Reads a value.
    ///
    /// # Errors
    /// The value doesn't fit the type, which is narrower than the column's.
    fn read(column: &Self::Column, row: usize) -> Result<Self>;
}

/// An opened column of one type.
pub trait ColumnReader<'a>: Sized {
    /// Opens a column, once all its values are known to be sound.
    ///
    /// # Errors
    /// What breaks the contract's rules. The host is at fault then.
    fn open(column: &'a Column, rows: usize, sender: Sender) -> Result<Self, Broken>;
}

/// Which of the contract's rules a column breaks.
pub type Broken = &'static str;
