use super::AnyValue;
use crate::contract::{DataType, Field};
use crate::output::{
    BinaryBuilder, BooleanBuilder, Builders, ColumnBuilder, FinishedColumn, FloatBuilder, IntegerBuilder, JsonBuilder,
    NullableBuilder, TextBuilder, VectorBuilder,
};
use crate::{Error, Result};

/// The columns of an [`AnyOutput`](super::AnyOutput) while they are built.
///
/// They do not know the parameters: the first row sets their number, and the first value of a column sets its type.
#[derive(Debug)]
pub struct AnyBuilders {
    columns: Vec<AnyBuilder>,
    rows: usize,
    capacity: usize,
}

impl AnyBuilders {
    pub(super) fn push(&mut self, values: Vec<AnyValue<'_>>) -> Result<()> {
        if self.rows == 0 && self.columns.is_empty() {
            self.columns.resize_with(values.len(), || AnyBuilder::Untyped { nulls: 0 });
        }
        let (found, all) = (values.len(), self.columns.len());
        if found != all {
            return Err(Error::internal(format_args!("a row has {found} values, but the rows before it have {all}")));
        }
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(value, self.capacity)?;
        }
        self.rows += 1;
        Ok(())
    }
}

impl Builders for AnyBuilders {
    fn with_capacity(rows: usize) -> Self {
        Self { columns: Vec::new(), rows: 0, capacity: rows }
    }

    fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        for column in &mut self.columns {
            column.truncate(rows);
        }
    }

    fn all_have(&self, rows: usize) -> bool {
        self.rows == rows && self.columns.iter().all(|column| column.len() == rows)
    }

    fn finish(self, fields: &[Field]) -> Result<Vec<FinishedColumn>> {
        let mut columns = self.columns;
        if self.rows == 0 {
            columns.clear();
            columns.resize_with(fields.len(), || AnyBuilder::Untyped { nulls: 0 });
        }
        if columns.len() != fields.len() {
            let (found, promised) = (columns.len(), fields.len());
            return Err(Error::internal(format_args!(
                "rows have {found} values, but the parameters declare {promised} output columns"
            )));
        }
        columns.into_iter().zip(fields).map(|(column, field)| column.finish(field)).collect()
    }
}

macro_rules! builder {
    ($($variant:ident: $builder:ident, |$values:ident, $value:ident| $push:expr;)*) => {
        #[derive(Debug)]
        enum AnyBuilder {
            /// All values so far are null.
            Untyped { nulls: usize },
            $($variant(NullableBuilder<$builder>),)*
        }

        impl AnyBuilder {
            fn with_nulls(data_type: DataType, nulls: usize, capacity: usize) -> Self {
                match data_type {
                    $(DataType::$variant => {
                        let mut builder = NullableBuilder::with_capacity(capacity.max(nulls));
                        (0..nulls).for_each(|_| builder.push_null());
                        Self::$variant(builder)
                    })*
                }
            }

            fn push(&mut self, value: AnyValue<'_>, capacity: usize) -> Result<()> {
                if let (Self::Untyped { nulls }, Some(data_type)) = (&*self, value.data_type()) {
                    *self = Self::with_nulls(data_type, *nulls, capacity);
                }
                match (self, value) {
                    (Self::Untyped { nulls }, _) => {
                        *nulls += 1;
                        Ok(())
                    }
                    $(
                        (Self::$variant(builder), AnyValue::Null) => {
                            builder.push_null();
                            Ok(())
                        }
                        (Self::$variant(builder), AnyValue::$variant($value)) => builder.push_with(|$values| $push),
                        (Self::$variant(_), other) => Err(Error::internal(format_args!(
                            "a column has the type {:?}, but a value is {other:?}",
                            DataType::$variant,
                        ))),
                    )*
                }
            }

            fn len(&self) -> usize {
                match self {
                    Self::Untyped { nulls } => *nulls,
                    $(Self::$variant(builder) => builder.len(),)*
                }
            }

            fn truncate(&mut self, rows: usize) {
                match self {
                    Self::Untyped { nulls } => *nulls = (*nulls).min(rows),
                    $(Self::$variant(builder) => builder.truncate(rows),)*
                }
            }

            fn finish(self, field: &Field) -> Result<FinishedColumn> {
                match self {
                    Self::Untyped { nulls } => Self::with_nulls(field.data_type, nulls, 0).finish(field),
                    $(Self::$variant(builder) if field.data_type == DataType::$variant => Ok(builder.finish()),)*
                    $(Self::$variant(_) => Err(Error::internal(format_args!(
                        "the column `{}` has values of the type {:?}, but the parameters declare {:?}",
                        field.name,
                        DataType::$variant,
                        field.data_type,
                    ))),)*
                }
            }
        }
    };
}
builder! {
    Boolean: BooleanBuilder, |values, value| {
        values.push(value);
        Ok(())
    };
    Integer: IntegerBuilder, |values, value| {
        values.push(value);
        Ok(())
    };
    Float: FloatBuilder, |values, value| {
        values.push(value);
        Ok(())
    };
    Text: TextBuilder, |values, value| values.push(&value);
    Binary: BinaryBuilder, |values, value| values.push(&value);
    Json: JsonBuilder, |values, value| values.push(&value);
    Vector: VectorBuilder, |values, value| values.push(&value);
}
