use super::{ColumnReader, ContractViolation, InputType};
use crate::contract::{Column, DataType, Values, Vectors};
use crate::received::TextGuarantee;
use crate::{Error, Result};

/// A column of vectors with the same number of elements in every row.
#[derive(Clone, Copy, Debug)]
pub struct VectorColumn<'a> {
    name: &'a str,
    width: usize,
    elements: &'a [f32],
}

impl<'a> VectorColumn<'a> {
    /// Returns the number of elements in each vector.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Returns the vector of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &'a [f32] {
        &self.elements[row * self.width..][..self.width]
    }

    /// Returns all vectors, concatenated.
    pub const fn elements(&self) -> &'a [f32] {
        self.elements
    }
}

impl<'a> ColumnReader<'a> for VectorColumn<'a> {
    fn open(column: &'a Column, rows: usize, _: TextGuarantee) -> Result<Self, ContractViolation> {
        let Values::Vector(Vectors { width, elements }) = &column.values else { return Err("its type is not vector") };
        let width = *width as usize;
        match rows.checked_mul(width) {
            _ if width == 0 => Err("its vectors are empty"),
            Some(length) if length == elements.len() => Ok(Self { name: &column.name, width, elements }),
            _ => Err("it does not have one vector per row"),
        }
    }
}

macro_rules! vectors {
    ($($type:ty),*) => {$(
        impl<'a> InputType<'a> for $type {
            const DATA_TYPE: DataType = DataType::Vector;
            type Column = VectorColumn<'a>;

            #[inline]
            fn read(column: &Self::Column, row: usize) -> Result<Self> {
                Ok(column.get(row).into())
            }
        }
    )*};
}
vectors!(&'a [f32], Vec<f32>);

impl<'a, const N: usize> InputType<'a> for [f32; N] {
    const DATA_TYPE: DataType = DataType::Vector;
    type Column = VectorColumn<'a>;

    #[inline]
    fn read(column: &Self::Column, row: usize) -> Result<Self> {
        column.get(row).try_into().map_err(|_| {
            let (name, width) = (column.name, column.width);
            Error::input(format_args!("the vectors in the column `{name}` have {width} elements instead of {N}"))
        })
    }
}
