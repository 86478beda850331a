use super::{ColumnBuilder, FinishedColumn, OutputType};
use crate::contract::{DataType, Values, Vectors};
use crate::{Error, Result};

/// The builder of a vector column. All vectors have the width of the first one.
#[derive(Debug, Default)]
pub struct VectorBuilder {
    width: Option<usize>,
    rows: usize,
    capacity: usize,
    elements: Vec<f32>,
}

impl VectorBuilder {
    /// Appends a vector.
    ///
    /// # Errors
    /// The vector is empty, or its width differs from the first one's.
    #[inline]
    pub fn push(&mut self, vector: &[f32]) -> Result<()> {
        match self.width {
            Some(width) if width == vector.len() => {}
            Some(width) => {
                let found = vector.len();
                let message = format!("a vector has {found} elements, but the first of its column has {width}");
                return Err(Error::input(message));
            }
            None => self.begin(vector.len())?,
        }
        self.elements.extend_from_slice(vector);
        self.rows += 1;
        Ok(())
    }

    /// Sets the width, and appends the placeholders of the nulls before the first vector.
    fn begin(&mut self, width: usize) -> Result<()> {
        if width == 0 {
            return Err(Error::input("a vector is empty, but must have at least one element"));
        }
        self.width = Some(width);
        self.elements.reserve(self.capacity.max(self.rows + 1) * width);
        self.elements.resize(self.rows * width, 0.0);
        Ok(())
    }
}

impl ColumnBuilder for VectorBuilder {
    fn with_capacity(rows: usize) -> Self {
        Self { capacity: rows, ..Self::default() }
    }

    fn len(&self) -> usize {
        self.rows
    }

    fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        self.elements.truncate(self.rows * self.width.unwrap_or(0));
    }

    fn append_placeholder(&mut self) {
        self.rows += 1;
        self.elements.resize(self.rows * self.width.unwrap_or(0), 0.0);
    }

    fn finish(mut self) -> FinishedColumn {
        // The contract does not allow a width of 0, so a column without vectors has the width 1.
        let width = self.width.unwrap_or(1);
        self.elements.resize(self.rows * width, 0.0);
        Values::Vector(Vectors { width: width as u32, elements: self.elements }).into()
    }
}

macro_rules! vectors {
    ($($type:ty),*) => {$(
        impl OutputType for $type {
            const DATA_TYPE: DataType = DataType::Vector;
            type Builder = VectorBuilder;

            #[inline]
            fn append(self, builder: &mut Self::Builder) -> Result<()> {
                builder.push(&self)
            }
        }
    )*};
}
vectors!(&[f32], Vec<f32>);

impl<const N: usize> OutputType for [f32; N] {
    const DATA_TYPE: DataType = DataType::Vector;
    type Builder = VectorBuilder;

    #[inline]
    fn append(self, builder: &mut Self::Builder) -> Result<()> {
        builder.push(&self)
    }
}
