use super::{BooleanBuilder, ColumnBuilder, FinishedColumn, OutputType};
use crate::Result;
use crate::contract::DataType;

/// The builder of a column with nulls.
#[derive(Debug)]
pub struct NullableBuilder<B> {
    values: B,
    validity: BooleanBuilder,
    nulls: usize,
}

impl<B: ColumnBuilder> NullableBuilder<B> {
    /// Appends a null.
    pub fn push_null(&mut self) {
        self.values.append_placeholder();
        self.validity.push(false);
        self.nulls += 1;
    }

    /// Appends the values that the function appends. They are not null.
    ///
    /// # Errors
    /// The error of the function.
    pub fn push_with(&mut self, append: impl FnOnce(&mut B) -> Result<()>) -> Result<()> {
        let result = append(&mut self.values);
        while self.validity.len() < self.values.len() {
            self.validity.push(true);
        }
        result
    }
}

impl<B: ColumnBuilder> ColumnBuilder for NullableBuilder<B> {
    fn with_capacity(rows: usize) -> Self {
        Self { values: B::with_capacity(rows), validity: BooleanBuilder::with_capacity(rows), nulls: 0 }
    }

    fn len(&self) -> usize {
        self.validity.len()
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.validity.truncate(rows);
    }

    fn append_placeholder(&mut self) {
        self.push_null();
    }

    fn finish(self) -> FinishedColumn {
        // `nulls` includes nulls that `truncate` removed. The bitmap may then be superfluous, but it is correct.
        let validity = (self.nulls > 0).then(|| self.validity.into_bitmap());
        FinishedColumn { validity, ..self.values.finish() }
    }
}

impl<T: OutputType> OutputType for Option<T> {
    const DATA_TYPE: DataType = T::DATA_TYPE;
    const NULLABLE: bool = true;
    type Builder = NullableBuilder<T::Builder>;

    #[inline]
    fn append(self, builder: &mut Self::Builder) -> Result<()> {
        if let Some(value) = self {
            return builder.push_with(|values| value.append(values));
        }
        builder.push_null();
        Ok(())
    }
}
