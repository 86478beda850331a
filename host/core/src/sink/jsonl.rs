//! Encodes rows as JSON Lines.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Field;

use super::encode::{Encoded, Encoder, Target};
use super::error::SinkError;
use crate::json::{CarriedText, JsonValues, write_serde};
use crate::row_size::columns_bytes;
use crate::source::Carried;

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

/// Columns that are text, and the row of the text for a row of the batch.
type CarriedRows<'b> = (&'b CarriedText, &'b dyn Fn(usize) -> usize);

/// A part of a line.
enum LinePart<'b> {
    /// A column: its index.
    Column(usize, JsonValues<'b>),
    /// The columns of a group, as text: the index of the group.
    Group(usize, CarriedRows<'b>),
}

impl JsonEncoder {
    /// Returns the parts of a line. Groups are written as a whole or not at all.
    fn parts<'b>(
        &self,
        batch: &'b RecordBatch,
        carried: Option<CarriedRows<'b>>,
    ) -> Result<Vec<LinePart<'b>>, SinkError> {
        let groups = carried.into_iter().flat_map(|rows| {
            let groups = rows.0.groups().iter().enumerate();
            groups.map(move |(index, group)| (&*group[0], (index, group.len(), rows)))
        });
        let starts: HashMap<&str, (usize, usize, CarriedRows<'b>)> = groups.collect();
        let fields = self.target.schema.fields();
        let mut parts = Vec::new();
        let mut index = 0;
        while let Some(field) = fields.get(index) {
            if let Some((group, columns, rows)) = starts.get(field.name().as_str()) {
                parts.push(LinePart::Group(*group, *rows));
                index += columns;
                continue;
            }
            let values = JsonValues::new(batch.column(index), field, self.target.non_finite);
            parts.push(LinePart::Column(index, values.map_err(|source| self.target.type_error(field, source))?));
            index += 1;
        }
        Ok(parts)
    }

    fn write(&self, batch: &RecordBatch, carried: Option<CarriedRows<'_>>) -> Result<Encoded, SinkError> {
        let batch = self.target.checked(batch)?;
        let parts = self.parts(&batch, carried)?;
        let columns = parts.iter().filter_map(|part| match part {
            LinePart::Column(index, _) => Some(batch.column(*index)),
            LinePart::Group(..) => None,
        });
        let bytes = columns_bytes(columns) + carried.map_or(0, |(text, _)| text.bytes());
        let mut out = self.target.free_texts.take(bytes);
        for row in 0..batch.num_rows() {
            for (place, part) in parts.iter().enumerate() {
                match part {
                    LinePart::Column(index, column) => {
                        out.extend_from_slice(&self.keys[*index]);
                        column.write(row, &mut out).map_err(|reason| self.target.no_json(*index, row, reason))?;
                    }
                    LinePart::Group(group, (text, chunk_row)) => {
                        out.push(if place == 0 { b'{' } else { b',' });
                        out.extend_from_slice(text.text(chunk_row(row), *group));
                    }
                }
            }
            out.extend_from_slice(if parts.is_empty() { b"{}\n" } else { b"}\n" });
            self.target.check_text(row, out.len())?;
        }
        Ok(Encoded::Bytes(if out.is_empty() { out } else { self.target.compressed(out)? }))
    }
}

impl Encoder for JsonEncoder {
    fn encode(&self, batch: &RecordBatch) -> Result<Encoded, SinkError> {
        self.write(batch, None)
    }

    fn encode_carried(
        &self,
        batch: &RecordBatch,
        carried: &Carried,
        chunk_row: &dyn Fn(usize) -> usize,
    ) -> Result<Encoded, SinkError> {
        match carried {
            Carried::Text(text) => self.write(batch, Some((text, chunk_row))),
            Carried::Rows(_) => self.write(batch, None),
        }
    }
}
