//! The exact types and values of columns, which the host knows.
//!
//! In a component the host answers. A unit test has no host, and the columns' own values are used.

#[cfg(target_arch = "wasm32")]
pub(super) use host::ExactColumns;
#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::ExactColumns;

#[cfg(target_arch = "wasm32")]
mod host {
    use std::cell::OnceCell;

    use super::super::LogicalType;
    use super::super::columns::AnyColumn;
    use crate::contract::Texts;
    use crate::contract::stillbox::step::columns as host_columns;
    use crate::{Error, Result};

    /// The answers of the host so far, for the columns of one batch.
    #[derive(Debug)]
    pub(in super::super) struct ExactColumns {
        types: OnceCell<Vec<LogicalType>>,
        /// For each column, its keys.
        keys: Vec<OnceCell<Result<Texts, String>>>,
    }

    impl ExactColumns {
        pub(in super::super) fn new(columns: usize) -> Self {
            Self { types: OnceCell::new(), keys: (0..columns).map(|_| OnceCell::new()).collect() }
        }

        pub(in super::super) fn logical_type(
            &self,
            columns: &[Option<AnyColumn<'_>>],
            column: usize,
        ) -> Option<LogicalType> {
            let index = batch_index(columns, column)?;
            self.types.get_or_init(host_columns::logical_types).get(index).copied()
        }

        pub(in super::super) fn write_key(
            &self,
            columns: &[Option<AnyColumn<'_>>],
            column: usize,
            row: usize,
            out: &mut Vec<u8>,
        ) -> Result<()> {
            let Some(index) = batch_index(columns, column) else {
                stillbox_key::null(out);
                return Ok(());
            };
            let keys = self.keys[column].get_or_init(|| host_columns::keys(index as u32));
            let keys = keys.as_ref().map_err(Error::input)?;
            let [start, end] = [row, row + 1].map(|border| keys.offsets[border] as usize);
            out.extend_from_slice(&keys.bytes[start..end]);
            Ok(())
        }
    }

    /// Returns the index of a column in the batch, which does not have the missing columns.
    fn batch_index(columns: &[Option<AnyColumn<'_>>], column: usize) -> Option<usize> {
        columns[column].as_ref()?;
        Some(columns[..column].iter().flatten().count())
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use super::super::columns::AnyColumn;
    use super::super::{AnyValue, DataType, LogicalType};
    use crate::{Json, Result};

    /// Computes the answers from the columns of a batch.
    #[derive(Debug)]
    pub(in super::super) struct ExactColumns;

    #[expect(clippy::unused_self, reason = "in a component it has the answers of the host")]
    impl ExactColumns {
        pub(in super::super) fn new(_columns: usize) -> Self {
            Self
        }

        pub(in super::super) fn logical_type(
            &self,
            columns: &[Option<AnyColumn<'_>>],
            column: usize,
        ) -> Option<LogicalType> {
            Some(match columns[column].as_ref()?.data_type() {
                DataType::Boolean => LogicalType::Boolean,
                DataType::Integer => LogicalType::Integer,
                DataType::Float => LogicalType::Float,
                DataType::Text => LogicalType::Text,
                DataType::Binary => LogicalType::Binary,
                DataType::Json => LogicalType::Json,
                DataType::Vector => LogicalType::List,
            })
        }

        pub(in super::super) fn write_key(
            &self,
            columns: &[Option<AnyColumn<'_>>],
            column: usize,
            row: usize,
            out: &mut Vec<u8>,
        ) -> Result<()> {
            match columns[column].as_ref().map_or(AnyValue::Null, |column| column.get(row)) {
                AnyValue::Null => stillbox_key::null(out),
                AnyValue::Boolean(value) => stillbox_key::boolean(value, out),
                AnyValue::Integer(value) => Json::from_text(&value.to_string()).write_key(out)?,
                AnyValue::Float(value) => stillbox_key::float(value, out),
                AnyValue::Text(value) => stillbox_key::text(&value, out),
                AnyValue::Binary(value) => stillbox_key::bytes(&value, out),
                AnyValue::Json(value) => Json::from_text(&value).write_key(out)?,
                AnyValue::Vector(values) => {
                    stillbox_key::start_list(out);
                    values.iter().for_each(|value| stillbox_key::float(f64::from(*value), out));
                    stillbox_key::end_list(out);
                }
            }
            Ok(())
        }
    }
}
