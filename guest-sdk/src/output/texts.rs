use std::borrow::Cow;

use serde_json::Value;

use super::{ColumnBuilder, FinishedColumn, OutputType};
use crate::contract::{DataType, Texts, Values};
use crate::input::TextColumn;
use crate::{Error, Json, Result};

/// The initial estimate of the bytes per text.
const ESTIMATED_BYTES_PER_ROW: usize = 32;
/// The number of rows after which their mean replaces the estimate. The column is still small then, so it is cheap to move.
const SAMPLED_ROWS: usize = 32;
/// The most bytes to reserve by the estimate, because the first texts of a batch may be longer than the others.
const MAX_RESERVED_BYTES: usize = 4 << 20;

/// Returns the bytes to reserve after the first rows, so that the column does not grow and move repeatedly. It is an eighth
/// more than the mean implies, because the mean of a sample varies.
const fn bytes_to_reserve(sampled: usize, expected: usize) -> usize {
    let rest = (sampled / SAMPLED_ROWS).saturating_mul(expected.saturating_sub(SAMPLED_ROWS));
    let rest = rest.saturating_add(rest / 8);
    if rest < MAX_RESERVED_BYTES { rest } else { MAX_RESERVED_BYTES }
}

/// Returns the offset of the end of the column.
#[inline]
fn end(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| Error::input("a column of a batch has 4 GiB or more"))
}

macro_rules! builder {
    ($(#[$doc:meta])* $builder:ident, $bytes:ty, $value:ty, $values:ident, $append:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $builder {
            offsets: Vec<u32>,
            bytes: $bytes,
        }

        impl $builder {
            /// Reserves memory for more bytes.
            pub fn reserve_bytes(&mut self, bytes: usize) {
                self.bytes.reserve(bytes);
            }

            /// Appends a value.
            ///
            /// # Errors
            /// The column has reached 4 GiB.
            #[inline]
            pub fn push(&mut self, value: &$value) -> Result<()> {
                self.push_with(|bytes| bytes.$append(value))
            }

            /// Appends the value that the function appends to its argument, which contains all earlier values.
            ///
            /// # Errors
            /// The column has reached 4 GiB, or the function removed earlier values.
            #[inline]
            pub fn push_with(&mut self, write: impl FnOnce(&mut $bytes)) -> Result<()> {
                let before = self.bytes.len();
                write(&mut self.bytes);
                if self.bytes.len() < before {
                    return Err(Error::internal("the function passed to `push_with` removed earlier values"));
                }
                self.offsets.push(end(self.bytes.len())?);
                if self.offsets.len() == SAMPLED_ROWS + 1 {
                    // The capacity of the offsets is the expected number of rows. The reservation is optional, so its failure is
                    // ignored.
                    let _ = self.bytes.try_reserve(bytes_to_reserve(self.bytes.len(), self.offsets.capacity() - 1));
                }
                Ok(())
            }
        }

        impl ColumnBuilder for $builder {
            fn with_capacity(rows: usize) -> Self {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                Self { offsets, bytes: <$bytes>::with_capacity(rows * ESTIMATED_BYTES_PER_ROW) }
            }

            fn len(&self) -> usize {
                self.offsets.len() - 1
            }

            fn truncate(&mut self, rows: usize) {
                self.offsets.truncate(rows + 1);
                self.bytes.truncate(self.offsets[self.offsets.len() - 1] as usize);
            }

            fn append_placeholder(&mut self) {
                self.offsets.push(self.offsets[self.offsets.len() - 1]);
            }

            fn finish(self) -> FinishedColumn {
                Values::$values(Texts { offsets: self.offsets, bytes: self.bytes.into() }).into()
            }
        }
    };
}
builder!(
    /// The builder of a text column.
    TextBuilder, String, str, Text, push_str
);

/// A copy of a column.
impl From<TextColumn<'_>> for TextBuilder {
    fn from(column: TextColumn<'_>) -> Self {
        Self { offsets: column.offsets().to_vec(), bytes: column.all().to_owned() }
    }
}

builder!(
    /// The builder of a binary column.
    BinaryBuilder, Vec<u8>, [u8], Binary, extend_from_slice
);
builder!(
    /// The builder of a JSON column. The SDK does not check the values: if one is not JSON, the host fails the batch.
    JsonBuilder, String, str, Json, push_str
);

macro_rules! texts {
    ($data_type:ident, $builder:ident: $($type:ty),*) => {$(
        impl OutputType for $type {
            const DATA_TYPE: DataType = DataType::$data_type;
            type Builder = $builder;

            #[inline]
            fn append(self, builder: &mut Self::Builder) -> Result<()> {
                builder.push(&self)
            }
        }
    )*};
}
texts!(Text, TextBuilder: &str, String, Cow<'_, str>);
texts!(Binary, BinaryBuilder: &[u8], Vec<u8>, Cow<'_, [u8]>);

impl OutputType for Json<'_> {
    const DATA_TYPE: DataType = DataType::Json;
    type Builder = JsonBuilder;

    #[inline]
    fn append(self, builder: &mut Self::Builder) -> Result<()> {
        builder.push(self.text())
    }
}

impl OutputType for Value {
    const DATA_TYPE: DataType = DataType::Json;
    type Builder = JsonBuilder;

    fn append(self, builder: &mut Self::Builder) -> Result<()> {
        builder.push(&self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_for_all_texts_is_reserved_once() -> Result<()> {
        let mut column = TextBuilder::with_capacity(1000);
        for _ in 0..SAMPLED_ROWS {
            column.push(&"x".repeat(200))?;
        }
        let room = column.bytes.capacity();
        assert!(room >= 200 * 1000, "{room}");
        for row in SAMPLED_ROWS..1000 {
            column.push(&"x".repeat(190 + row % 20))?;
        }
        assert_eq!(column.bytes.capacity(), room);
        Ok(())
    }

    #[test]
    fn the_reservation_is_bounded() {
        assert_eq!(bytes_to_reserve(SAMPLED_ROWS * 100, 10), 0);
        assert_eq!(bytes_to_reserve(SAMPLED_ROWS * 80, SAMPLED_ROWS + 100), 9000);
        assert_eq!(bytes_to_reserve(usize::MAX, usize::MAX), MAX_RESERVED_BYTES);
    }
}
