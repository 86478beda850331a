use std::borrow::Cow;

use serde_json::Value;

use super::{ColumnBuilder, Finished, OutputType};
use crate::contract::{DataType, Texts, Values};
use crate::{Error, Json, Result};

/// A guess at the bytes of a text, to make room for.
const BYTES_A_ROW: usize = 32;
/// After so many rows their mean is a better guess, and little has to be moved yet.
const SAMPLE: usize = 32;
/// The most that is made room for by a guess. A step may begin with long texts and go on with short ones.
const MOST_ROOM: usize = 4 << 20;

/// Bytes to make room for when the first rows are there, so that the column need not grow, and move, again and again. An
/// eighth more than the mean says, because the mean of a few rows is not that of all.
const fn room(sampled: usize, expected: usize) -> usize {
    let rest = (sampled / SAMPLE).saturating_mul(expected.saturating_sub(SAMPLE));
    let rest = rest.saturating_add(rest / 8);
    if rest < MOST_ROOM { rest } else { MOST_ROOM }
}

/// The border behind a value that ends at the end of the column.
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
            /// Makes room for more bytes.
            pub fn reserve_bytes(&mut self, bytes: usize) {
                self.bytes.reserve(bytes);
            }

            /// Appends a value.
            ///
            /// # Errors
            /// The column has 4 GiB or more.
            #[inline]
            pub fn push(&mut self, value: &$value) -> Result<()> {
                self.push_with(|bytes| bytes.$append(value))
            }

            /// Appends a value: what the function appends to what it is given, which holds the values before it.
            ///
            /// # Errors
            /// The column has 4 GiB or more, or the function took away what was there.
            #[inline]
            pub fn push_with(&mut self, write: impl FnOnce(&mut $bytes)) -> Result<()> {
                let before = self.bytes.len();
                write(&mut self.bytes);
                if self.bytes.len() < before {
                    return Err(Error::internal("a function that was to append a value took others away"));
                }
                self.offsets.push(end(self.bytes.len())?);
                if self.offsets.len() == SAMPLE + 1 {
                    // As many rows are expected as their borders have room. Without memory for a guess, it goes on as it is.
                    let _ = self.bytes.try_reserve(room(self.bytes.len(), self.offsets.capacity() - 1));
                }
                Ok(())
            }
        }

        impl ColumnBuilder for $builder {
            fn with_capacity(rows: usize) -> Self {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                Self { offsets, bytes: <$bytes>::with_capacity(rows * BYTES_A_ROW) }
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

            fn finish(self) -> Finished {
                Values::$values(Texts { offsets: self.offsets, bytes: self.bytes.into() }).into()
            }
        }
    };
}
builder!(
    /// A column of texts that is being built.
    TextBuilder, String, str, Text, push_str
);
builder!(
    /// A column of bytes that is being built.
    BinaryBuilder, Vec<u8>, [u8], Binary, extend_from_slice
);
builder!(
    /// A column of JSON values that is being built. The host refuses what is not JSON.
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
    fn room_for_all_texts_is_made_once() -> Result<()> {
        let mut column = TextBuilder::with_capacity(1000);
        for _ in 0..SAMPLE {
            column.push(&"x".repeat(200))?;
        }
        let room = column.bytes.capacity();
        assert!(room >= 200 * 1000, "{room}");
        for row in SAMPLE..1000 {
            column.push(&"x".repeat(190 + row % 20))?;
        }
        assert_eq!(column.bytes.capacity(), room);
        Ok(())
    }

    #[test]
    fn a_guess_is_bounded() {
        assert_eq!(room(SAMPLE * 100, 10), 0);
        assert_eq!(room(SAMPLE * 80, SAMPLE + 100), 9000);
        assert_eq!(room(usize::MAX, usize::MAX), MOST_ROOM);
    }
}
