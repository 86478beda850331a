use super::{Output, Rows};
use crate::Result;

/// The return type of a step for one row. `#[step]` generates a call of `row_result`, so a different return type is a single compile
/// error at the type in the step's signature.
#[diagnostic::on_unimplemented(
    message = "a step returns `stillbox_sdk::Result<...>`, not `{Self}`",
    label = "not the `Result` of `stillbox_sdk`",
    note = "return `Result<T>` with `use stillbox_sdk::Result`, where `T` is a struct with `#[derive(Output)]`, `Option` or `Vec` of one, \
            `bool` or `()`; `?` converts other errors"
)]
pub trait RowResult {
    /// The value without an error.
    type Value;

    /// Returns the step's own result.
    fn into_result(self) -> Result<Self::Value>;
}

impl<T> RowResult for Result<T> {
    type Value = T;

    #[inline]
    fn into_result(self) -> Self {
        self
    }
}

/// The return type of a step for a whole batch.
#[diagnostic::on_unimplemented(
    message = "a step that takes a whole batch returns `stillbox_sdk::Result<Rows<...>>`, not `{Self}`",
    label = "not a `Result` of `Rows`",
    note = "return `Result<Rows<T>>` with `use stillbox_sdk::{{Result, Rows}}`, where `T` is a struct with `#[derive(Output)]`, or `()`; \
            `?` converts other errors"
)]
pub trait BatchResult {
    /// A row.
    type Row: Output;

    /// Returns the step's own result.
    fn into_result(self) -> Result<Rows<Self::Row>>;
}

impl<T: Output> BatchResult for Result<Rows<T>> {
    type Row = T;

    #[inline]
    fn into_result(self) -> Self {
        self
    }
}

/// Returns the result of a step that takes a row.
///
/// # Errors
/// The step returned an error.
#[inline]
pub fn row_result<T: RowResult>(returned: T) -> Result<T::Value> {
    returned.into_result()
}

/// Returns the result of a step that takes a whole batch.
///
/// # Errors
/// The step returned an error.
#[inline]
pub fn batch_result<T: BatchResult>(returned: T) -> Result<Rows<T::Row>> {
    returned.into_result()
}
