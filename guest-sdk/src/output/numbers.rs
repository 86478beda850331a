use super::{ColumnBuilder, FinishedColumn, OutputType};
use crate::contract::{DataType, Values};
use crate::{Error, Result};

macro_rules! numbers {
    ($(#[$doc:meta])* $builder:ident, $number:ty, $values:ident) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub struct $builder {
            values: Vec<$number>,
        }

        impl $builder {
            /// Appends a value.
            #[inline]
            pub fn push(&mut self, value: $number) {
                self.values.push(value);
            }
        }

        impl From<Vec<$number>> for $builder {
            fn from(values: Vec<$number>) -> Self {
                Self { values }
            }
        }

        impl ColumnBuilder for $builder {
            fn with_capacity(rows: usize) -> Self {
                Self { values: Vec::with_capacity(rows) }
            }

            fn len(&self) -> usize {
                self.values.len()
            }

            fn truncate(&mut self, rows: usize) {
                self.values.truncate(rows);
            }

            fn append_placeholder(&mut self) {
                self.values.push(Default::default());
            }

            fn finish(self) -> FinishedColumn {
                Values::$values(self.values).into()
            }
        }
    };
}
numbers!(
    /// The builder of an integer column.
    IntegerBuilder, i64, Integer
);
numbers!(
    /// The builder of a float column.
    FloatBuilder, f64, Float
);

macro_rules! convert {
    ($data_type:ident, $builder:ident: $($type:ty),*) => {$(
        impl OutputType for $type {
            const DATA_TYPE: DataType = DataType::$data_type;
            type Builder = $builder;

            #[inline]
            fn append(self, builder: &mut Self::Builder) -> Result<()> {
                builder.push(self.into());
                Ok(())
            }
        }
    )*};
}
convert!(Integer, IntegerBuilder: i8, i16, i32, i64, u8, u16, u32);
convert!(Float, FloatBuilder: f32, f64);

macro_rules! checked {
    ($($type:ty),*) => {$(
        impl OutputType for $type {
            const DATA_TYPE: DataType = DataType::Integer;
            type Builder = IntegerBuilder;

            #[inline]
            fn append(self, builder: &mut Self::Builder) -> Result<()> {
                match self.try_into() {
                    Ok(value) => {
                        builder.push(value);
                        Ok(())
                    }
                    Err(_) => Err(Error::input(format_args!("{self} is above {}, the largest integer", i64::MAX))),
                }
            }
        }
    )*};
}
checked!(isize, u64, usize);
