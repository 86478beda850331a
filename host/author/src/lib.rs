//! Tools for step authors: creates new steps, and runs their test cases.

pub mod cases;
mod new;

pub use new::{Language, MadeStep, NewError, NewStep, StepTemplate};
