//! Batches: Arrow columns into the contract's columns, and back with every value checked.

mod convert;
mod lift;
mod lower;
mod output;
mod rows;

pub(crate) use convert::{ConvertError, as_contract};
pub(crate) use lift::{Checked, OutputOf, check};
pub(crate) use lower::{Lowered, first_null};
pub(crate) use output::{RefusedRow, StepOutput};
pub(crate) use rows::{Origin, Rows};
