use stillbox_sdk::any::{AnyRow, AnyValue};
use stillbox_sdk::{JsonType, Result, bail};

use super::{Aggregation, Function};

/// The value of one row for an aggregation.
#[derive(Debug)]
pub(crate) enum RowValue<'a> {
    /// No value.
    Missing,
    /// A value to count.
    Present,
    /// A number for a mean.
    Number(f64),
    /// A value for a list.
    Element(&'a str),
    /// A value for a minimum or maximum, and its sort key.
    Value(AnyValue<'a>, Vec<u8>),
}

impl<'a> RowValue<'a> {
    /// Reads the value of a row.
    ///
    /// # Errors
    /// The value does not have the type that the aggregation needs.
    pub(crate) fn read(aggregation: &Aggregation, row: &AnyRow<'a>, column: Option<usize>) -> Result<Self> {
        let Some((column, json)) = column.and_then(|column| Some((column, row.json(column)?))) else {
            return Ok(match aggregation.function {
                Function::Count if aggregation.column.is_none() => Self::Present,
                Function::List => Self::Element("null"),
                _ => Self::Missing,
            });
        };
        if let Some(number) = row.non_finite(column) {
            return Self::read_non_finite(aggregation, row, column, number);
        }
        Ok(match aggregation.function {
            Function::Count => Self::Present,
            Function::List => Self::Element(json.text()),
            Function::Mean => match json.value_as(JsonType::Float)? {
                AnyValue::Float(number) => Self::Number(number),
                _ => Self::Missing,
            },
            Function::Min | Function::Max => {
                let mut key = Vec::new();
                row.write_key(column, &mut key)?;
                Self::Value(json.value_as(aggregation.json_type())?, key)
            }
        })
    }

    /// Reads NaN or infinity, which only a float column of the output can hold.
    fn read_non_finite(aggregation: &Aggregation, row: &AnyRow<'a>, column: usize, number: f64) -> Result<Self> {
        Ok(match aggregation.function {
            Function::Count => Self::Present,
            Function::Min | Function::Max if aggregation.json_type() == JsonType::Float => {
                let mut key = Vec::new();
                row.write_key(column, &mut key)?;
                Self::Value(AnyValue::Float(number), key)
            }
            Function::Min | Function::Max => bail!("{number} is not JSON; set `type = \"float\"`"),
            Function::Mean | Function::List => bail!("{number} is not a finite number"),
        })
    }
}

/// The intermediate result of an aggregation for a group.
#[derive(Debug)]
pub(crate) enum Accumulator {
    Count(i64),
    /// The sum, and the sum of the rounding errors, which is added at the end.
    Mean {
        sum: f64,
        lost: f64,
        count: u64,
    },
    /// The elements of a list, with commas.
    List(String),
    Extreme {
        function: Function,
        value: AnyValue<'static>,
        key: Vec<u8>,
    },
}

impl Accumulator {
    pub(crate) fn new(aggregation: &Aggregation) -> Self {
        match aggregation.function {
            Function::Count => Self::Count(0),
            Function::Mean => Self::Mean { sum: 0.0, lost: 0.0, count: 0 },
            Function::List => Self::List(String::new()),
            function => Self::Extreme { function, value: AnyValue::Null, key: Vec::new() },
        }
    }

    pub(crate) fn add(&mut self, seen: RowValue<'_>) {
        match (self, seen) {
            (Self::Count(count), RowValue::Present) => *count += 1,
            (Self::Mean { sum, lost, count }, RowValue::Number(number)) => {
                add_exactly(sum, lost, number);
                *count += 1;
            }
            (Self::List(elements), RowValue::Element(element)) => {
                if !elements.is_empty() {
                    elements.push(',');
                }
                elements.push_str(element);
            }
            (Self::Extreme { function, value, key }, RowValue::Value(new, new_key)) => {
                // Keys are never empty, so an empty key marks the first value.
                let is_first = key.is_empty();
                if is_first
                    || (*function == Function::Min && new_key < *key)
                    || (*function == Function::Max && new_key > *key)
                {
                    *value = new.into_static();
                    *key = new_key;
                }
            }
            _ => {}
        }
    }

    pub(crate) fn finish(self) -> Result<AnyValue<'static>> {
        Ok(match self {
            Self::Count(count) => AnyValue::Integer(count),
            Self::Mean { count: 0, .. } => AnyValue::Null,
            Self::Mean { sum, lost, count } => {
                let mean = (sum + lost) / count as f64;
                stillbox_sdk::ensure!(mean.is_finite(), "the sum of the numbers is too large for a float");
                AnyValue::Float(mean)
            }
            Self::List(elements) => AnyValue::Json(format!("[{elements}]").into()),
            Self::Extreme { value, .. } => value,
        })
    }
}

/// Adds a number to a sum, and the rounding error to another sum (Neumaier 1974).
fn add_exactly(sum: &mut f64, lost: &mut f64, number: f64) {
    let total = *sum + number;
    let (larger, smaller) = if sum.abs() >= number.abs() { (*sum, number) } else { (number, *sum) };
    *lost += (larger - total) + smaller;
    *sum = total;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_errors_do_not_accumulate() {
        let (mut sum, mut lost) = (0.0, 0.0);
        for number in [1.0, 1e100, 1.0, -1e100] {
            add_exactly(&mut sum, &mut lost, number);
        }
        assert!((1.999_999..2.000_001).contains(&(sum + lost)), "{sum} {lost}");
    }
}
