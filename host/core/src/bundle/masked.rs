//! Removes secrets, and the values of other rows, from the rows of a bundle.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{
    ArrayRef, BinaryViewArray, RecordBatch, RecordBatchOptions, StringViewArray, UInt64Array, make_array,
};
use arrow_buffer::Buffer;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema};
use arrow_select::dictionary::garbage_collect_any_dictionary;
use arrow_select::take::take;

use crate::grants::Redactor;

/// Returns rows with the bytes of secrets in texts, bytes and names covered, and without the values of other rows.
///
/// # Errors
/// Arrow cannot rebuild a column.
pub(super) fn rows(batch: &RecordBatch, redactor: &Redactor) -> Result<RecordBatch, ArrowError> {
    // Slices share the values of all rows of their batch.
    let all = UInt64Array::from_iter_values(0..batch.num_rows() as u64);
    let column = |column: &ArrayRef| array(&take(column, &all, None)?, redactor);
    let columns = batch.columns().iter().map(column).collect::<Result<Vec<_>, ArrowError>>()?;
    // The metadata of the file is not needed for the call, and may be anything.
    let schema =
        Arc::new(Schema::new(batch.schema_ref().fields().iter().map(|own| field(own, redactor)).collect::<Fields>()));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

/// Returns a column with its names and metadata redacted.
fn field(own: &FieldRef, redactor: &Redactor) -> FieldRef {
    if redactor.is_empty() {
        return Arc::clone(own);
    }
    let redact = |text: &String| redactor.redact(text).into_owned();
    let metadata: HashMap<_, _> = own.metadata().iter().map(|(key, value)| (redact(key), redact(value))).collect();
    let data_type = data_type(own.data_type(), redactor);
    Arc::new(Field::new(redact(own.name()), data_type, own.is_nullable()).with_metadata(metadata))
}

/// Returns a type with the names of its columns redacted.
fn data_type(own: &DataType, redactor: &Redactor) -> DataType {
    let inner = |own| field(own, redactor);
    match own {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::LargeList(item) => DataType::LargeList(inner(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(inner(item), *size),
        DataType::Map(entries, is_sorted) => DataType::Map(inner(entries), *is_sorted),
        other => other.clone(),
    }
}

fn array(array: &ArrayRef, redactor: &Redactor) -> Result<ArrayRef, ArrowError> {
    let covered = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        redactor.mask(&mut bytes);
        bytes
    };
    // A view has the start of its text in itself.
    match array.data_type() {
        DataType::Utf8View => {
            // Secrets are ASCII, so the rest of a text is still one.
            let text = |text: &str| String::from_utf8(covered(text.as_bytes())).unwrap_or_default();
            let texts = array.as_string_view().iter().map(|value| value.map(text));
            return Ok(Arc::new(texts.collect::<StringViewArray>()));
        }
        DataType::BinaryView => {
            let values = array.as_binary_view().iter().map(|value| value.map(covered));
            return Ok(Arc::new(values.collect::<BinaryViewArray>()));
        }
        DataType::Dictionary(..) => {
            let used = garbage_collect_any_dictionary(array.as_any_dictionary())?;
            let values = self::array(used.as_any_dictionary().values(), redactor)?;
            return Ok(used.as_any_dictionary().with_values(values));
        }
        _ if redactor.is_empty() && !array.data_type().is_nested() => return Ok(Arc::clone(array)),
        _ => {}
    }
    let values = match array.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary => Some(1),
        DataType::FixedSizeBinary(_) => Some(0),
        _ => None,
    };
    let data = array.to_data();
    let mut buffers = data.buffers().to_vec();
    if let Some(values) = values.and_then(|index| buffers.get_mut(index)) {
        *values = Buffer::from_vec(covered(values));
    }
    let children =
        data.child_data().iter().map(|child| Ok(self::array(&make_array(child.clone()), redactor)?.to_data()));
    let children = children.collect::<Result<Vec<_>, ArrowError>>()?;
    let data_type = data_type(array.data_type(), redactor);
    Ok(make_array(data.into_builder().data_type(data_type).buffers(buffers).child_data(children).build()?))
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{ListBuilder, StringViewBuilder};
    use arrow_array::{Array as _, DictionaryArray, StringArray, StructArray};
    use serde_json::json;

    use super::*;
    use crate::grants::Secret;

    const VALUE: &str = "s3cr3t-value";

    #[test]
    fn secrets_are_removed_from_every_type_of_text() {
        let secret = Secret::new(VALUE.into()).unwrap();
        let redactor = Redactor::new([&secret]);
        let texts = StringArray::from(vec![Some("a s3cr3t-value b"), None, Some("é")]);
        let views: StringViewArray = texts.iter().collect();
        let bytes: BinaryViewArray = texts.iter().map(|text| text.map(str::as_bytes)).collect();
        let dictionary: DictionaryArray<arrow_array::types::Int32Type> = texts.iter().collect();
        let field = Arc::new(Field::new("inner", DataType::Utf8, true));
        let nested = StructArray::from(vec![(field, Arc::new(texts.clone()) as ArrayRef)]);
        let columns: [(&str, ArrayRef); 5] = [
            ("texts", Arc::new(texts)),
            ("views", Arc::new(views)),
            ("bytes", Arc::new(bytes)),
            ("dictionary", Arc::new(dictionary)),
            ("nested", Arc::new(nested)),
        ];
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
        let masked = rows(&batch, &redactor).unwrap();
        assert_eq!(masked.schema_ref(), batch.schema_ref());
        assert!(!format!("{masked:?}").contains(VALUE) && masked != batch);
        assert_eq!(
            masked.column(0).as_string::<i32>().iter().collect::<Vec<_>>(),
            [Some("a ************ b"), None, Some("é")]
        );
        assert_eq!(rows(&batch, &Redactor::default()).unwrap(), batch);
        let mut value = json!({ VALUE: [VALUE, 1, { "a": "x s3cr3t-value" }] });
        let expected = json!({ "[redacted]": ["[redacted]", 1, { "a": "x [redacted]" }] });
        assert!(redactor.redact_json_and_numbers(&mut value));
        assert_eq!(value, expected);
    }

    /// Returns whether a text is anywhere in the bytes of rows.
    fn contains(batch: &RecordBatch, text: &str) -> bool {
        let mut writer = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), batch.schema_ref()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
        memchr::memmem::find(writer.get_ref(), text.as_bytes()).is_some()
    }

    #[test]
    fn a_row_has_no_values_of_others() {
        let texts = ["own value of one row", "value of another row"];
        let dictionary: DictionaryArray<arrow_array::types::Int32Type> = texts.into_iter().collect();
        let mut lists = ListBuilder::new(StringViewBuilder::new());
        for text in texts {
            lists.values().append_value(text);
            lists.append(true);
        }
        let field = Arc::new(Field::new("inner", dictionary.data_type().clone(), true));
        let nested = StructArray::from(vec![(field, Arc::new(dictionary.clone()) as ArrayRef)]);
        let columns: [(&str, ArrayRef); 4] = [
            ("texts", Arc::new(StringArray::from(texts.to_vec()))),
            ("dictionary", Arc::new(dictionary)),
            ("lists", Arc::new(lists.finish())),
            ("nested", Arc::new(nested)),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let one = batch.slice(0, 1);
        let masked = rows(&one, &Redactor::default()).unwrap();
        assert_eq!(masked, one);
        assert!(contains(&masked, "own value") && !contains(&masked, "another row"));
    }

    #[test]
    fn secrets_are_removed_from_names_and_metadata() {
        let redactor = Redactor::new([&Secret::new(VALUE.into()).unwrap()]);
        let metadata = [("note".to_owned(), format!("a {VALUE}"))];
        let inner = Field::new(format!("inner {VALUE}"), DataType::Utf8, true).with_metadata(HashMap::from(metadata));
        let nested = StructArray::from(vec![(Arc::new(inner), Arc::new(StringArray::from(vec!["x"])) as ArrayRef)]);
        let batch = RecordBatch::try_from_iter([(VALUE, Arc::new(nested) as ArrayRef)]).unwrap();
        let masked = rows(&batch, &redactor).unwrap();
        assert!(!contains(&masked, VALUE), "{:?}", masked.schema());
        assert_eq!(masked.num_rows(), 1);
    }
}
