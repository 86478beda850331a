//! Removes secrets from the parts of a bundle.

use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::{ArrayRef, BinaryViewArray, RecordBatch, RecordBatchOptions, StringViewArray, make_array};
use arrow_buffer::Buffer;
use arrow_schema::{ArrowError, DataType, Schema};
use serde_json::{Map, Value};

use crate::grants::Redactor;

/// Returns JSON without secrets. A number that contains one becomes a text.
pub(super) fn json(value: Value, redactor: &Redactor) -> Value {
    match value {
        Value::String(text) => Value::String(redactor.redact(&text).into_owned()),
        Value::Array(values) => values.into_iter().map(|value| json(value, redactor)).collect(),
        Value::Object(members) => {
            let member = |(name, value): (String, Value)| (redactor.redact(&name).into_owned(), json(value, redactor));
            Value::Object(members.into_iter().map(member).collect::<Map<_, _>>())
        }
        Value::Number(number) => {
            let text = number.to_string();
            if redactor.is_in(text.as_bytes()) { Value::from(&*redactor.redact(&text)) } else { Value::Number(number) }
        }
        other => other,
    }
}

/// Returns rows with the bytes of secrets in texts and bytes covered. Views keep no bytes of other rows.
///
/// # Errors
/// Arrow cannot rebuild a column.
pub(super) fn rows(batch: &RecordBatch, redactor: &Redactor) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(|column| array(column, redactor)).collect::<Result<Vec<_>, _>>()?;
    let fields = batch.schema_ref().fields().iter().map(|field| {
        let name = redactor.redact(field.name()).into_owned();
        Arc::new(field.as_ref().clone().with_name(name))
    });
    // The metadata of the file is not needed for the call, and may be anything.
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema, columns, &options)
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
    Ok(make_array(data.into_builder().buffers(buffers).child_data(children).build()?))
}

#[cfg(test)]
mod tests {
    use arrow_array::{DictionaryArray, StringArray, StructArray};
    use arrow_schema::Field;
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
        let value = json!({ VALUE: [VALUE, 1, { "a": "x s3cr3t-value" }] });
        let expected = json!({ "[redacted]": ["[redacted]", 1, { "a": "x [redacted]" }] });
        assert_eq!(json(value, &redactor), expected);
    }
}
