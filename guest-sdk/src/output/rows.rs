use std::collections::HashSet;
use std::fmt;

use super::{Builders, Output};
use crate::contract::{self, Column, ErrorKind, Field, Rejection};
use crate::{Error, Result};

/// The rows that a step makes of a whole batch, or of nothing.
///
/// Each row says which row of the batch it is made of ([`push_from`](Self::push_from)), in any order and as often as the step
/// likes, or none does ([`push`](Self::push)): then the rows are those of the batch, one for one. Rows that are neither
/// made anything of nor rejected are dropped.
pub struct Rows<O: Output> {
    builders: O::Builders,
    len: usize,
    origins: Origins,
    rejections: Vec<(usize, Error)>,
}

/// Which rows of the batch the rows are made of.
enum Origins {
    /// The rows don't say.
    Unsaid,
    /// Each has been made of the row with the same index so far. No need to write them down yet, and most steps end here.
    Same,
    /// One a row.
    Listed(Vec<u32>),
}

impl<O: Output> Rows<O> {
    /// No rows yet.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// No rows yet, and room for some.
    pub fn with_capacity(rows: usize) -> Self {
        Self { builders: O::Builders::with_capacity(rows), len: 0, origins: Origins::Same, rejections: Vec::new() }
    }

    /// How many rows there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The columns, to make room in.
    pub const fn builders(&mut self) -> &mut O::Builders {
        &mut self.builders
    }

    /// Adds a row that doesn't say what it is made of.
    ///
    /// # Errors
    /// A value doesn't fit its column, and the row is not added; or the rows before it said what they are made of.
    pub fn push(&mut self, row: O) -> Result<()> {
        self.push_with(None, |builders| row.append(builders))
    }

    /// Adds a row that is made of the row `origin` of the batch.
    ///
    /// # Errors
    /// A value doesn't fit its column, and the row is not added; or the rows before it didn't say what they are made of.
    #[inline]
    pub fn push_from(&mut self, origin: usize, row: O) -> Result<()> {
        self.push_with(Some(origin), |builders| row.append(builders))
    }

    /// Adds a row by appending a value to each column, so that a text can be written where it is to stay.
    ///
    /// ```
    /// use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};
    ///
    /// #[derive(Input)]
    /// struct Row<'a> {
    ///     text: &'a str,
    /// }
    ///
    /// #[derive(Output)]
    /// struct Reversed {
    ///     text: String,
    /// }
    ///
    /// /// Writes texts backwards.
    /// #[step]
    /// fn reverse(batch: Batch<'_, Row<'_>>) -> Result<Rows<Reversed>> {
    ///     let mut rows = Rows::<Reversed>::with_capacity(batch.len());
    ///     for (i, row) in batch.iter().enumerate() {
    ///         let Row { text } = row?;
    ///         rows.push_with(Some(i), |to| to.text.push_with(|out| out.extend(text.chars().rev())))?;
    ///     }
    ///     Ok(rows)
    /// }
    /// ```
    ///
    /// # Errors
    /// What the function says, and the row is not added; the function didn't append one value to each column; or some rows
    /// say what they are made of, and some don't.
    #[inline]
    pub fn push_with(
        &mut self,
        origin: Option<usize>,
        append: impl FnOnce(&mut O::Builders) -> Result<()>,
    ) -> Result<()> {
        let appended = append(&mut self.builders)
            .and_then(|()| if self.builders.all_have(self.len + 1) { self.note(origin) } else { Err(uneven()) });
        match appended {
            Ok(()) => self.len += 1,
            Err(_) => self.builders.truncate(self.len),
        }
        appended
    }

    /// Rejects a row of the batch. No row may be made of it.
    pub fn reject(&mut self, row: usize, error: impl Into<Error>) {
        self.rejections.push((row, error.into()));
    }

    /// Notes what the next row is made of.
    #[inline]
    fn note(&mut self, origin: Option<usize>) -> Result<()> {
        match (&mut self.origins, origin) {
            (Origins::Same, Some(origin)) if origin == self.len => {}
            (Origins::Listed(origins), Some(origin)) => origins.push(origin as u32),
            (Origins::Same, Some(origin)) => {
                let mut origins: Vec<u32> = (0..self.len as u32).collect();
                origins.push(origin as u32);
                self.origins = Origins::Listed(origins);
            }
            (Origins::Unsaid, None) => {}
            (Origins::Same, None) if self.len == 0 => self.origins = Origins::Unsaid,
            (Origins::Unsaid, Some(_)) | (_, None) => {
                return Err(Error::internal("some rows say which row they are made of, and some don't")
                    .hint("call `push` for all of them, or `push_from` for all of them"));
            }
        }
        Ok(())
    }

    /// Takes the rows away that follow the first few, for a row that fails half-way through making several.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.builders.truncate(len);
        self.len = len;
        if let Origins::Listed(origins) = &mut self.origins {
            origins.truncate(len);
        }
    }

    /// The rows as the contract has them. `batch` is how many rows there were to make them of, if there were any.
    pub(crate) fn finish(mut self, fields: Vec<Field>, from: MadeOf) -> Result<contract::Output> {
        self.check(from)?;
        let rows = self.len as u32;
        let origins = match (self.origins, from) {
            (Origins::Unsaid, _) | (Origins::Same, MadeOf::Nothing) => None,
            (Origins::Same, MadeOf::Batch(all)) if all == self.len => None,
            (Origins::Same, _) => Some((0..rows).collect()),
            (Origins::Listed(origins), _) => Some(origins),
        };
        let finished = self.builders.finish(&fields)?;
        let columns = fields.into_iter().zip(finished);
        let columns = columns.map(|(field, finished)| Column {
            name: field.name,
            validity: finished.validity,
            values: finished.values,
        });
        self.rejections.sort_by_key(|(row, _)| *row);
        let rejections = self.rejections.into_iter();
        let rejections = rejections
            .map(|(row, error)| Rejection { row: row as u32, error: error.into_step_error(ErrorKind::Input) })
            .collect();
        Ok(contract::Output { rows, columns: columns.collect(), origins, rejections })
    }

    /// Holds the rows against the contract's rules, so that the message has the author's words for them.
    fn check(&self, from: MadeOf) -> Result<()> {
        let (MadeOf::Batch(all) | MadeOf::Everything(all)) = from else {
            let said = !self.is_empty() && !matches!(self.origins, Origins::Unsaid);
            return if said || !self.rejections.is_empty() {
                Err(Error::internal("a source has no rows to make others of, or to reject"))
            } else {
                Ok(())
            };
        };
        // An aggregate may have seen millions of rows and rejects none at its end.
        let mut rejected = HashSet::with_capacity(self.rejections.len());
        for (row, _) in &self.rejections {
            if *row >= all {
                return Err(out_of_range(*row, all));
            }
            if !rejected.insert(*row) {
                return Err(Error::internal(format_args!("the row {row} is rejected twice")));
            }
        }
        let check = |origin: usize| {
            if origin >= all {
                Err(out_of_range(origin, all))
            } else if rejected.contains(&origin) {
                Err(Error::internal(format_args!("the row {origin} is both rejected and made a row of")))
            } else {
                Ok(())
            }
        };
        match &self.origins {
            // Mostly all is well, which is seen without looking at the rows one by one.
            Origins::Listed(origins)
                if rejected.is_empty() && origins.iter().all(|origin| (*origin as usize) < all) =>
            {
                Ok(())
            }
            Origins::Same if rejected.is_empty() && self.len <= all => Ok(()),
            Origins::Listed(origins) => origins.iter().try_for_each(|origin| check(*origin as usize)),
            Origins::Same => (0..self.len).try_for_each(check),
            Origins::Unsaid => match from {
                MadeOf::Batch(_) if self.len != all || !self.rejections.is_empty() => {
                    Err(Error::internal(format_args!(
                        "{} rows were made of {all}, and {} rejected, without saying which",
                        self.len,
                        self.rejections.len()
                    ))
                    .hint("call `push_from` with the row that each is made of"))
                }
                _ => Ok(()),
            },
        }
    }
}

/// What rows can be made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MadeOf {
    /// A batch of so many rows.
    Batch(usize),
    /// All of so many rows that an aggregate has seen.
    Everything(usize),
    /// Nothing.
    Nothing,
}

fn out_of_range(row: usize, all: usize) -> Error {
    Error::internal(format_args!("there is no row {row} in {all}"))
}

fn uneven() -> Error {
    Error::internal("a row was not added to every column once")
}

impl<O: Output> Default for Rows<O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O: Output> fmt::Debug for Rows<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { len, rejections, .. } = self;
        f.debug_struct("Rows").field("len", len).field("rejections", rejections).finish_non_exhaustive()
    }
}
