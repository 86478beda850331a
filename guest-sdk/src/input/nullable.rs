use super::{ColumnReader, ContractViolation, InputType};
use crate::Result;
use crate::contract::{Column, DataType};
use crate::received::TextGuarantee;

/// A column with nulls.
#[derive(Clone, Copy, Debug)]
pub struct NullableColumn<'a, C> {
    values: C,
    validity: Option<&'a [u8]>,
}

impl<C> NullableColumn<'_, C> {
    /// Returns whether the value of a row is null.
    pub fn is_null(&self, row: usize) -> bool {
        self.validity.is_some_and(|bitmap| !bit(bitmap, row))
    }

    /// Returns the values. A null row has a placeholder value.
    pub const fn values(&self) -> &C {
        &self.values
    }
}

impl<'a, C: ColumnReader<'a>> ColumnReader<'a> for NullableColumn<'a, C> {
    fn open(column: &'a Column, rows: usize, guarantee: TextGuarantee) -> Result<Self, ContractViolation> {
        let validity = column.validity.as_deref();
        if validity.is_some_and(|bitmap| bitmap.len() != rows.div_ceil(8)) {
            return Err("its validity does not have one bit per row");
        }
        Ok(Self { values: C::open(column, rows, guarantee)?, validity })
    }
}

impl<'a, T: InputType<'a>> InputType<'a> for Option<T> {
    const DATA_TYPE: DataType = T::DATA_TYPE;
    const NULLABLE: bool = true;
    type Column = NullableColumn<'a, T::Column>;

    #[inline]
    fn read(column: &Self::Column, row: usize) -> Result<Self> {
        if column.is_null(row) { Ok(None) } else { T::read(&column.values, row).map(Some) }
    }
}

/// Returns a bit of a bitmap. The least significant bit of a byte comes first.
#[inline]
pub(super) fn bit(bitmap: &[u8], row: usize) -> bool {
    bitmap[row / 8] >> (row % 8) & 1 == 1
}
