//! Reads the most common form of a line faster than the parser: every column once, in order, with numbers and text.
//! All other lines go to the parser, which also reports errors.

use std::fmt::Write as _;

use super::super::column::{ColumnBuilder, TextColumn};
use super::super::number::{Number, exact_float, parse_number};
use super::carry::{Carry, Key};
use super::line_cursor::{Escapes, KeyPattern, LineCursor, has_common_form};
use crate::data_type::DataType;

/// Reads lines that have the common form.
#[derive(Debug)]
pub(super) struct FastPath<'c> {
    columns: &'c [TextColumn],
    keys: Vec<KeyPattern>,
    /// Whether the columns allow the common form.
    is_possible: bool,
    /// The values of the current line, without those of carried columns.
    values: Vec<FastValue>,
}

/// A value of a line. Text is a range of the line, without the quotation marks.
#[derive(Debug, Clone, Copy)]
enum FastValue {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text { start: usize, end: usize, is_escaped: bool },
}

impl<'c> FastPath<'c> {
    pub(super) fn new(columns: &'c [TextColumn]) -> Self {
        let is_possible = !columns.is_empty() && columns.iter().all(has_common_form);
        let keys = columns.iter().filter(|_| is_possible).map(|column| KeyPattern::new(&column.name)).collect();
        Self { columns, keys, is_possible, values: Vec::with_capacity(columns.len()) }
    }

    /// Adds the row of a line to the columns, if the line has the common form. Otherwise adds nothing and returns
    /// false.
    pub(super) fn add(&mut self, line: &str, builders: &mut [ColumnBuilder]) -> bool {
        if !self.is_possible || self.read(line, |_, _| Some(false)).is_none() {
            return false;
        }
        for (value, builder) in self.values.iter().zip(builders) {
            append(*value, line, builder);
        }
        true
    }

    /// As [`add`](Self::add), but the carried columns are added to `carry`. If this returns false, nothing may be added to
    /// `carry` any more.
    pub(super) fn add_carrying(&mut self, line: &str, builders: &mut [ColumnBuilder], carry: &mut Carry<'_>) -> bool {
        if !self.is_possible || self.read(line, |cursor, key| carry.add_column(cursor, key)).is_none() {
            return false;
        }
        let is_built = |(index, _): &(usize, &mut ColumnBuilder)| !carry.is_carried(*index);
        for (value, (_, builder)) in self.values.iter().zip(builders.iter_mut().enumerate().filter(is_built)) {
            append(*value, line, builder);
        }
        true
    }

    /// Finds the values of a line; `None` if the line does not have the common form. `carry` may take the value at the cursor, and
    /// returns whether it has. The callers are compiled apart, so the one that carries nothing does nothing for it.
    #[inline]
    fn read(&mut self, line: &str, mut carry: impl FnMut(&mut LineCursor<'_>, Key<'_>) -> Option<bool>) -> Option<()> {
        self.values.clear();
        let mut cursor = LineCursor::new(line);
        cursor.expect(b'{')?;
        for (index, (column, key)) in self.columns.iter().zip(&self.keys).enumerate() {
            let start = cursor.at();
            let is_compact = cursor.key(key, index == 0)?;
            let range = is_compact.then_some((start + usize::from(index > 0), cursor.at()));
            let data_type = column.data_type;
            if !carry(&mut cursor, Key { column: index, data_type, text: key.text(), range })? {
                self.values.push(value(&mut cursor, data_type)?);
            }
        }
        cursor.end()
    }
}

/// Adds a value that was read as the type of its column.
fn append(value: FastValue, line: &str, builder: &mut ColumnBuilder) {
    match (value, builder) {
        (FastValue::Null, builder) => builder.append_null(),
        (FastValue::Boolean(value), ColumnBuilder::Boolean(builder)) => builder.append_value(value),
        (FastValue::Integer(value), ColumnBuilder::Integer(builder)) => builder.append_value(value),
        (FastValue::Float(value), ColumnBuilder::Float(builder)) => builder.append_value(value),
        (FastValue::Text { start, end, is_escaped }, ColumnBuilder::Text(builder)) => {
            let mut rest = &line[start..end];
            while is_escaped && let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
                let (before, escape) = rest.split_at(at);
                let (escaped, after) = escape[1..].split_at(1);
                let (Ok(()), Ok(())) = (builder.write_str(before), builder.write_str(unescaped(escaped))) else {
                    unreachable!("writing to memory does not fail")
                };
                rest = after;
            }
            builder.append_value(rest);
        }
        _ => unreachable!("each value was read as the type of its column"),
    }
}

/// Reads a value; `None` if it does not have the common form.
fn value(cursor: &mut LineCursor<'_>, data_type: DataType) -> Option<FastValue> {
    if cursor.is_at_text()? {
        let text = if data_type == DataType::Text { cursor.text()? } else { return None };
        // `\u` escapes are left to the parser.
        let is_common = text.escapes != Escapes::Unicode;
        let (start, end, is_escaped) = (text.start, text.end, text.escapes != Escapes::None);
        return is_common.then_some(FastValue::Text { start, end, is_escaped });
    }
    Some(match (cursor.token()?, data_type) {
        ("null", _) => FastValue::Null,
        ("true", DataType::Boolean) => FastValue::Boolean(true),
        ("false", DataType::Boolean) => FastValue::Boolean(false),
        (number, DataType::Integer) => match parse_number(number)? {
            Number::Integer(value) => FastValue::Integer(value),
            _ => return None,
        },
        (number, DataType::Float) => FastValue::Float(exact_float(number)?),
        _ => return None,
    })
}

/// Returns the character for an escape letter. Other characters stand for themselves.
fn unescaped(escape: &str) -> &str {
    match escape {
        "b" => "\u{8}",
        "f" => "\u{c}",
        "n" => "\n",
        "r" => "\r",
        "t" => "\t",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::ArrayRef;
    use proptest::prelude::*;

    use super::super::super::column::TextColumns;
    use super::super::row::add_with_parser;
    use super::*;

    fn columns() -> TextColumns {
        let types = [DataType::Integer, DataType::Text, DataType::Float, DataType::Boolean];
        let column = |(name, data_type): (&str, DataType)| TextColumn {
            name: name.to_owned(),
            data_type,
            width: 0,
            declared: false,
        };
        TextColumns::new(["i", "té", "f", "b"].into_iter().zip(types).map(column).collect())
    }

    /// The row of a line, if the line has the common form.
    fn fast(line: &str) -> Option<Vec<ArrayRef>> {
        let columns = columns();
        let mut builders = columns.builders(1, line.len(), |_| true);
        let added = FastPath::new(&columns.list).add(line, &mut builders);
        let row: Vec<_> = builders.into_iter().map(ColumnBuilder::finish).collect();
        assert!(row.iter().all(|column| column.len() == usize::from(added)), "{line}");
        added.then_some(row)
    }

    /// The row that the parser returns for a line.
    fn parsed(line: &str) -> Option<Vec<ArrayRef>> {
        add_with_parser(columns(), line).map(|row| row.columns().to_vec())
    }

    #[test]
    fn the_fast_path_reads_a_line_as_the_parser_does() {
        for line in [
            r#"{"i":1,"té":"a","f":0.5,"b":true}"#,
            r#" { "i" : -7 , "té" : "\"\\\/\b\f\n\r\t" , "f" : -0 , "b" : false } "#,
            r#"{"i":null,"té":null,"f":null,"b":null}"#,
            r#"{"i":9223372036854775807,"té":"","f":1e3,"b":true}"#,
            "{\"i\":-0,\"té\":\"\u{7f}数据\\n\",\"f\":9007199254740992,\"b\":true}\r",
        ] {
            assert_eq!(fast(line), parsed(line), "{line}");
            assert!(fast(line).is_some(), "{line}");
        }
    }

    #[test]
    fn other_lines_are_left_to_the_parser() {
        for line in [
            "",
            "{}",
            r#"{"té":"a","i":1,"f":0.5,"b":true}"#,
            r#"{"i":1,"té":"a","f":0.5}"#,
            r#"{"i":1,"té":"a","f":0.5,"b":true,"more":1}"#,
            r#"{"i":1,"té":"a","f":0.5,"b":true}}"#,
            r#"{"i":1,"té":"\u00e9","f":0.5,"b":true}"#,
            r#"{"i":1,"t\u00e9":"a","f":0.5,"b":true}"#,
            r#"{"i":1.0,"té":"a","f":0.5,"b":true}"#,
            r#"{"i":01,"té":"a","f":0.5,"b":true}"#,
            r#"{"i":9223372036854775808,"té":"a","f":0.5,"b":true}"#,
            r#"{"i":1,"té":2,"f":0.5,"b":true}"#,
            r#"{"i":1,"té":"\x","f":0.5,"b":true}"#,
            r#"{"i":1,"té":"a\"#,
            "{\"i\":1,\"té\":\"a\tb\",\"f\":0.5,\"b\":true}",
            r#"{"i":1,"té":"a","f":9007199254740993,"b":true}"#,
            r#"{"i":1,"té":"a","f":1e999,"b":true}"#,
            r#"{"i":1,"té":"a","f":NaN,"b":True}"#,
            r#"{"i":1 2,"té":"a","f":0.5,"b":true}"#,
            r#"{"i":"1","té":"a","f":0.5,"b":true}"#,
        ] {
            assert!(fast(line).is_none(), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_is_read_in_two_ways(
            chunks in proptest::collection::vec(
                prop::sample::select(vec![
                    "{", "}", "\"i\"", "\"té\"", "\"f\"", "\"b\"", ":", ",", " ", "1", "-0", "0.5", "1e3", "true", "null",
                    "\"a\"", "\"\\n\"", "\\", "\"", "é", "{\"i\":1", ",\"té\":\"x\"", ",\"f\":2", ",\"b\":false}", "\t",
                ]),
                0..12,
            )
        ) {
            let line = chunks.concat();
            if let Some(row) = fast(&line) {
                prop_assert_eq!(Some(row), parsed(&line));
            }
        }
    }
}
