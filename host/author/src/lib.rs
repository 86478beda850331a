//! Tools for step authors: creates new steps.

mod new;

pub use new::{Language, MadeStep, NewError, NewStep, Shape};
