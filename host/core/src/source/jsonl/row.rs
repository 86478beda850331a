//! Decodes one row into columns, directly from the parser into the builders.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::super::advice::{self, DeclarationScope};
use super::super::column::{ColumnBuilder, RowsBuilder, TextColumn, TextColumns};
use super::super::error::SourceErrorKind;
use super::super::number::{Number, parse_number};
use super::messages;
use super::nan::{Replaced, token_name};
use super::object::{self, for_each_entry};
use super::row_error::RowError;
use super::unknown::OtherKeys;
use crate::data_type::DataType;
use crate::format::{JsonSettings, UnknownKeys};
use crate::text::named;

/// The columns and rules of rows.
#[derive(Debug)]
pub(crate) struct RowFormat {
    /// The columns of every row. With [`UnknownKeys::Into`], the last one is for other keys.
    pub(crate) columns: Arc<TextColumns>,
    pub(crate) settings: JsonSettings,
}

impl RowFormat {
    /// The columns that have keys of their own.
    pub(super) fn file_columns(&self) -> &[TextColumn] {
        &self.columns.list[..self.columns.list.len() - self.other_columns()]
    }

    /// The number of columns for other keys: one or none.
    pub(super) fn other_columns(&self) -> usize {
        usize::from(matches!(self.settings.unknown_keys, UnknownKeys::Into(_)))
    }
}

/// Adds the rows of a chunk to the builders.
pub(super) struct RowBuilder<'c> {
    format: &'c RowFormat,
    pub(super) rows: RowsBuilder<'c>,
    /// For every column, the number of the last row that had a value, from 1.
    last_row: Vec<u64>,
    row: u64,
    /// The keys of the current row that are not columns.
    other: OtherKeys,
    /// The reason for stopping the parser.
    problem: Option<RowProblem>,
}

enum RowProblem {
    Unknown(String),
    DuplicateOther(String),
    Duplicate(usize),
    TypeMismatch(usize),
    NotFinite(String),
}

impl<'c> RowBuilder<'c> {
    pub(super) fn new(format: &'c RowFormat, rows: usize, bytes: usize) -> Self {
        Self {
            format,
            rows: RowsBuilder::new(&format.columns, rows, bytes),
            last_row: vec![0; format.columns.list.len()],
            row: 0,
            other: OtherKeys::default(),
            problem: None,
        }
    }

    /// Ends a row that has all columns and no other key.
    pub(super) fn end_fast_row(&mut self) {
        if self.format.other_columns() > 0
            && let Some(builder) = self.rows.builders.last_mut()
        {
            builder.append_null();
        }
        self.rows.end_row();
    }

    /// Adds a row that is not blank. After an error, some columns have a value of the row.
    pub(super) fn add(&mut self, row: &str) -> Result<(), RowError> {
        object::check_start(row)?;
        let replaced = Replaced::new(row, self.format.settings.nan);
        self.row += 1;
        self.other.clear();
        let mut deserializer = Deserializer::from_str(&replaced.text);
        let visitor = RowVisitor { rows: &mut *self, replaced: &replaced };
        let parsed = deserializer.deserialize_map(visitor).and_then(|found| {
            deserializer.end()?;
            Ok(found)
        });
        match parsed {
            Ok(found) => {
                self.end_row(found);
                Ok(())
            }
            Err(error) => Err(match self.problem.take() {
                Some(problem) => self.explain(problem, &replaced).into(),
                None => messages::malformed(row, &replaced, &error),
            }),
        }
    }

    /// Adds nulls to the columns that the row does not have, and the other keys to their column.
    fn end_row(&mut self, found: usize) {
        let others = self.format.other_columns();
        if found + others < self.rows.builders.len() {
            let columns = self.rows.builders.len() - others;
            for (builder, last_row) in self.rows.builders[..columns].iter_mut().zip(&self.last_row) {
                if *last_row != self.row {
                    builder.append_null();
                }
            }
        }
        if others > 0
            && let Some(ColumnBuilder::Json(builder)) = self.rows.builders.last_mut()
        {
            builder.append_option(self.other.as_json());
        }
        self.rows.end_row();
    }

    #[cold]
    fn explain(&self, problem: RowProblem, row: &Replaced<'_>) -> SourceErrorKind {
        let columns = &self.format.columns;
        match problem {
            RowProblem::Unknown(key) => match &self.format.settings.unknown_keys {
                UnknownKeys::Into(into) if *into == key => SourceErrorKind::OtherKeyTaken { key: named(&key) },
                _ => advice::unknown_key(columns, &key),
            },
            RowProblem::Duplicate(index) => SourceErrorKind::DuplicateKey { key: named(&columns.list[index].name) },
            RowProblem::DuplicateOther(key) => SourceErrorKind::DuplicateKey { key: named(&key) },
            RowProblem::NotFinite(key) => SourceErrorKind::NotFiniteInside { key: named(&key) },
            RowProblem::TypeMismatch(index) => {
                // The parser is past the value, so the row is parsed again to get its text.
                let mut value = "";
                let name = &columns.list[index].name;
                let parsed = for_each_entry(&row.text, |key, text| {
                    if key == name {
                        value = text;
                    }
                    key != name
                });
                if let Err(error) = parsed {
                    return messages::malformed(&row.text, row, &error).kind;
                }
                let token = row.token_at(value.as_ptr() as usize - row.text.as_ptr() as usize);
                let found = token.map_or_else(|| advice::describe_json(value), |token| token_name(token).to_owned());
                let suggested = match (columns.list[index].data_type, parse_number(value)) {
                    (_, Some(_)) if token.is_some() => DataType::Float,
                    (DataType::Integer, Some(Number::Float(_))) => DataType::Float,
                    _ => DataType::Json,
                };
                advice::mismatch(columns, index, found, suggested, DeclarationScope::AllColumns)
            }
        }
    }

    #[cold]
    fn stop<E: serde::de::Error>(&mut self, problem: RowProblem) -> E {
        self.problem = Some(problem);
        E::custom("stopped")
    }
}

/// Adds the values of a row to the columns.
struct RowVisitor<'r, 'c> {
    rows: &'r mut RowBuilder<'c>,
    replaced: &'r Replaced<'r>,
}

impl RowVisitor<'_, '_> {
    /// Handles a key that is not a column.
    fn other<'de, A: MapAccess<'de>>(&mut self, key: String, map: &mut A) -> Result<(), A::Error> {
        match &self.rows.format.settings.unknown_keys {
            UnknownKeys::Error => return Err(self.rows.stop(RowProblem::Unknown(key))),
            UnknownKeys::Ignore => {
                map.next_value::<IgnoredAny>()?;
            }
            UnknownKeys::Into(into) if *into == key => return Err(self.rows.stop(RowProblem::Unknown(key))),
            UnknownKeys::Into(_) => {
                let value = map.next_value::<&RawValue>()?.get();
                if self.replaced.has_floats() {
                    let start = value.as_ptr() as usize - self.replaced.text.as_ptr() as usize;
                    if self.replaced.has_token_in(start, start + value.len()) {
                        return Err(self.rows.stop(RowProblem::NotFinite(key)));
                    }
                }
                if let Err(key) = self.rows.other.add(key, value) {
                    return Err(self.rows.stop(RowProblem::DuplicateOther(key)));
                }
            }
        }
        Ok(())
    }
}

/// Reads an object, and returns its number of columns.
impl<'de> Visitor<'de> for RowVisitor<'_, '_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<usize, A::Error> {
        let mut found = 0;
        let mut guess = 0;
        let columns = &self.rows.format.columns;
        let file_columns = self.rows.format.file_columns().len();
        while let Some(key) = map.next_key_seed(ColumnIndexSeed { columns, guess, count: file_columns })? {
            let index = match key {
                Ok(index) => index,
                Err(unknown) => {
                    self.other(unknown, &mut map)?;
                    continue;
                }
            };
            if self.rows.last_row[index] == self.rows.row {
                return Err(self.rows.stop(RowProblem::Duplicate(index)));
            }
            self.rows.last_row[index] = self.rows.row;
            let value = ValueSeed { builder: &mut self.rows.rows.builders[index], row: self.replaced };
            match map.next_value_seed(value)? {
                Ok(()) => {}
                Err(Misfit::Type) => return Err(self.rows.stop(RowProblem::TypeMismatch(index))),
                Err(Misfit::NotFinite) => {
                    let name = columns.list[index].name.clone();
                    return Err(self.rows.stop(RowProblem::NotFinite(name)));
                }
            }
            found += 1;
            guess = index + 1;
        }
        Ok(found)
    }
}

/// Reads a key, and returns the index of its column, or the key if it is not a column.
struct ColumnIndexSeed<'c> {
    columns: &'c TextColumns,
    guess: usize,
    /// Number of columns that have keys.
    count: usize,
}

impl<'de> DeserializeSeed<'de> for ColumnIndexSeed<'_> {
    type Value = Result<usize, String>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for ColumnIndexSeed<'_> {
    type Value = Result<usize, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        let index = self.columns.index(key, self.guess).filter(|index| *index < self.count);
        Ok(index.ok_or_else(|| key.to_owned()))
    }
}

/// Adds a value to its column, if it fits.
struct ValueSeed<'b> {
    builder: &'b mut ColumnBuilder,
    row: &'b Replaced<'b>,
}

/// The reason that a value does not fit its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Misfit {
    /// It has another type.
    Type,
    /// It is JSON that contains a number that is not finite.
    NotFinite,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Result<(), Misfit>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if let ColumnBuilder::Text(_) = self.builder {
            // Not through `RawValue`: the parser unescapes while it copies, so a text is copied once.
            return deserializer.deserialize_any(self);
        }
        let value = <&RawValue>::deserialize(deserializer)?.get();
        if self.row.has_floats() {
            let start = value.as_ptr() as usize - self.row.text.as_ptr() as usize;
            match (self.row.token_at(start), &mut *self.builder) {
                (Some(token), ColumnBuilder::Float(builder)) => {
                    builder.append_value(token);
                    return Ok(Ok(()));
                }
                (Some(_), ColumnBuilder::Boolean(_) | ColumnBuilder::Integer(_) | ColumnBuilder::Binary(_)) => {
                    return Ok(Err(Misfit::Type));
                }
                _ if self.row.has_token_in(start, start + value.len()) => return Ok(Err(Misfit::NotFinite)),
                _ => {}
            }
        }
        Ok(self.builder.append_json(value).map_err(|_| Misfit::Type))
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Result<(), Misfit>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        if let ColumnBuilder::Text(builder) = self.builder {
            builder.append_value(text);
        }
        Ok(Ok(()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        self.builder.append_null();
        Ok(Ok(()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Err(Misfit::Type))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Err(Misfit::Type))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Err(Misfit::Type))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Err(Misfit::Type))
    }

    // The parser expects lists and objects to be read to their end. Otherwise it reports that instead of the type.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Err(Misfit::Type))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Err(Misfit::Type))
    }
}

/// Adds the row of a line with the parser only, and returns whether it is valid. For tests of the fast path.
#[cfg(test)]
pub(super) fn add_with_parser(columns: TextColumns, line: &str) -> Option<arrow_array::RecordBatch> {
    let format = RowFormat { columns: Arc::new(columns), settings: JsonSettings::default() };
    let mut rows = RowBuilder::new(&format, 1, line.len());
    rows.add(line).is_ok().then(|| rows.rows.finish())
}
