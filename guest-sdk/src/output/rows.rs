use std::collections::HashSet;
use std::fmt;

use super::{Builders, Output};
use crate::contract::{self, Column, ErrorKind, Field, Rejection};
use crate::{Error, Result, dropped};

/// The output rows of a step for a whole batch, or of a source.
///
/// Either every output row names the input row that it comes from ([`push_from`](Self::push_from)), in any order and with
/// repetitions, or no row does ([`push`](Self::push)): then there is one output row for each input row, in the same order. An
/// input row without output rows that is not rejected is dropped.
pub struct Rows<O: Output> {
    builders: O::Builders,
    len: usize,
    origins: Origins,
    rejections: Vec<(usize, Error)>,
}

/// The input rows that the output rows come from.
enum Origins {
    /// The rows do not name their origins.
    Unspecified,
    /// Each row so far comes from the input row with the same index. The usual case, which needs no list.
    Identity,
    /// One origin per row.
    Listed(Vec<u32>),
}

impl<O: Output> Rows<O> {
    /// Creates an empty output.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// Creates an empty output with capacity for a number of rows.
    pub fn with_capacity(rows: usize) -> Self {
        Self { builders: O::Builders::with_capacity(rows), len: 0, origins: Origins::Identity, rejections: Vec::new() }
    }

    /// Creates an output from whole columns of `rows` values each. The first row comes from the first input row, and so on.
    ///
    /// A loop over the values of a column is compiled to vector instructions more often than a function for each row.
    ///
    /// ```
    /// use stillbox_sdk::{Batch, Input, Output, Result, Rows, step};
    ///
    /// #[derive(Input)]
    /// struct Row {
    ///     celsius: f64,
    /// }
    ///
    /// #[derive(Output)]
    /// struct Converted {
    ///     fahrenheit: f64,
    /// }
    ///
    /// /// Converts temperatures.
    /// #[step]
    /// fn convert(batch: Batch<'_, Row>) -> Result<Rows<Converted>> {
    ///     let celsius = batch.columns().celsius.values();
    ///     let fahrenheit: Vec<f64> = celsius.iter().map(|value| value * 1.8 + 32.0).collect();
    ///     Rows::from_columns(batch.len(), ConvertedBuilders { fahrenheit: fahrenheit.into() })
    /// }
    /// ```
    ///
    /// # Errors
    /// A column has another number of values.
    pub fn from_columns(rows: usize, columns: O::Builders) -> Result<Self> {
        if !columns.all_have(rows) {
            return Err(Error::internal(format_args!("`from_columns` needs {rows} values in every column")));
        }
        Ok(Self { builders: columns, len: rows, origins: Origins::Identity, rejections: Vec::new() })
    }

    /// Returns the number of rows.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no rows.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the column builders, to reserve memory in them.
    pub const fn builders(&mut self) -> &mut O::Builders {
        &mut self.builders
    }

    /// Adds a row without naming its input row.
    ///
    /// # Errors
    /// A value does not fit its column, and the row is not added; or an earlier row named its input row.
    pub fn push(&mut self, row: O) -> Result<()> {
        self.push_with(None, |builders| row.append(builders))
    }

    /// Adds a row that comes from the input row with the index `origin`.
    ///
    /// # Errors
    /// A value does not fit its column, and the row is not added; or an earlier row did not name its input row.
    #[inline]
    pub fn push_from(&mut self, origin: usize, row: O) -> Result<()> {
        self.push_with(Some(origin), |builders| row.append(builders))
    }

    /// Adds a row that comes from the input row with this index, or rejects that row with the error.
    pub fn push_or_reject(&mut self, row: usize, result: Result<O>) {
        if let Err(error) = result.and_then(|output| self.push_from(row, output)) {
            self.reject(row, error);
        }
    }

    /// Adds a row by appending a value to each column builder, which avoids a copy of texts.
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
    /// The function fails, or does not append exactly one value to each column, and the row is not added; or some rows name
    /// their input row and some do not.
    #[inline]
    pub fn push_with(
        &mut self,
        origin: Option<usize>,
        append: impl FnOnce(&mut O::Builders) -> Result<()>,
    ) -> Result<()> {
        let appended = append(&mut self.builders).and_then(|()| {
            if self.builders.all_have(self.len + 1) { self.note(origin) } else { Err(incomplete_row()) }
        });
        match appended {
            Ok(()) => self.len += 1,
            Err(_) => self.builders.truncate(self.len),
        }
        appended
    }

    /// Rejects an input row. No output row may come from it.
    pub fn reject(&mut self, row: usize, error: impl Into<Error>) {
        self.rejections.push((row, error.into()));
    }

    /// Gives the reason for which an input row is dropped: no output row comes from it, and it is not rejected. `[dropped]` in the
    /// pipeline file records reasons; without it the reason is not even formatted. Other rows are not affected by this call.
    pub fn drop_row(&mut self, row: usize, reason: impl fmt::Display) {
        dropped::note(row as u32, &reason);
    }

    /// Records the origin of the next row.
    #[inline]
    fn note(&mut self, origin: Option<usize>) -> Result<()> {
        match (&mut self.origins, origin) {
            (Origins::Identity, Some(origin)) if origin == self.len => {}
            (Origins::Listed(origins), Some(origin)) => origins.push(origin as u32),
            (Origins::Identity, Some(origin)) => {
                let mut origins: Vec<u32> = (0..self.len as u32).collect();
                origins.push(origin as u32);
                self.origins = Origins::Listed(origins);
            }
            (Origins::Unspecified, None) => {}
            (Origins::Identity, None) if self.len == 0 => self.origins = Origins::Unspecified,
            (Origins::Unspecified, Some(_)) | (_, None) => {
                return Err(Error::internal("some rows name the input row that they come from, and some do not")
                    .hint("call `push` for every row, or `push_from` for every row"));
            }
        }
        Ok(())
    }

    /// Removes all rows after the first `len`, for an input row that fails after some of its output rows.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.builders.truncate(len);
        self.len = len;
        if let Origins::Listed(origins) = &mut self.origins {
            origins.truncate(len);
        }
    }

    /// Converts the rows to the contract's type. `scope` is the range of the origins.
    pub(crate) fn finish(mut self, fields: Vec<Field>, scope: OriginScope) -> Result<contract::Output> {
        self.check(scope)?;
        let rows = self.len as u32;
        let origins = match (self.origins, scope) {
            (Origins::Unspecified, _) | (Origins::Identity, OriginScope::NoRows) => None,
            (Origins::Identity, OriginScope::Batch(all)) if all == self.len => None,
            (Origins::Identity, _) => Some((0..rows).collect()),
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

    /// Checks the rules of the contract here, so that the message uses the terms of the SDK.
    fn check(&self, scope: OriginScope) -> Result<()> {
        let (OriginScope::Batch(all) | OriginScope::AllRows(all)) = scope else {
            let has_origins = !self.is_empty() && !matches!(self.origins, Origins::Unspecified);
            return if has_origins || !self.rejections.is_empty() {
                Err(Error::internal("a source has no input rows, but the output names or rejects some"))
            } else {
                Ok(())
            };
        };
        // Not a bitmap of all rows: an aggregate may have seen millions, and rejects none in `finish`.
        let mut rejected = HashSet::with_capacity(self.rejections.len());
        for (row, _) in &self.rejections {
            if *row >= all {
                return Err(out_of_range(*row, all));
            }
            if !rejected.insert(*row) {
                return Err(Error::internal(format_args!("row {row} is rejected twice")));
            }
        }
        let check = |origin: usize| {
            if origin >= all {
                Err(out_of_range(origin, all))
            } else if rejected.contains(&origin) {
                Err(Error::internal(format_args!("row {origin} is rejected, but an output row comes from it")))
            } else {
                Ok(())
            }
        };
        match &self.origins {
            // Fast path without a check of each row.
            Origins::Listed(origins)
                if rejected.is_empty() && origins.iter().all(|origin| (*origin as usize) < all) =>
            {
                Ok(())
            }
            Origins::Identity if rejected.is_empty() && self.len <= all => Ok(()),
            Origins::Listed(origins) => origins.iter().try_for_each(|origin| check(*origin as usize)),
            Origins::Identity => (0..self.len).try_for_each(check),
            Origins::Unspecified => match scope {
                OriginScope::Batch(_) if self.len != all || !self.rejections.is_empty() => {
                    Err(Error::internal(format_args!(
                        "the step returned {} rows for {all} input rows and rejected {}, without naming the input row of each",
                        self.len,
                        self.rejections.len()
                    ))
                    .hint("call `push_from` with the input row that each row comes from"))
                }
                _ => Ok(()),
            },
        }
    }
}

/// The input rows that origins refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OriginScope {
    /// The rows of a batch, with their number.
    Batch(usize),
    /// All rows that an aggregate has seen, with their number.
    AllRows(usize),
    /// No rows: the output of a source.
    NoRows,
}

fn out_of_range(row: usize, all: usize) -> Error {
    Error::internal(format_args!("row {row} is out of range: there are {all} input rows"))
}

fn incomplete_row() -> Error {
    Error::internal("a row must append exactly one value to every column")
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
