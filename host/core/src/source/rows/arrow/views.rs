//! Texts in views, read as bytes.
//!
//! The library checks the UTF-8 of each view, and a file of 2 KB can have a million views of the same 10 MB, which takes hours.

use std::sync::Arc;

use arrow_schema::{DataType as ArrowType, Field, FieldRef, Schema};

/// The types in which texts become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    /// Those that rows are converted from later: columns of texts, lists, structs and maps.
    Convertible,
    /// All types except dictionaries.
    Columns,
    /// The values of dictionaries.
    Dictionaries,
}

/// Returns a schema in which texts in views are bytes in views.
pub(super) fn texts_as_bytes(schema: &Schema, within: Within) -> Schema {
    let fields: Vec<_> = schema.fields().iter().map(|field| bytes(field, within)).collect();
    Schema::new_with_metadata(fields, schema.metadata().clone())
}

fn bytes(field: &FieldRef, within: Within) -> FieldRef {
    let child = |field: &FieldRef| bytes(field, within);
    let data_type = match field.data_type() {
        ArrowType::Utf8View if within != Within::Dictionaries => ArrowType::BinaryView,
        ArrowType::Dictionary(key, value) if within == Within::Dictionaries => {
            let value = bytes(&Arc::new(Field::new("", (**value).clone(), true)), Within::Columns);
            ArrowType::Dictionary(key.clone(), Box::new(value.data_type().clone()))
        }
        ArrowType::List(element) => ArrowType::List(child(element)),
        ArrowType::LargeList(element) => ArrowType::LargeList(child(element)),
        ArrowType::FixedSizeList(element, size) => ArrowType::FixedSizeList(child(element), *size),
        ArrowType::Map(entries, sorted) => ArrowType::Map(child(entries), *sorted),
        ArrowType::Struct(fields) => ArrowType::Struct(fields.iter().map(child).collect()),
        _ if within == Within::Convertible => return Arc::clone(field),
        ArrowType::ListView(element) => ArrowType::ListView(child(element)),
        ArrowType::LargeListView(element) => ArrowType::LargeListView(child(element)),
        ArrowType::RunEndEncoded(ends, values) => ArrowType::RunEndEncoded(Arc::clone(ends), child(values)),
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// Returns whether a column that was read as one type becomes another because of this module.
pub(in crate::source::rows) fn has_bytes_for_text(read: &ArrowType, text: &ArrowType) -> bool {
    read != text && bytes(&Arc::new(Field::new("", text.clone(), true)), Within::Convertible).data_type() == read
}
