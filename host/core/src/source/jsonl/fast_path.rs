//! Reads the most common form of a line faster than the parser: every column once, in order, with numbers and text.
//! All other lines go to the parser, which also reports errors.

use std::fmt::Write as _;

use super::super::column::{ColumnBuilder, TextColumn};
use super::super::number::{Number, exact_float, parse_number};
use super::values::is_space;
use crate::data_type::DataType;

/// Reads lines that have the common form.
#[derive(Debug)]
pub(super) struct FastPath<'c> {
    columns: &'c [TextColumn],
    /// Whether the columns allow the common form.
    is_possible: bool,
    /// The values of the current line.
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

/// Number of bytes checked together for control characters.
const CONTROLS_AT_ONCE: usize = 256;

impl<'c> FastPath<'c> {
    pub(super) fn new(columns: &'c [TextColumn]) -> Self {
        let is_supported = |column: &TextColumn| {
            let types = [DataType::Boolean, DataType::Integer, DataType::Float, DataType::Text];
            // A name with characters that JSON escapes has more than one spelling.
            let is_plain = !column.name.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'));
            types.contains(&column.data_type) && is_plain
        };
        let is_possible = !columns.is_empty() && columns.iter().all(is_supported);
        Self { columns, is_possible, values: Vec::with_capacity(columns.len()) }
    }

    /// Adds the row of a line to the columns, if the line has the common form. Otherwise adds nothing and returns
    /// false.
    pub(super) fn add(&mut self, line: &str, builders: &mut [ColumnBuilder]) -> bool {
        if !self.is_possible || self.read_values(line).is_none() {
            return false;
        }
        for (value, builder) in self.values.iter().zip(builders) {
            match (*value, builder) {
                (FastValue::Null, builder) => builder.append_null(),
                (FastValue::Boolean(value), ColumnBuilder::Boolean(builder)) => builder.append_value(value),
                (FastValue::Integer(value), ColumnBuilder::Integer(builder)) => builder.append_value(value),
                (FastValue::Float(value), ColumnBuilder::Float(builder)) => builder.append_value(value),
                (FastValue::Text { start, end, is_escaped }, ColumnBuilder::Text(builder)) => {
                    let mut rest = &line[start..end];
                    while is_escaped && let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
                        let (before, escape) = rest.split_at(at);
                        let (escaped, after) = escape[1..].split_at(1);
                        let (Ok(()), Ok(())) = (builder.write_str(before), builder.write_str(unescaped(escaped)))
                        else {
                            unreachable!("writing to memory does not fail")
                        };
                        rest = after;
                    }
                    builder.append_value(rest);
                }
                _ => unreachable!("each value was read as the type of its column"),
            }
        }
        true
    }

    /// Finds the values of a line; `None` if the line does not have the common form.
    fn read_values(&mut self, line: &str) -> Option<()> {
        self.values.clear();
        let mut cursor = LineCursor { line, at: 0 };
        cursor.expect(b'{')?;
        for (index, column) in self.columns.iter().enumerate() {
            if index > 0 {
                cursor.expect(b',')?;
            }
            cursor.expect(b'"')?;
            cursor.expect_all(&column.name)?;
            cursor.expect_next(b'"')?;
            cursor.expect(b':')?;
            self.values.push(cursor.value(column.data_type)?);
        }
        cursor.expect(b'}')?;
        cursor.skip_space();
        (cursor.at == line.len()).then_some(())
    }
}

/// A position in a line.
struct LineCursor<'l> {
    line: &'l str,
    at: usize,
}

impl LineCursor<'_> {
    fn bytes(&self) -> &[u8] {
        &self.line.as_bytes()[self.at..]
    }

    fn skip_space(&mut self) {
        while self.bytes().first().is_some_and(|byte| is_space(*byte)) {
            self.at += 1;
        }
    }

    /// Skips white space and one expected byte.
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        self.expect_next(byte)
    }

    fn expect_next(&mut self, byte: u8) -> Option<()> {
        (*self.bytes().first()? == byte).then(|| self.at += 1)
    }

    fn expect_all(&mut self, text: &str) -> Option<()> {
        self.bytes().starts_with(text.as_bytes()).then(|| self.at += text.len())
    }

    fn value(&mut self, data_type: DataType) -> Option<FastValue> {
        self.skip_space();
        if *self.bytes().first()? == b'"' {
            return if data_type == DataType::Text { self.text() } else { None };
        }
        let end = self.bytes().iter().position(|byte| is_space(*byte) || matches!(byte, b',' | b'}'))?;
        let token = &self.line[self.at..self.at + end];
        self.at += end;
        Some(match (token, data_type) {
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

    fn text(&mut self) -> Option<FastValue> {
        let start = self.at + 1;
        let bytes = self.line.as_bytes();
        let mut at = start;
        let mut is_escaped = false;
        let end = loop {
            at += memchr::memchr2(b'"', b'\\', &bytes[at..])?;
            if bytes[at] == b'"' {
                break at;
            }
            is_escaped = true;
            // `\u` escapes are left to the parser.
            if !matches!(bytes.get(at + 1)?, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') {
                return None;
            }
            at += 2;
        };
        #[expect(clippy::needless_bitwise_bool, reason = "without branches the compiler takes many bytes at a time")]
        let has_controls = |chunk: &[u8]| chunk.iter().fold(false, |found, byte| found | (*byte < b' '));
        if bytes[start..end].chunks(CONTROLS_AT_ONCE).any(has_controls) {
            return None;
        }
        self.at = end + 1;
        Some(FastValue::Text { start, end, is_escaped })
    }
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
        let mut builders = columns.builders(1, line.len());
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
