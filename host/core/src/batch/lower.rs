//! Converts Arrow arrays to the contract's columns, without copying values if the layouts agree.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, GenericByteArray, types::ByteArrayType};
use arrow_buffer::{BooleanBuffer, Buffer, MutableBuffer, ScalarBuffer};
use arrow_schema::DataType as ArrowType;

use crate::data_type::DataType;
use crate::engine::bindings::types::{ColumnParam, TextsParam, ValuesParam, VectorsParam};

/// A column for a call. It owns the buffers that the call borrows.
pub(crate) struct LoweredColumn {
    name: Arc<str>,
    validity: Option<Buffer>,
    values: Values,
    /// The Arrow type before the conversion, for a component that asks for it.
    exact_type: Option<String>,
}

enum Values {
    Boolean(Buffer),
    Integer(ScalarBuffer<i64>),
    Float(ScalarBuffer<f64>),
    Texts { kind: DataType, offsets: ScalarBuffer<u32>, bytes: Buffer },
    Vectors { width: u32, elements: ScalarBuffer<f32> },
}

impl LoweredColumn {
    /// Creates a column from an array that [`super::as_contract`] returned for this type.
    pub(crate) fn new(name: Arc<str>, array: &ArrayRef, data_type: DataType) -> Self {
        let values = match data_type {
            DataType::Boolean => Values::Boolean(bitmap(array.as_boolean().values())),
            DataType::Integer => Values::Integer(array.as_primitive::<Int64Type>().values().clone()),
            DataType::Float => Values::Float(array.as_primitive::<Float64Type>().values().clone()),
            DataType::Text | DataType::Json => texts(data_type, array.as_string::<i32>()),
            DataType::Binary => texts(data_type, array.as_binary::<i32>()),
            DataType::Vector => {
                let list = array.as_fixed_size_list();
                let width = list.value_length() as usize;
                let elements = list.values().as_primitive::<Float32Type>().values();
                let elements = elements.slice(list.value_offset_at(0), list.len() * width);
                Values::Vectors { width: width as u32, elements }
            }
        };
        let validity = array.nulls().filter(|nulls| nulls.null_count() > 0).map(|nulls| bitmap(nulls.inner()));
        Self { name, validity, values, exact_type: None }
    }

    /// Adds the Arrow type that the column had before its conversion. With the values it determines the keys of the values.
    pub(crate) fn with_exact_type(self, arrow: &ArrowType) -> Self {
        Self { exact_type: Some(arrow.to_string()), ..self }
    }

    /// Passes all bytes that the step can see of the column to `add`, part by part.
    pub(crate) fn bytes(&self, add: &mut impl FnMut(&[u8])) {
        add(self.name.as_bytes());
        add(self.validity.as_deref().unwrap_or_default());
        if let Some(exact_type) = &self.exact_type {
            add(exact_type.as_bytes());
        }
        match &self.values {
            Values::Boolean(bits) => {
                add(b"boolean");
                add(bits);
            }
            Values::Integer(numbers) => {
                add(b"integer");
                add(numbers.inner());
            }
            Values::Float(numbers) => {
                add(b"float");
                add(numbers.inner());
            }
            Values::Texts { kind, offsets, bytes } => {
                add(kind.name().as_bytes());
                add(offsets.inner());
                add(bytes);
            }
            Values::Vectors { width, elements } => {
                add(b"vector");
                add(&width.to_le_bytes());
                add(elements.inner());
            }
        }
    }

    /// Returns the column in the form of the contract's bindings.
    pub(crate) fn column(&self) -> ColumnParam<'_> {
        let values = match &self.values {
            Values::Boolean(bits) => ValuesParam::Boolean(bits),
            Values::Integer(numbers) => ValuesParam::Integer(numbers),
            Values::Float(numbers) => ValuesParam::Float(numbers),
            Values::Texts { kind, offsets, bytes } => {
                let texts = TextsParam { offsets, bytes };
                match kind {
                    DataType::Json => ValuesParam::Json(texts),
                    DataType::Binary => ValuesParam::Binary(texts),
                    _ => ValuesParam::Text(texts),
                }
            }
            Values::Vectors { width, elements } => ValuesParam::Vector(VectorsParam { width: *width, elements }),
        };
        ColumnParam { name: &self.name, validity: self.validity.as_deref(), values }
    }
}

/// Returns the bits from the first byte on, with zeros after the last row, so that a step cannot see other rows.
fn bitmap(bits: &BooleanBuffer) -> Buffer {
    let bytes = bits.sliced().slice_with_length(0, bits.len().div_ceil(8));
    let surplus = bytes.len() * 8 - bits.len();
    match bytes.last() {
        Some(last) if surplus > 0 && last >> (8 - surplus) != 0 => {
            let mut copy = bytes.to_vec();
            if let Some(last) = copy.last_mut() {
                *last &= u8::MAX >> surplus;
            }
            Buffer::from(copy)
        }
        _ => bytes,
    }
}

fn texts<T: ByteArrayType<Offset = i32>>(kind: DataType, array: &GenericByteArray<T>) -> Values {
    let offsets = array.value_offsets();
    // Arrow's offsets are never negative, so they have the same bytes as unsigned integers.
    let (first, last) = (offsets[0] as usize, offsets[array.len()] as usize);
    let offsets = if first == 0 {
        ScalarBuffer::new(array.offsets().inner().inner().clone(), 0, array.len() + 1)
    } else {
        let mut moved = MutableBuffer::with_capacity(offsets.len() * size_of::<u32>());
        moved.extend(offsets.iter().map(|offset| (*offset as usize - first) as u32));
        ScalarBuffer::from(Buffer::from(moved))
    };
    Values::Texts { kind, offsets, bytes: array.values().slice_with_length(first, last - first) }
}

/// Returns the first null row, if any.
pub(crate) fn first_null(array: &dyn Array) -> Option<usize> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0)?;
    (0..nulls.len()).find(|row| nulls.is_null(*row))
}

#[cfg(test)]
mod tests {
    use arrow_array::BooleanArray;

    use super::*;

    #[test]
    fn bits_of_other_rows_are_not_passed_to_the_step() {
        let all = |value: bool| -> ArrayRef {
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(value), Some(value)]))
        };
        let seen = |array: &ArrayRef| {
            let mut parts = Vec::new();
            LoweredColumn::new("x".into(), array, DataType::Boolean).bytes(&mut |part| parts.push(part.to_vec()));
            parts
        };
        assert_eq!(seen(&all(true).slice(0, 2)), seen(&all(false).slice(0, 2)));
        assert_eq!(seen(&all(true).slice(0, 2))[1], [0b01]);
        assert_eq!(seen(&all(true).slice(1, 2))[1], [0b10]);
        assert_ne!(seen(&all(true).slice(0, 3)), seen(&all(false).slice(0, 3)));
    }
}
