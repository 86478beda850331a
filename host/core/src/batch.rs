//! Batches: converts Arrow columns to the contract's columns, and checks and converts what steps return.

mod convert;
mod lift;
mod lower;
mod output;
mod rows;

pub(crate) use convert::{ConvertError, as_contract};
pub(crate) use lift::{CheckedOutput, GivenRows, check};
pub(crate) use lower::{LoweredColumn, first_null};
pub(crate) use output::{StepOutput, StepRejection};
pub(crate) use rows::{RowOrigins, Rows};
