//! Infers columns and types from the first rows.

use std::collections::{HashMap, HashSet};

use super::super::column::{TextColumn, parse_vector};
use super::super::error::SourceErrorKind;
use super::super::number::{Number, is_exact, parse_number};
use super::super::text::MAX_COLUMNS;
use super::line_cursor::{Escapes, KeyPattern, LineCursor, is_plain};
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
    /// The keys of the columns, up to the first that is not plain.
    keys: Vec<KeyPattern>,
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
        self.rows += 1;
        if self.observe_common(row).is_some() { Ok(()) } else { self.observe_parsed(row, rule) }
    }

    fn observe_parsed(&mut self, row: &str, rule: NanTokens) -> Result<(), RowError> {
        object::check_start(row)?;
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

    /// Adds a row that has all columns so far, in their order, with plain values: most rows of most files. Returns `None` for another
    /// row, some of whose values may be added. The parser adds them again, which changes nothing.
    fn observe_common(&mut self, row: &str) -> Option<()> {
        if self.keys.is_empty() || self.keys.len() < self.columns.len() {
            return None;
        }
        let mut cursor = LineCursor::new(row);
        cursor.expect(b'{')?;
        for (index, (key, (_, observed))) in self.keys.iter().zip(&mut self.columns).enumerate() {
            cursor.key(key, index == 0)?;
            if cursor.is_at_text()? {
                if cursor.text()?.escapes == Escapes::Unicode {
                    return None;
                }
                observed.add_type(DataType::Text);
                continue;
            }
            match cursor.token()? {
                "null" => {}
                "true" | "false" => observed.add_type(DataType::Boolean),
                number => observed.add_number(parse_number(number)?),
            }
        }
        cursor.end()
    }

    fn observe_value(&mut self, key: &str, value: &str, is_token: bool) -> Result<(), SourceErrorKind> {
        let index = match self.by_name.get(key) {
            Some(&index) => index,
            None if self.columns.len() == MAX_COLUMNS => {
                return Err(SourceErrorKind::TooManyColumns { limit: MAX_COLUMNS });
            }
            None => {
                self.by_name.insert(key.to_owned(), self.columns.len());
                if is_plain(key) && self.keys.len() == self.columns.len() {
                    self.keys.push(KeyPattern::new(key));
                }
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
                Some(number) => return self.add_number(number),
                None => DataType::Json,
            },
        };
        self.add_type(data_type);
    }

    fn add_number(&mut self, number: Number) {
        let data_type = match number {
            Number::Integer(integer) => {
                self.inexact |= !is_exact(integer);
                DataType::Integer
            }
            Number::Float(_) => DataType::Float,
            Number::Large | Number::Overflow => DataType::Json,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn types(rows: &[&str], observe: impl Fn(&mut Inference, &str) -> bool) -> Option<Vec<(String, DataType)>> {
        let mut inference = Inference::default();
        rows.iter().all(|row| observe(&mut inference, row)).then_some(())?;
        Some(inference.columns()?.into_iter().map(|column| (column.name, column.data_type)).collect())
    }

    #[test]
    fn rows_in_the_common_form_have_the_types_that_the_parser_finds() {
        let first = r#"{"i":1,"t":"a","f":0.5,"b":true}"#;
        for row in [
            r#"{"i":2,"t":"b","f":1.5,"b":false}"#,
            r#" { "i" : 2.5 , "t" : "\"\n" , "f" : 1 , "b" : null } "#,
            r#"{"i":9007199254740993,"t":null,"f":9007199254740993,"b":"x"}"#,
            r#"{"i":9223372036854775808,"t":"","f":1e999,"b":true}"#,
            r#"{"i":1,"t":"\u00e9","f":0.5,"b":true}"#,
            r#"{"i":1,"t":"\ud800","f":0.5,"b":true}"#,
            r#"{"i":"x","t":1,"f":true,"b":[1,2]}"#,
            r#"{"i":{"a":1},"t":"a","f":0.5,"b":true}"#,
            r#"{"t":"a","i":1,"f":0.5,"b":true}"#,
            r#"{"i":1,"t":"a","f":0.5,"b":true,"more":1}"#,
            r#"{"i":1,"t":"a","f":0.5}"#,
            r#"{"i":1,"t":"a","f":0.5,"b":true,"b":1}"#,
            r#"{"i":01,"t":"a","f":0.5,"b":true}"#,
            r#"{"i":1,"t":"a","f":0.5,"b":tru}"#,
            r#"{"i":1,"t":"a","f":0.5,"b":true}}"#,
            r#"{"i":1,"t":"a\x","f":0.5,"b":true}"#,
            "{\"i\":1,\"t\":\"a\tb\",\"f\":0.5,\"b\":true}",
            r#"{"i":NaN,"t":"a","f":0.5,"b":true}"#,
            "[]",
            "",
        ] {
            for rule in [NanTokens::Error, NanTokens::Null] {
                let rows = [first, row, first];
                let fast = types(&rows, |inference, row| inference.observe(row, rule).is_ok());
                let parsed = types(&rows, |inference, row| {
                    inference.rows += 1;
                    inference.observe_parsed(row, rule).is_ok()
                });
                assert_eq!(fast, parsed, "{row}");
            }
        }
    }

    #[test]
    fn names_that_json_escapes_are_left_to_the_parser() {
        let rows = [r#"{"a":1,"\"":2,"c":3}"#, r#"{"a":1,"\u0022":"x","c":3}"#];
        let types = types(&rows, |inference, row| inference.observe(row, NanTokens::Error).is_ok());
        let types: Vec<_> = types.into_iter().flatten().map(|(_, data_type)| data_type).collect();
        assert_eq!(types, [DataType::Integer, DataType::Json, DataType::Integer]);
    }
}
