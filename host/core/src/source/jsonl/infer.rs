//! Infers columns and types from the first rows.

use std::collections::{HashMap, HashSet};

use super::super::column::{TextColumn, parse_vector};
use super::super::error::SourceErrorKind;
use super::super::number::{Number, is_exact, parse_number};
use super::super::text::MAX_COLUMNS;
use super::messages;
use super::nan::Replaced;
use super::object::{self, for_each_entry};
use super::row_error::RowError;
use crate::data_type::DataType;
use crate::format::NanTokens;
use crate::text::named;

/// The columns of the sample, in the order in which they first appeared.
#[derive(Debug, Default)]
pub(crate) struct Inference {
    columns: Vec<(String, ObservedValues)>,
    by_name: HashMap<String, usize>,
    rows: u64,
}

/// The values of a column in the sample.
#[derive(Debug, Default)]
struct ObservedValues {
    /// The number of the last row that had the column, from 1, to detect a duplicate key.
    row: u64,
    /// The common type so far; `None` while all values are null.
    data_type: Option<DataType>,
    /// Whether there was an integer without an exact float.
    inexact: bool,
    /// The width of the first vector.
    width: Option<usize>,
}

impl Inference {
    /// Adds a row that is not blank.
    ///
    /// # Errors
    ///
    /// The row is not an object, has a duplicate key, or there are too many columns.
    pub(super) fn observe(&mut self, row: &str, rule: NanTokens) -> Result<(), RowError> {
        object::check_start(row)?;
        self.rows += 1;
        let replaced = Replaced::new(row, rule);
        let mut problem = None;
        let parsed = for_each_entry(&replaced.text, |key, value| {
            let is_token = replaced.token_at(value.as_ptr() as usize - replaced.text.as_ptr() as usize).is_some();
            problem = self.observe_value(key, value, is_token).err();
            problem.is_none()
        });
        if let Some(kind) = problem {
            return Err(kind.into());
        }
        parsed.map_err(|error| messages::malformed(row, &replaced, &error))
    }

    fn observe_value(&mut self, key: &str, value: &str, is_token: bool) -> Result<(), SourceErrorKind> {
        let index = match self.by_name.get(key) {
            Some(&index) => index,
            None if self.columns.len() == MAX_COLUMNS => {
                return Err(SourceErrorKind::TooManyColumns { limit: MAX_COLUMNS });
            }
            None => {
                self.by_name.insert(key.to_owned(), self.columns.len());
                self.columns.push((key.to_owned(), ObservedValues::default()));
                self.columns.len() - 1
            }
        };
        let observed = &mut self.columns[index].1;
        if observed.row == self.rows {
            return Err(SourceErrorKind::DuplicateKey { key: named(key) });
        }
        observed.row = self.rows;
        if is_token {
            observed.add_type(DataType::Float);
        } else {
            observed.add(value);
        }
        Ok(())
    }

    /// Returns the columns, or `None` if there was no row.
    pub(crate) fn columns(self) -> Option<Vec<TextColumn>> {
        if self.rows == 0 {
            return None;
        }
        let columns = self.columns.into_iter();
        Some(
            columns
                .map(|(name, observed)| TextColumn { name, data_type: observed.common(), width: 0, declared: false })
                .collect(),
        )
    }

    /// Returns the width of the first vector in a column.
    pub(crate) fn width(&self, name: &str) -> Option<usize> {
        self.columns[*self.by_name.get(name)?].1.width
    }
}

impl ObservedValues {
    fn add(&mut self, value: &str) {
        let data_type = match value.as_bytes().first() {
            Some(b'n') => return,
            Some(b't' | b'f') => DataType::Boolean,
            Some(b'"') => DataType::Text,
            Some(b'[') => {
                self.width = self.width.or_else(|| parse_vector(value).map(|vector| vector.len()));
                DataType::Json
            }
            Some(b'{') => DataType::Json,
            _ => match parse_number(value) {
                Some(Number::Integer(integer)) => {
                    self.inexact |= !is_exact(integer);
                    DataType::Integer
                }
                Some(Number::Float(_)) => DataType::Float,
                Some(Number::Large | Number::Overflow) | None => DataType::Json,
            },
        };
        self.add_type(data_type);
    }

    fn add_type(&mut self, data_type: DataType) {
        self.data_type = Some(match (self.data_type, data_type) {
            (None, data_type) => data_type,
            (Some(before), data_type) if before == data_type => data_type,
            (Some(DataType::Integer), DataType::Float) | (Some(DataType::Float), DataType::Integer) => DataType::Float,
            _ => DataType::Json,
        });
    }

    fn common(&self) -> DataType {
        match self.data_type {
            None => DataType::Json,
            Some(DataType::Float) if self.inexact => DataType::Json,
            Some(data_type) => data_type,
        }
    }
}

/// Returns whether a row is an object with different keys, so that no column is made of a row that will be rejected.
pub(super) fn is_object(row: &str, rule: NanTokens) -> bool {
    let replaced = Replaced::new(row, rule);
    let mut keys = HashSet::new();
    let mut has_duplicate = false;
    let parsed = for_each_entry(&replaced.text, |key, _| {
        has_duplicate |= !keys.insert(key.to_owned());
        true
    });
    object::check_start(row).is_ok() && parsed.is_ok() && !has_duplicate
}
