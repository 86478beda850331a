//! Values of any Arrow type as JSON.

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType as ArrowType, Field};

use super::{NoJson, has_escapes, write_not_finite, write_raw, write_serde, write_text};
use crate::format::NonFinite;
use crate::values::{Lists, TextError, Unsupported, is_json, is_text_like, is_uuid, json_support, plain, text_writer};

/// Adds the value of a row, which is not null.
pub(super) type JsonWriter = Box<dyn Fn(usize, &mut Vec<u8>) -> Result<(), NoJson> + Send + Sync>;

/// Returns the writer of an array.
///
/// # Errors
/// JSON cannot represent values of this type.
pub(super) fn json_writer(array: &ArrayRef, field: &Field, non_finite: NonFinite) -> Result<JsonWriter, Unsupported> {
    json_support(field)?;
    value_writer(array, field, non_finite)
}

/// Returns the writer of an array in which a value may be null.
fn nullable_writer(array: &ArrayRef, field: &Field, non_finite: NonFinite) -> Result<JsonWriter, Unsupported> {
    let nulls = array.logical_nulls();
    let value = value_writer(array, field, non_finite)?;
    Ok(Box::new(move |row, out| {
        if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        value(row, out)
    }))
}

fn value_writer(array: &ArrayRef, field: &Field, non_finite: NonFinite) -> Result<JsonWriter, Unsupported> {
    // A valid array has plain values; another was rejected when its file was read.
    let array = plain(array).unwrap_or_else(|_| array.clone());
    Ok(match array.data_type() {
        ArrowType::Null => Box::new(|_, out| {
            out.extend_from_slice(b"null");
            Ok(())
        }),
        ArrowType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().zip(fields);
            let columns = columns.map(|(column, field)| {
                let mut key = Vec::new();
                write_serde(&mut key, field.name());
                key.push(b':');
                Ok((key, nullable_writer(column, field, non_finite)?))
            });
            object(columns.collect::<Result<Vec<_>, Unsupported>>()?)
        }
        ArrowType::Map(..) => map(&array, non_finite)?,
        arrow if arrow.is_nested() => {
            let lists = Lists::new(&array).ok_or_else(|| Unsupported::no_text(arrow))?;
            let element = match arrow {
                ArrowType::List(element)
                | ArrowType::LargeList(element)
                | ArrowType::ListView(element)
                | ArrowType::LargeListView(element)
                | ArrowType::FixedSizeList(element, _) => element,
                other => return Err(Unsupported::no_text(other)),
            };
            let element = nullable_writer(&lists.elements, element, non_finite)?;
            Box::new(move |row, out| {
                let (start, size) = lists.ranges[row];
                sequence(*b"[]", start..start + size, out, &element)
            })
        }
        arrow => {
            let is_quoted = is_text_like(arrow);
            let is_raw = is_json(field);
            let text = text_writer(&array, is_uuid(field))?;
            Box::new(move |row, out| {
                let start = out.len();
                match text(row, out) {
                    Ok(()) if is_quoted => quote(out, start, is_raw),
                    Ok(()) => {}
                    Err(TextError::NotFinite(value)) => write_not_finite(out, value, non_finite)?,
                    Err(TextError::Value(reason)) => return Err(NoJson::NoText(reason)),
                }
                Ok(())
            })
        }
    })
}

/// Turns the text from `start` on into a JSON string, or into JSON on one line if it is JSON already.
fn quote(out: &mut Vec<u8>, start: usize, is_raw: bool) {
    // Without another copy: bytes can take most of the memory of a row.
    if !is_raw && !has_escapes(&out[start..]) {
        out.insert(start, b'"');
        out.push(b'"');
        return;
    }
    let text = String::from_utf8(out.split_off(start)).expect("values are written as text");
    if is_raw { write_raw(out, &text) } else { write_text(out, &text) }
}

fn object(columns: Vec<(Vec<u8>, JsonWriter)>) -> JsonWriter {
    Box::new(move |row, out| {
        out.push(b'{');
        for (index, (key, write)) in columns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            write(row, out)?;
        }
        out.push(b'}');
        Ok(())
    })
}

/// A map whose keys are texts is an object. Any other is a list of objects with `key` and `value`.
fn map(array: &ArrayRef, non_finite: NonFinite) -> Result<JsonWriter, Unsupported> {
    let lists = Lists::new(array).ok_or_else(|| Unsupported::no_text(array.data_type()))?;
    let entries = lists.elements.as_struct();
    let [key_field, value_field] = [0, 1].map(|index| &entries.fields()[index]);
    let keys = plain(entries.column(0)).unwrap_or_else(|_| entries.column(0).clone());
    let value = nullable_writer(entries.column(1), value_field, non_finite)?;
    let key_field = key_field.as_ref().clone().with_data_type(keys.data_type().clone());
    let key = nullable_writer(&keys, &key_field, non_finite)?;
    let has_texts = matches!(keys.data_type(), ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View);
    if has_texts && !is_json(&key_field) {
        let member: JsonWriter = Box::new(move |index, out| {
            key(index, out)?;
            out.push(b':');
            value(index, out)
        });
        return Ok(Box::new(move |row, out| {
            let (start, size) = lists.ranges[row];
            sequence(*b"{}", start..start + size, out, &member)
        }));
    }
    let entry = object(vec![(b"\"key\":".to_vec(), key), (b"\"value\":".to_vec(), value)]);
    Ok(Box::new(move |row, out| {
        let (start, size) = lists.ranges[row];
        sequence(*b"[]", start..start + size, out, &entry)
    }))
}

/// Adds parts with commas between them, in brackets.
fn sequence(
    brackets: [u8; 2],
    parts: std::ops::Range<usize>,
    out: &mut Vec<u8>,
    write: &JsonWriter,
) -> Result<(), NoJson> {
    out.push(brackets[0]);
    for index in parts.clone() {
        if index > parts.start {
            out.push(b',');
        }
        write(index, out)?;
    }
    out.push(brackets[1]);
    Ok(())
}
