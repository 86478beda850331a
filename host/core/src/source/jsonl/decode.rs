//! Decodes lines into columns, directly from the parser into the builders.

use std::fmt;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::super::advice::{self, DeclarationScope};
use super::super::chunk::{Chunk, ChunkData, DecodedBatch, Decoder, LineCollector};
use super::super::column::{ColumnBuilder, TextColumns};
use super::super::error::{SourceError, SourceErrorKind};
use super::super::number::{Number, parse_number};
use super::super::place::FilePosition;
use super::super::text::utf8;
use super::fast_path::FastPath;
use super::object::{self, for_each_entry};
use crate::data_type::DataType;
use crate::text::named;

/// Decodes JSON Lines.
#[derive(Debug)]
pub(crate) struct JsonDecoder {
    /// The columns of every row.
    pub(crate) columns: Arc<TextColumns>,
}

impl Decoder for JsonDecoder {
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError> {
        let ChunkData::Text { bytes, first_line, .. } = &chunk.data else {
            unreachable!("the JSON Lines reader makes chunks of text")
        };
        let (text, not_utf8) = utf8(&chunk.file, bytes, *first_line);
        let capacity = memchr::memchr_iter(b'\n', text.as_bytes()).count() + 1;
        let mut rows = RowBuilder {
            columns: &self.columns,
            builders: self.columns.builders(capacity, text.len()),
            last_row: vec![0; self.columns.list.len()],
            row: 0,
            problem: None,
        };
        let mut fast_path = FastPath::new(&self.columns.list);
        let mut lines = LineCollector::default();
        for (line, text) in (*first_line..).zip(split(text)) {
            if object::is_blank(text.as_bytes()) {
                continue;
            }
            if !fast_path.add(text, &mut rows.builders) {
                rows.add(text).map_err(|(kind, byte)| {
                    let position = byte.map_or(FilePosition::Line(line), |byte| FilePosition::Byte(line, byte));
                    SourceError::at(&chunk.file, position, kind)
                })?;
            }
            lines.push(line);
        }
        if let Some(error) = not_utf8 {
            return Err(error);
        }
        let columns = rows.builders.into_iter().map(ColumnBuilder::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(lines.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.columns.schema), columns, &options);
        Ok(DecodedBatch {
            rows: batch.expect("every row adds one value to every column"),
            positions: lines.positions(chunk.file),
        })
    }
}

/// Splits text into lines like `str::split_terminator`, but with vector instructions.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    let ends = memchr::memchr_iter(b'\n', text.as_bytes()).chain((!text.ends_with('\n')).then_some(text.len()));
    ends.map(move |end| &text[std::mem::replace(&mut start, end + 1)..end])
}

/// Adds the row of a line with the parser only, and returns whether it is valid. For tests of the fast path.
#[cfg(test)]
pub(super) fn add_with_parser(columns: &TextColumns, line: &str, builders: &mut [ColumnBuilder]) -> bool {
    let mut rows = RowBuilder {
        columns,
        builders: columns.builders(1, line.len()),
        last_row: vec![0; columns.list.len()],
        row: 0,
        problem: None,
    };
    let is_added = rows.add(line).is_ok();
    builders.swap_with_slice(&mut rows.builders);
    is_added
}

/// Adds the rows of a chunk to the builders.
struct RowBuilder<'c> {
    columns: &'c TextColumns,
    builders: Vec<ColumnBuilder>,
    /// For every column, the number of the last row that had a value, from 1.
    last_row: Vec<u64>,
    row: u64,
    /// The reason for stopping the parser.
    problem: Option<RowProblem>,
}

enum RowProblem {
    Unknown(String),
    Duplicate(usize),
    TypeMismatch(usize),
}

impl RowBuilder<'_> {
    /// Adds the row of a line that is not blank. The error comes with the byte of the line, if known.
    fn add(&mut self, line: &str) -> Result<(), (SourceErrorKind, Option<u64>)> {
        object::check_start(line).map_err(|kind| (kind, None))?;
        self.row += 1;
        let mut deserializer = Deserializer::from_str(line);
        let parsed = deserializer.deserialize_map(&mut *self).and_then(|found| {
            deserializer.end()?;
            Ok(found)
        });
        match parsed {
            Ok(found) if found == self.builders.len() => Ok(()),
            Ok(_) => {
                for (builder, last_row) in self.builders.iter_mut().zip(&self.last_row) {
                    if *last_row != self.row {
                        builder.append_null();
                    }
                }
                Ok(())
            }
            Err(error) => Err(if let Some(problem) = self.problem.take() {
                (self.explain(problem, line), None)
            } else {
                let (kind, byte) = object::malformed(&error);
                (kind, Some(byte))
            }),
        }
    }

    #[cold]
    fn explain(&self, problem: RowProblem, line: &str) -> SourceErrorKind {
        match problem {
            RowProblem::Unknown(key) => advice::unknown_key(self.columns, &key),
            RowProblem::Duplicate(index) => {
                SourceErrorKind::DuplicateKey { key: named(&self.columns.list[index].name) }
            }
            RowProblem::TypeMismatch(index) => {
                // The parser is past the value, so the line is parsed again to get its text.
                let mut value = "";
                let name = &self.columns.list[index].name;
                let parsed = for_each_entry(line, |key, text| {
                    if key == name {
                        value = text;
                    }
                    key != name
                });
                if let Err(error) = parsed {
                    return object::malformed(&error).0;
                }
                let found = advice::describe_json(value);
                let suggested = match (self.columns.list[index].data_type, parse_number(value)) {
                    (DataType::Integer, Some(Number::Float(_))) => DataType::Float,
                    _ => DataType::Json,
                };
                advice::mismatch(self.columns, index, found, suggested, DeclarationScope::AllColumns)
            }
        }
    }

    #[cold]
    fn stop<E: serde::de::Error>(&mut self, problem: RowProblem) -> E {
        self.problem = Some(problem);
        E::custom("stopped")
    }
}

/// Reads an object, and returns its number of columns.
impl<'de> Visitor<'de> for &mut RowBuilder<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let mut found = 0;
        let mut guess = 0;
        while let Some(key) = map.next_key_seed(ColumnIndexSeed { columns: self.columns, guess })? {
            let index = match key {
                Ok(index) => index,
                Err(unknown) => return Err(self.stop(RowProblem::Unknown(unknown))),
            };
            if self.last_row[index] == self.row {
                return Err(self.stop(RowProblem::Duplicate(index)));
            }
            self.last_row[index] = self.row;
            if !map.next_value_seed(ValueSeed(&mut self.builders[index]))? {
                return Err(self.stop(RowProblem::TypeMismatch(index)));
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
        Ok(self.columns.index(key, self.guess).ok_or_else(|| key.to_owned()))
    }
}

/// Adds a value to its column, and returns whether it fits.
struct ValueSeed<'b>(&'b mut ColumnBuilder);

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        if let ColumnBuilder::Text(_) = self.0 {
            // Not through `RawValue`: the parser unescapes while it copies, so a text is copied once.
            return deserializer.deserialize_any(self);
        }
        let value = <&RawValue>::deserialize(deserializer)?;
        Ok(self.0.append_json(value.get()).is_ok())
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or null")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        if let ColumnBuilder::Text(builder) = self.0 {
            builder.append_value(text);
        }
        Ok(true)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        self.0.append_null();
        Ok(true)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    // The parser expects lists and objects to be read to their end. Otherwise it reports that instead of the type.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}
