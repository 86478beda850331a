//! Encodes rows as JSON Lines.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Field;

use super::encode::{Encoded, Encoder, Target};
use super::error::SinkError;
use crate::json::{JsonValues, write_serde};
use crate::row_size::columns_bytes;

/// Encodes rows as JSON Lines: one compact object per line, with all columns in the schema's order.
#[derive(Debug)]
pub(super) struct JsonEncoder {
    target: Target,
    /// For every column, the bytes before its value: a brace or a comma, the name, and a colon.
    keys: Vec<Vec<u8>>,
}

impl JsonEncoder {
    pub(super) fn new(target: Target) -> Self {
        let key = |(index, field): (usize, &Arc<Field>)| {
            let mut key = vec![if index == 0 { b'{' } else { b',' }];
            write_serde(&mut key, field.name());
            key.push(b':');
            key
        };
        let keys = target.schema.fields().iter().enumerate().map(key).collect();
        Self { target, keys }
    }
}

impl Encoder for JsonEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        let batch = self.target.checked(batch)?;
        let mut columns = Vec::with_capacity(self.keys.len());
        for (field, array) in self.target.schema.fields().iter().zip(batch.columns()) {
            let values = JsonValues::new(array, field, self.target.non_finite);
            columns.push(values.map_err(|source| self.target.type_error(field, source))?);
        }
        let mut out = Vec::with_capacity(columns_bytes(batch.columns()));
        for row in 0..batch.num_rows() {
            for (index, (key, column)) in self.keys.iter().zip(&columns).enumerate() {
                out.extend_from_slice(key);
                column.write(row, &mut out).map_err(|reason| self.target.no_json(index, row, reason))?;
            }
            out.extend_from_slice(if columns.is_empty() { b"{}\n" } else { b"}\n" });
            self.target.check_text(row, out.len())?;
        }
        Ok(Encoded::Bytes(if out.is_empty() { out } else { self.target.compressed(out)? }))
    }
}
