use super::nullable::bit;
use super::{ColumnReader, ContractViolation, InputType};
use crate::contract::{Column, DataType, Values};
use crate::received::TextGuarantee;
use crate::{Error, Result};

/// A column of booleans.
#[derive(Clone, Copy, Debug)]
pub struct BooleanColumn<'a> {
    bitmap: &'a [u8],
}

impl BooleanColumn<'_> {
    /// Returns the value of a row.
    #[inline]
    pub fn get(&self, row: usize) -> bool {
        bit(self.bitmap, row)
    }
}

impl<'a> ColumnReader<'a> for BooleanColumn<'a> {
    fn open(column: &'a Column, rows: usize, _: TextGuarantee) -> Result<Self, ContractViolation> {
        match &column.values {
            Values::Boolean(bitmap) if bitmap.len() == rows.div_ceil(8) => Ok(Self { bitmap }),
            Values::Boolean(_) => Err("it does not have one bit per row"),
            _ => Err("its type is not boolean"),
        }
    }
}

impl<'a> InputType<'a> for bool {
    const DATA_TYPE: DataType = DataType::Boolean;
    type Column = BooleanColumn<'a>;

    #[inline]
    fn read(column: &Self::Column, row: usize) -> Result<Self> {
        Ok(column.get(row))
    }
}

/// A column of integers.
#[derive(Clone, Copy, Debug)]
pub struct IntegerColumn<'a> {
    name: &'a str,
    values: &'a [i64],
}

impl<'a> IntegerColumn<'a> {
    /// Returns the values, one per row.
    pub const fn values(&self) -> &'a [i64] {
        self.values
    }
}

impl<'a> ColumnReader<'a> for IntegerColumn<'a> {
    fn open(column: &'a Column, rows: usize, _: TextGuarantee) -> Result<Self, ContractViolation> {
        match &column.values {
            Values::Integer(values) if values.len() == rows => Ok(Self { name: &column.name, values }),
            Values::Integer(_) => Err("it does not have one number per row"),
            _ => Err("its type is not integer"),
        }
    }
}

impl<'a> InputType<'a> for i64 {
    const DATA_TYPE: DataType = DataType::Integer;
    type Column = IntegerColumn<'a>;

    #[inline]
    fn read(column: &Self::Column, row: usize) -> Result<Self> {
        Ok(column.values[row])
    }
}

macro_rules! narrow_integers {
    ($($type:ty),*) => {$(
        impl<'a> InputType<'a> for $type {
            const DATA_TYPE: DataType = DataType::Integer;
            type Column = IntegerColumn<'a>;

            #[inline]
            fn read(column: &Self::Column, row: usize) -> Result<Self> {
                let value = column.values[row];
                value.try_into().map_err(|_| {
                    let (name, min, max) = (column.name, <$type>::MIN, <$type>::MAX);
                    Error::input(format_args!("{value} in the column `{name}` is out of range: from {min} to {max}"))
                })
            }
        }
    )*};
}
narrow_integers!(i8, i16, i32, isize, u8, u16, u32, u64, usize);

/// A column of floats.
#[derive(Clone, Copy, Debug)]
pub struct FloatColumn<'a> {
    values: &'a [f64],
}

impl<'a> FloatColumn<'a> {
    /// Returns the values, one per row.
    pub const fn values(&self) -> &'a [f64] {
        self.values
    }
}

impl<'a> ColumnReader<'a> for FloatColumn<'a> {
    fn open(column: &'a Column, rows: usize, _: TextGuarantee) -> Result<Self, ContractViolation> {
        match &column.values {
            Values::Float(values) if values.len() == rows => Ok(Self { values }),
            Values::Float(_) => Err("it does not have one number per row"),
            _ => Err("its type is not float"),
        }
    }
}

impl<'a> InputType<'a> for f64 {
    const DATA_TYPE: DataType = DataType::Float;
    type Column = FloatColumn<'a>;

    #[inline]
    fn read(column: &Self::Column, row: usize) -> Result<Self> {
        Ok(column.values[row])
    }
}

impl<'a> InputType<'a> for f32 {
    const DATA_TYPE: DataType = DataType::Float;
    type Column = FloatColumn<'a>;

    #[inline]
    fn read(column: &Self::Column, row: usize) -> Result<Self> {
        Ok(column.values[row] as Self)
    }
}
