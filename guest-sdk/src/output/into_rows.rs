use super::{Output, Rows};
use crate::Result;

/// The return type of a step for one row: an [`Output`] for every row, an [`Option`] of one to drop rows, a [`Vec`] to expand
/// rows, or a [`bool`] to filter rows without changing them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a type that a step can return for a row",
    label = "not a return type of a step",
    note = "return `Result<T>`, where `T` is a struct with `#[derive(Output)]`, `Option` or `Vec` of one, `bool` or `()`"
)]
pub trait IntoRows {
    /// The columns of the output rows.
    type Output: Output;

    /// Adds the output rows for the input row `origin`.
    ///
    /// # Errors
    /// A value does not fit its column.
    fn add_to(self, rows: &mut Rows<Self::Output>, origin: usize) -> Result<()>;
}

impl<O: Output> IntoRows for O {
    type Output = Self;

    #[inline]
    fn add_to(self, rows: &mut Rows<Self>, origin: usize) -> Result<()> {
        rows.push_from(origin, self)
    }
}

impl<O: Output> IntoRows for Option<O> {
    type Output = O;

    #[inline]
    fn add_to(self, rows: &mut Rows<O>, origin: usize) -> Result<()> {
        self.map_or(Ok(()), |row| rows.push_from(origin, row))
    }
}

impl<O: Output> IntoRows for Vec<O> {
    type Output = O;

    fn add_to(self, rows: &mut Rows<O>, origin: usize) -> Result<()> {
        self.into_iter().try_for_each(|row| rows.push_from(origin, row))
    }
}

impl IntoRows for bool {
    type Output = ();

    #[inline]
    fn add_to(self, rows: &mut Rows<()>, origin: usize) -> Result<()> {
        if self { rows.push_from(origin, ()) } else { Ok(()) }
    }
}
