//! Checks the output of a step against the contract, its signature and the limits, and converts it to Arrow columns.

mod texts;

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int64Array, ListArray, StringArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::Field;

use crate::component::{Column, Signature};
use crate::data_type::DataType;
use crate::engine::bindings::types::{ColumnResult, Output, Rejection, TextsResult, ValuesResult, VectorsResult};
use crate::failure::{Failure, FailureKind, RowPlace};
use crate::json::has_half_surrogate_pair;
use crate::limits::Limits;
use crate::text::cut;
use crate::units::format_size;

use texts::{text, texts};

/// An output that passed all checks.
#[derive(Debug)]
pub(crate) struct CheckedOutput {
    /// Number of rows.
    pub(crate) rows: usize,
    /// The columns, in the order of the signature's outputs.
    pub(crate) columns: Vec<ArrayRef>,
    /// For every row, the index of the input row it comes from; `None` if they are the input rows in order.
    pub(crate) origins: Option<Vec<u32>>,
    /// The rejected rows, by ascending row.
    pub(crate) rejections: Vec<Rejection>,
    /// Number of input rows that are neither in the output nor rejected.
    pub(crate) dropped: usize,
}

/// The rows that a step was given for an output, which its origins refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivenRows {
    /// The rows of one batch, for the output of `process`.
    Batch(usize),
    /// All rows of an aggregate, for the output of `finish`.
    All(u64),
    /// No rows, for the output of `finish` of a source.
    None,
}

/// Checks the output of a step, and converts it.
///
/// # Errors
/// The output breaks a rule. The failure is of kind `bad-output` and names the rule.
pub(crate) fn check(
    output: Output,
    given: GivenRows,
    signature: &Signature,
    limits: &Limits,
) -> Result<CheckedOutput, Box<Failure>> {
    let rows = output.rows as usize;
    if u64::from(output.rows) > limits.output_rows {
        let limit = limits.output_rows;
        let message = format!("it returned {rows} rows, but the limit is `output-rows = {limit}`");
        return Err(Box::new(Failure::limit(FailureKind::BadOutput, message, "output-rows", limit.to_string())));
    }
    let size: u64 = output.columns.iter().map(size_of_column).sum();
    if size > limits.output_bytes {
        let limit = format_size(limits.output_bytes);
        let message = format!("it returned {size} bytes, but the limit is `output-bytes = \"{limit}\"`");
        return Err(Box::new(Failure::limit(FailureKind::BadOutput, message, "output-bytes", limit)));
    }
    let dropped = match given {
        GivenRows::Batch(rows) => check_origins(&output, rows)?,
        GivenRows::All(rows) => check_numbers(&output, rows)?,
        GivenRows::None if output.origins.is_some() => {
            return Err(bad("it returned origins, but a source is given no rows".into()));
        }
        GivenRows::None => check_numbers(&output, 0)?,
    };
    let mut returned: Vec<Option<ColumnResult>> = output.columns.into_iter().map(Some).collect();
    let mut columns = Vec::with_capacity(signature.outputs.len());
    for wanted in &signature.outputs {
        let mut named = returned.iter_mut().filter(|column| column.as_ref().is_some_and(|c| c.name == *wanted.name));
        let Some(column) = named.next().and_then(Option::take) else {
            return Err(bad(format!("it returned no column {:?}, which its signature declares", wanted.name)));
        };
        columns.push(
            lift(column, wanted, rows).map_err(|violation| violation.into_failure(given, output.origins.as_deref()))?,
        );
    }
    if let Some(surplus) = returned.into_iter().flatten().next() {
        let name = cut(&surplus.name, 64);
        let problem = if signature.outputs.iter().any(|output| *output.name == surplus.name) {
            " twice"
        } else {
            ", which its signature does not have"
        };
        return Err(bad(format!("it returned the column {name:?}{problem}")));
    }
    Ok(CheckedOutput { rows, columns, origins: output.origins, rejections: output.rejections, dropped })
}

/// Checks the origins of an output of `finish`, which may have new rows but no rejections.
fn check_numbers(output: &Output, all: u64) -> Result<usize, Box<Failure>> {
    if !output.rejections.is_empty() {
        return Err(bad("it rejected rows in `finish`, which is given no batch".into()));
    }
    let Some(origins) = &output.origins else { return Ok(0) };
    let rows = output.rows as usize;
    if origins.len() != rows {
        return Err(bad(format!("it returned {rows} rows, but {} origins", origins.len())));
    }
    if let Some(origin) = origins.iter().find(|origin| u64::from(**origin) >= all) {
        return Err(bad(format!("it returned the origin {origin}, but was given {all} rows")));
    }
    Ok(0)
}

/// Checks origins and rejections, and returns the number of input rows that are in neither.
fn check_origins(output: &Output, input_rows: usize) -> Result<usize, Box<Failure>> {
    let rows = output.rows as usize;
    let Some(origins) = &output.origins else {
        if !output.rejections.is_empty() {
            return Err(bad("it rejected rows, but returned no origins for the others".into()));
        }
        if rows != input_rows {
            return Err(bad(format!("it returned {rows} rows without origins for a batch of {input_rows}")));
        }
        return Ok(0);
    };
    if origins.len() != rows {
        return Err(bad(format!("it returned {rows} rows, but {} origins", origins.len())));
    }
    let mut used = vec![false; input_rows];
    for origin in origins {
        let Some(used) = used.get_mut(*origin as usize) else {
            return Err(bad(format!("it returned the origin {origin} in a batch of {input_rows} rows")));
        };
        *used = true;
    }
    let mut previous = None;
    for rejection in &output.rejections {
        let row = rejection.row;
        match used.get_mut(row as usize) {
            None => return Err(bad(format!("it rejected row {row} in a batch of {input_rows} rows"))),
            Some(_) if previous >= Some(row) => {
                return Err(bad(format!("it rejected row {row} after row {}", previous.unwrap_or_default())));
            }
            Some(true) => return Err(bad(format!("it rejected row {row}, but also returned it"))),
            Some(used) => *used = true,
        }
        previous = Some(row);
    }
    Ok(used.iter().filter(|used| !**used).count())
}

fn size_of_column(column: &ColumnResult) -> u64 {
    let texts = |texts: &TextsResult| size_of_val(&texts.offsets[..]) + texts.bytes.len();
    let values = match &column.values {
        ValuesResult::Boolean(bits) => bits.len(),
        ValuesResult::Integer(numbers) => size_of_val(&numbers[..]),
        ValuesResult::Float(numbers) => size_of_val(&numbers[..]),
        ValuesResult::Text(values) | ValuesResult::Binary(values) | ValuesResult::Json(values) => texts(values),
        ValuesResult::Vector(vectors) => size_of_val(&vectors.elements[..]),
    };
    (values + column.validity.as_ref().map_or(0, Vec::len)) as u64
}

/// A broken rule of the contract, and the output row with the problem, if it is in one row.
struct ContractViolation {
    message: String,
    row: Option<usize>,
}

impl ContractViolation {
    /// Converts this to a failure, with the input row that the output row comes from.
    fn into_failure(self, given: GivenRows, origins: Option<&[u32]>) -> Box<Failure> {
        let mut failure = bad(self.message);
        let origin = |row: usize| origins.map_or(Some(row), |origins| origins.get(row).map(|origin| *origin as usize));
        if matches!(given, GivenRows::Batch(_)) {
            let index = self.row.and_then(origin);
            failure.row = index.map(|index| RowPlace { index: index as u64, file: None, line: None, row: None });
        }
        failure
    }
}

/// A problem with the values of a column whose name is not known yet.
struct ValueProblem {
    problem: String,
    row: Option<usize>,
}

impl From<String> for ValueProblem {
    fn from(problem: String) -> Self {
        Self { problem, row: None }
    }
}

fn lift(column: ColumnResult, wanted: &Column, rows: usize) -> Result<ArrayRef, ContractViolation> {
    let name = &wanted.name;
    let nulls = match column.validity {
        None => None,
        Some(validity) => {
            let nulls = NullBuffer::new(bits(validity, rows).map_err(|problem| violation(name, "validity", problem))?);
            Some(nulls).filter(|nulls| nulls.null_count() > 0)
        }
    };
    if let Some(nulls) = &nulls
        && !wanted.nullable
    {
        let row = (0..rows).find(|row| nulls.is_null(*row)).unwrap_or_default();
        let message = format!("it returned a null in row {row} of {name:?}, which its signature declares not nullable");
        return Err(ContractViolation { message, row: Some(row) });
    }
    let invalid_values = |problem: ValueProblem| violation(name, "values", problem);
    Ok(match (column.values, wanted.data_type) {
        (ValuesResult::Boolean(values), DataType::Boolean) => {
            Arc::new(BooleanArray::new(bits(values, rows).map_err(invalid_values)?, nulls))
        }
        (ValuesResult::Integer(values), DataType::Integer) => {
            Arc::new(Int64Array::new(numbers(values, rows).map_err(invalid_values)?, nulls))
        }
        (ValuesResult::Float(values), DataType::Float) => {
            Arc::new(Float64Array::new(numbers(values, rows).map_err(invalid_values)?, nulls))
        }
        (ValuesResult::Text(values), DataType::Text) => {
            Arc::new(text(values, rows, nulls.as_ref()).map_err(invalid_values)?)
        }
        (ValuesResult::Json(values), DataType::Json) => {
            Arc::new(json(values, rows, nulls.as_ref()).map_err(invalid_values)?)
        }
        (ValuesResult::Binary(values), DataType::Binary) => {
            let (offsets, bytes) = texts(values, rows).map_err(invalid_values)?;
            Arc::new(BinaryArray::new(offsets, bytes, nulls))
        }
        (ValuesResult::Vector(values), DataType::Vector) => vectors(values, rows, nulls).map_err(invalid_values)?,
        (values, promised) => {
            let returned = type_of(&values);
            let message = format!("it returned {name:?} as {returned}, but its signature declares {promised}");
            return Err(ContractViolation { message, row: None });
        }
    })
}

fn type_of(values: &ValuesResult) -> DataType {
    match values {
        ValuesResult::Boolean(_) => DataType::Boolean,
        ValuesResult::Integer(_) => DataType::Integer,
        ValuesResult::Float(_) => DataType::Float,
        ValuesResult::Text(_) => DataType::Text,
        ValuesResult::Binary(_) => DataType::Binary,
        ValuesResult::Json(_) => DataType::Json,
        ValuesResult::Vector(_) => DataType::Vector,
    }
}

fn bits(bytes: Vec<u8>, rows: usize) -> Result<BooleanBuffer, ValueProblem> {
    if bytes.len() != rows.div_ceil(8) {
        return Err(format!("a bitmap of {} bytes for {rows} rows", bytes.len()).into());
    }
    Ok(BooleanBuffer::new(Buffer::from_vec(bytes), 0, rows))
}

fn numbers<T: arrow_buffer::ArrowNativeType>(values: Vec<T>, rows: usize) -> Result<ScalarBuffer<T>, ValueProblem> {
    if values.len() != rows {
        return Err(format!("{} values for {rows} rows", values.len()).into());
    }
    Ok(ScalarBuffer::from(values))
}

fn json(values: TextsResult, rows: usize, nulls: Option<&NullBuffer>) -> Result<StringArray, ValueProblem> {
    let array = text(values, rows, nulls)?;
    for row in (0..rows).filter(|row| array.is_valid(*row)) {
        let value = array.value(row);
        let reason = match serde_json::from_str::<serde::de::IgnoredAny>(value) {
            Err(error) => error.to_string(),
            Ok(_) if has_half_surrogate_pair(value) => "an escape is half of a surrogate pair".to_owned(),
            Ok(_) => continue,
        };
        return Err(ValueProblem {
            problem: format!("JSON that is not valid in row {row} ({reason})"),
            row: Some(row),
        });
    }
    Ok(array)
}

fn vectors(values: VectorsResult, rows: usize, nulls: Option<NullBuffer>) -> Result<ArrayRef, ValueProblem> {
    let VectorsResult { width, elements } = values;
    if width == 0 || i32::try_from(width).is_err() {
        return Err(format!("vectors of {width} elements").into());
    }
    let wanted = rows.checked_mul(width as usize);
    if wanted != Some(elements.len()) {
        return Err(format!("{} elements for {rows} vectors of {width}", elements.len()).into());
    }
    if i32::try_from(elements.len()).is_err() {
        return Err(format!("{} elements in one column, more than a batch can hold", elements.len()).into());
    }
    // Not lists of a fixed size: the width may differ from batch to batch, but the type of the column may not.
    let offsets: Vec<i32> = (0..=rows).map(|row| (row * width as usize) as i32).collect();
    let element = Arc::new(Field::new("item", arrow_schema::DataType::Float32, false));
    let values = Arc::new(Float32Array::from(elements));
    Ok(Arc::new(ListArray::new(element, OffsetBuffer::new(ScalarBuffer::from(offsets)), values, nulls)))
}

fn violation(column: &str, what: &str, ValueProblem { problem, row }: ValueProblem) -> ContractViolation {
    ContractViolation { message: format!("it returned the {what} of {column:?} with {problem}"), row }
}

fn bad(message: String) -> Box<Failure> {
    Box::new(Failure::new(FailureKind::BadOutput, message))
}
