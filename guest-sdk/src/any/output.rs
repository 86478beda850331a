use super::{AnyBuilders, AnyValue};
use crate::Result;
use crate::column::ColumnSpec;
use crate::output::Output;

/// A row of columns that the parameters define: one value per column, in the order in which they list them.
#[derive(Clone, Debug, PartialEq)]
pub struct AnyOutput<'a>(pub Vec<AnyValue<'a>>);

impl<'a> FromIterator<AnyValue<'a>> for AnyOutput<'a> {
    fn from_iter<I: IntoIterator<Item = AnyValue<'a>>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// Creates a row with a single column.
impl<'a> From<AnyValue<'a>> for AnyOutput<'a> {
    fn from(value: AnyValue<'a>) -> Self {
        Self(vec![value])
    }
}

impl Output for AnyOutput<'_> {
    type Builders = AnyBuilders;
    const COLUMNS: &'static [ColumnSpec] = &[];
    const ANY: bool = true;

    fn append(self, builders: &mut AnyBuilders) -> Result<()> {
        builders.push(self.0)
    }
}
