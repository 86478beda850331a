use super::{ColumnBuilder, FinishedColumn, OutputType};
use crate::Result;
use crate::contract::{DataType, Values};

/// The builder of a boolean column: a bitmap.
#[derive(Debug, Default)]
pub struct BooleanBuilder {
    bitmap: Vec<u8>,
    len: usize,
}

impl BooleanBuilder {
    /// Appends a value.
    #[inline]
    pub fn push(&mut self, value: bool) {
        if self.len.is_multiple_of(8) {
            self.bitmap.push(0);
        }
        self.bitmap[self.len / 8] |= u8::from(value) << (self.len % 8);
        self.len += 1;
    }

    pub(super) fn into_bitmap(self) -> Vec<u8> {
        self.bitmap
    }
}

impl ColumnBuilder for BooleanBuilder {
    fn with_capacity(rows: usize) -> Self {
        Self { bitmap: Vec::with_capacity(rows.div_ceil(8)), len: 0 }
    }

    fn len(&self) -> usize {
        self.len
    }

    fn truncate(&mut self, rows: usize) {
        if rows < self.len {
            self.bitmap.truncate(rows.div_ceil(8));
            // `push` sets bits with `|=`, so the bits after the last row must be clear.
            if !rows.is_multiple_of(8) {
                self.bitmap[rows / 8] &= (1 << (rows % 8)) - 1;
            }
            self.len = rows;
        }
    }

    fn append_placeholder(&mut self) {
        self.push(false);
    }

    fn finish(self) -> FinishedColumn {
        Values::Boolean(self.bitmap).into()
    }
}

impl OutputType for bool {
    const DATA_TYPE: DataType = DataType::Boolean;
    type Builder = BooleanBuilder;

    #[inline]
    fn append(self, builder: &mut Self::Builder) -> Result<()> {
        builder.push(self);
        Ok(())
    }
}
