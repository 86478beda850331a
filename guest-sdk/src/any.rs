//! Columns that the parameters define: their number, names and types.
//!
//! A step that reads such columns takes an [`AnyRow`] instead of a struct with `#[derive(Input)]`; a step that writes them
//! returns an [`AnyOutput`]. The parameters name a function that lists the columns:
//!
//! ```
//! use stillbox_sdk::any::{AnyRow, DataType, Field};
//! use stillbox_sdk::{Output, Parameters, Result, step};
//!
//! #[derive(Parameters)]
//! #[parameters(inputs = Self::inputs)]
//! struct Parameters {
//!     /// The columns to check.
//!     columns: Vec<String>,
//! }
//!
//! impl Parameters {
//!     fn inputs(&self) -> Vec<Field> {
//!         self.columns.iter().map(|name| Field::new(name, DataType::Json)).collect()
//!     }
//! }
//!
//! #[derive(Output)]
//! struct Counted {
//!     n_nulls: usize,
//! }
//!
//! /// Counts the nulls of each row.
//! #[step]
//! fn count_nulls(parameters: &Parameters, row: AnyRow<'_>) -> Result<Counted> {
//!     let is_null = |column: &usize| row.json(*column).is_none();
//!     Ok(Counted { n_nulls: (0..parameters.columns.len()).filter(is_null).count() })
//! }
//! ```
//!
//! A step that does not know the type of a column can read any column as [`DataType::Json`]: the host converts the values to
//! JSON, a text to a string, bytes to a string in base64, a vector to a list. [`Json::value`](crate::Json::value) returns the
//! kind of a value. [`AnyRow::write_key`] compares such values as the host knows them.

mod builder;
mod columns;
mod exact;
mod input;
mod output;

pub use builder::AnyBuilders;
pub use input::{AnyColumns, AnyRow};
pub use output::AnyOutput;

pub use crate::any_value::AnyValue;
pub use crate::contract::stillbox::step::columns::LogicalType;
pub use crate::contract::{DataType, Field};
