//! Builds arrays of nested types from JSON texts.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, ListArray, MapArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType as ArrowType, Fields};
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::advice::describe_json;
use super::super::column::{TextColumn, TextColumns};
use crate::data_type::{DataType, NestedType};
use crate::text::shown;

/// A value that does not fit its type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NestedMismatch {
    /// The row, from 0.
    pub(super) row: usize,
    /// The place within the column, such as `[].role`.
    pub(super) path: String,
    /// The type.
    pub(super) expected: String,
    /// The value.
    pub(super) found: String,
}

/// Builds an array with a value for each text. `None` and the JSON value `null` are null.
pub(super) fn build(nested: &NestedType, texts: &[Option<&str>]) -> Result<ArrayRef, NestedMismatch> {
    let rows: Vec<usize> = (0..texts.len()).collect();
    NestedColumn { texts: texts.to_vec(), rows, path: String::new() }.build(nested)
}

/// The values of one level, in the order of the rows.
struct NestedColumn<'t> {
    texts: Vec<Option<&'t str>>,
    /// For each value, its row in the column.
    rows: Vec<usize>,
    path: String,
}

impl<'t> NestedColumn<'t> {
    fn child(path: String) -> Self {
        Self { texts: Vec::new(), rows: Vec::new(), path }
    }

    fn push(&mut self, text: Option<&'t str>, row: usize) {
        self.texts.push(text.filter(|text| *text != "null"));
        self.rows.push(row);
    }

    fn mismatch(&self, index: usize, expected: &NestedType, found: String) -> NestedMismatch {
        NestedMismatch { row: self.rows[index], path: self.path.clone(), expected: expected.to_string(), found }
    }

    fn build(self, nested: &NestedType) -> Result<ArrayRef, NestedMismatch> {
        match nested {
            NestedType::Plain(data_type) => self.plain(*data_type, nested),
            NestedType::List(element) => self.list(element, nested),
            NestedType::Struct(fields) => self.objects(fields, nested),
            NestedType::Map(value) => self.maps(value, nested),
        }
    }

    fn plain(&self, data_type: DataType, nested: &NestedType) -> Result<ArrayRef, NestedMismatch> {
        let column = TextColumn { name: String::new(), data_type, width: 0, declared: true };
        let bytes = self.texts.iter().flatten().map(|text| text.len()).sum();
        let builder = TextColumns::new(vec![column]).builders(self.texts.len(), bytes, |_| true).pop();
        let mut builder = builder.expect("one column has one builder");
        for (index, text) in self.texts.iter().enumerate() {
            match text {
                None => builder.append_null(),
                Some(text) => {
                    let added = builder.append_json(text);
                    added.map_err(|_| self.mismatch(index, nested, describe_json(text)))?;
                }
            }
        }
        Ok(builder.finish())
    }

    fn list(self, element: &NestedType, nested: &NestedType) -> Result<ArrayRef, NestedMismatch> {
        let mut elements = NestedColumn::child(format!("{}[]", self.path));
        let mut ends = Vec::with_capacity(self.texts.len() + 1);
        ends.push(0);
        for (index, text) in self.texts.iter().enumerate() {
            if let Some(text) = text {
                let parsed: Vec<&RawValue> =
                    serde_json::from_str(text).map_err(|_| self.mismatch(index, nested, describe_json(text)))?;
                for value in parsed {
                    elements.push(Some(value.get()), self.rows[index]);
                }
            }
            ends.push(self.offset(index, nested, elements.texts.len())?);
        }
        let ArrowType::List(field) = nested.field("").data_type().clone() else {
            unreachable!("the field of a list is a list")
        };
        let (nulls, values) = (self.nulls(), elements.build(element)?);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        Ok(Arc::new(ListArray::new(field, offsets, values, nulls)))
    }

    fn objects(self, fields: &[(String, NestedType)], nested: &NestedType) -> Result<ArrayRef, NestedMismatch> {
        let indexes: HashMap<&str, usize> =
            fields.iter().enumerate().map(|(index, (name, _))| (name.as_str(), index)).collect();
        let child = |(name, _): &(String, NestedType)| NestedColumn::child(format!("{}.{}", self.path, shown(name)));
        let mut columns: Vec<NestedColumn<'t>> = fields.iter().map(child).collect();
        for (index, text) in self.texts.iter().enumerate() {
            let mut found: Vec<Option<&str>> = vec![None; fields.len()];
            let mut seen = vec![false; fields.len()];
            for (key, value) in self.members(index, *text, nested)? {
                let Some(column) = indexes.get(key.as_str()) else {
                    return Err(self.mismatch(index, nested, format!("the key {}", shown(&key))));
                };
                if std::mem::replace(&mut seen[*column], true) {
                    return Err(self.mismatch(index, nested, format!("the key {} twice", shown(&key))));
                }
                found[*column] = Some(value);
            }
            for (column, value) in columns.iter_mut().zip(found) {
                column.push(value, self.rows[index]);
            }
        }
        let arrays = columns.into_iter().zip(fields).map(|(column, (_, nested))| column.build(nested));
        let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
        let arrow: Fields = fields.iter().map(|(name, nested)| nested.field(name)).collect();
        Ok(Arc::new(StructArray::new(arrow, arrays, self.nulls())))
    }

    fn maps(self, value: &NestedType, nested: &NestedType) -> Result<ArrayRef, NestedMismatch> {
        let mut keys = StringBuilder::new();
        let mut values = NestedColumn::child(format!("{}{{}}", self.path));
        let mut ends = Vec::with_capacity(self.texts.len() + 1);
        ends.push(0);
        for (index, text) in self.texts.iter().enumerate() {
            let members = self.members(index, *text, nested)?;
            let mut seen = std::collections::HashSet::with_capacity(members.len());
            for (key, value) in &members {
                if !seen.insert(key) {
                    return Err(self.mismatch(index, nested, format!("the key {} twice", shown(key))));
                }
                keys.append_value(key);
                values.push(Some(value), self.rows[index]);
            }
            ends.push(self.offset(index, nested, values.texts.len())?);
        }
        let ArrowType::Map(entries, _) = nested.field("").data_type().clone() else {
            unreachable!("the field of a map is a map")
        };
        let ArrowType::Struct(fields) = entries.data_type().clone() else {
            unreachable!("the entries of a map are structs")
        };
        let columns: Vec<ArrayRef> = vec![Arc::new(keys.finish()), values.build(value)?];
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        let array = StructArray::new(fields, columns, None);
        Ok(Arc::new(MapArray::new(entries, offsets, array, self.nulls(), false)))
    }

    /// Returns the keys and values of an object; nothing for a null.
    fn members(
        &self,
        index: usize,
        text: Option<&'t str>,
        nested: &NestedType,
    ) -> Result<Vec<(String, &'t str)>, NestedMismatch> {
        let Some(text) = text else { return Ok(Vec::new()) };
        let mut reader = serde_json::Deserializer::from_str(text);
        reader.deserialize_map(Members).map_err(|_| self.mismatch(index, nested, describe_json(text)))
    }

    fn offset(&self, index: usize, nested: &NestedType, end: usize) -> Result<i32, NestedMismatch> {
        i32::try_from(end).map_err(|_| self.mismatch(index, nested, "more elements than a batch can hold".to_owned()))
    }

    fn nulls(&self) -> Option<NullBuffer> {
        let nulls: NullBuffer = self.texts.iter().map(Option::is_some).collect::<Vec<_>>().into();
        Some(nulls).filter(|nulls| nulls.null_count() > 0)
    }
}

/// Reads the keys and values of an object.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de str)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            members.push((key, value.get()));
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;

    use super::*;
    use crate::format::NonFinite;
    use crate::json::json_texts;

    fn built(nested: &str, texts: &[&str]) -> Result<Vec<String>, NestedMismatch> {
        let nested = NestedType::parse(nested).unwrap();
        let texts: Vec<Option<&str>> =
            texts.iter().copied().map(|text| Some(text).filter(|text| *text != "null")).collect();
        let array = build(&nested, &texts)?;
        assert_eq!(array.data_type(), nested.field("a").data_type());
        let json = json_texts(&array, &nested.field("a"), NonFinite::Error).unwrap();
        Ok(json.iter().map(|json| json.unwrap_or("null").to_owned()).collect())
    }

    #[test]
    fn nested_values_keep_their_values() {
        let messages = "list<struct<role: text, content: text>>";
        let rows = [r#"[{"role":"user","content":"ü"},{"content":null,"role":"x"}]"#, "null", "[]", "[null,{}]"];
        let expected = [
            r#"[{"role":"user","content":"ü"},{"role":"x","content":null}]"#,
            "null",
            "[]",
            r#"[null,{"role":null,"content":null}]"#,
        ];
        assert_eq!(built(messages, &rows).unwrap(), expected);
        let deep = "struct<a: list<list<integer>>, m: map<json>, f: float, b: boolean, r: binary>";
        let row =
            r#"{"a":[[1,-9223372036854775808],[],null],"m":{"k":{"x": 1.0},"l":null},"f":0.1,"b":true,"r":"AP8="}"#;
        assert_eq!(built(deep, &[row]).unwrap(), [row]);
    }

    #[test]
    fn a_value_that_does_not_fit_names_its_row_and_place() {
        let mismatch = |nested: &str, texts: &[&str]| {
            let found = built(nested, texts).expect_err("it does not fit");
            (found.row, found.path, found.expected)
        };
        let messages = "list<struct<n: integer>>";
        let at = |row: usize, path: &str, expected: &str| (row, path.to_owned(), expected.to_owned());
        assert_eq!(mismatch(messages, &["[]", "[{\"n\":1},{\"n\":1.5}]"]), at(1, "[].n", "integer"));
        assert_eq!(mismatch(messages, &["[{\"m\":1}]"]), at(0, "[]", "struct<n: integer>"));
        assert_eq!(mismatch(messages, &["[{\"n\":1,\"n\":2}]"]), at(0, "[]", "struct<n: integer>"));
        assert_eq!(mismatch(messages, &["{}"]), at(0, "", messages));
        assert_eq!(mismatch("map<text>", &["{\"a\":\"x\",\"a\":\"y\"}"]), at(0, "", "map<text>"));
        assert_eq!(mismatch("list<float>", &["[9007199254740993]"]), at(0, "[]", "float"));
    }
}
