use super::{Output, Rows};
use crate::Result;

/// What a step makes of one row: an [`Output`] for every row, an [`Option`] of one to drop rows, a [`Vec`] to repeat them, a
/// [`bool`] to keep rows as they are or drop them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what a step makes of a row",
    label = "not what a step makes of a row",
    note = "return `Result<T>`, where `T` is a struct with `#[derive(Output)]`, `Option` or `Vec` of one, `bool` or `()`"
)]
pub trait Made {
    /// The columns it is made of.
    type Output: Output;

    /// Adds the rows made of the row `origin`.
    ///
    /// # Errors
    /// A value doesn't fit its column.
    fn add_to(self, rows: &mut Rows<Self::Output>, origin: usize) -> Result<()>;
}

impl<O: Output> Made for O {
    type Output = Self;

    #[inline]
    fn add_to(self, rows: &mut Rows<Self>, origin: usize) -> Result<()> {
        rows.push_from(origin, self)
    }
}

impl<O: Output> Made for Option<O> {
    type Output = O;

    #[inline]
    fn add_to(self, rows: &mut Rows<O>, origin: usize) -> Result<()> {
        self.map_or(Ok(()), |row| rows.push_from(origin, row))
    }
}

impl<O: Output> Made for Vec<O> {
    type Output = O;

    fn add_to(self, rows: &mut Rows<O>, origin: usize) -> Result<()> {
        self.into_iter().try_for_each(|row| rows.push_from(origin, row))
    }
}

impl Made for bool {
    type Output = ();

    #[inline]
    fn add_to(self, rows: &mut Rows<()>, origin: usize) -> Result<()> {
        if self { rows.push_from(origin, ()) } else { Ok(()) }
    }
}
