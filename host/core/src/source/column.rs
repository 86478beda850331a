//! The columns of a text format, and their builders.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, NullBufferBuilder, StringBuilder,
};
use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, RecordBatch, RecordBatchOptions, new_null_array,
};
use arrow_cast::base64::{BASE64_STANDARD, Engine};
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use serde_json::value::RawValue;

use super::number::{self, Number};
use crate::data_type::DataType;

/// Maximum number of elements in a vector. A null takes as much memory as a vector, so a hostile width in the first row
/// could otherwise exhaust the memory.
pub(crate) const VECTOR_WIDTH: usize = 1 << 16;

/// One column of a text format.
#[derive(Debug, Clone)]
pub(crate) struct TextColumn {
    /// The name.
    pub(crate) name: String,
    /// The type.
    pub(crate) data_type: DataType,
    /// Number of elements in a vector; 0 for other types.
    pub(crate) width: usize,
    /// Whether the type is declared, and not inferred.
    pub(crate) declared: bool,
}

impl TextColumn {
    fn field(&self) -> Field {
        match self.data_type {
            DataType::Vector => DataType::vector_field(&self.name, self.width.max(1) as i32, true),
            other => other.field(&self.name, true),
        }
    }
}

/// The columns of a source, by index and by name.
#[derive(Debug)]
pub(crate) struct TextColumns {
    /// The columns in order.
    pub(crate) list: Vec<TextColumn>,
    /// The Arrow schema; every column is nullable.
    pub(crate) schema: SchemaRef,
    by_name: HashMap<String, usize>,
}

impl TextColumns {
    /// Creates the columns. Their names must be unique.
    pub(crate) fn new(list: Vec<TextColumn>) -> Self {
        let schema = Arc::new(Schema::new(list.iter().map(TextColumn::field).collect::<Vec<_>>()));
        let by_name = list.iter().enumerate().map(|(index, column)| (column.name.clone(), index)).collect();
        Self { list, schema, by_name }
    }

    /// Returns the index of a column by name. Most rows have the columns in order, so `guess` is tried before the map.
    pub(crate) fn index(&self, name: &str, guess: usize) -> Option<usize> {
        match self.list.get(guess) {
            Some(column) if column.name == name => Some(guess),
            _ => self.by_name.get(name).copied(),
        }
    }

    /// Creates builders for a chunk with this many rows and bytes of text. Those of columns that are not built take no memory.
    pub(crate) fn builders(&self, rows: usize, bytes: usize, is_built: impl Fn(usize) -> bool) -> Vec<ColumnBuilder> {
        // The length of values varies by column. Twice the mean saves most columns a second allocation.
        let values = bytes / self.list.len().max(1) * 2;
        let size = |index| if is_built(index) { (rows, values) } else { (0, 0) };
        let builder = |(index, column)| {
            let (rows, bytes) = size(index);
            ColumnBuilder::new(column, rows, bytes)
        };
        self.list.iter().enumerate().map(builder).collect()
    }

    /// Returns rows. Columns that are not built are null; those of one type share one array.
    pub(crate) fn finish(
        &self,
        builders: Vec<ColumnBuilder>,
        rows: usize,
        is_built: impl Fn(usize) -> bool,
    ) -> RecordBatch {
        let mut nulls: Vec<ArrayRef> = Vec::new();
        let mut column = |(index, builder): (usize, ColumnBuilder)| {
            if is_built(index) {
                return builder.finish();
            }
            let data_type = self.schema.field(index).data_type();
            if let Some(same) = nulls.iter().find(|array| array.data_type() == data_type) {
                return Arc::clone(same);
            }
            nulls.push(new_null_array(data_type, rows));
            Arc::clone(&nulls[nulls.len() - 1])
        };
        let arrays = builders.into_iter().enumerate().map(&mut column).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .expect("every row adds one value to every column")
    }
}

/// A value that does not fit its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueMismatch;

/// Builds the rows of a chunk. A row that turns out to be bad is discarded, although some of its values are added.
#[derive(Debug)]
pub(crate) struct RowsBuilder<'c> {
    /// The columns.
    pub(crate) columns: &'c TextColumns,
    /// A builder for each column.
    pub(crate) builders: Vec<ColumnBuilder>,
    /// Number of rows that are added, discarded ones included.
    rows: usize,
    /// The indices of discarded rows.
    discarded: Vec<usize>,
}

impl<'c> RowsBuilder<'c> {
    /// Creates builders for a chunk with this many rows and bytes of text.
    pub(crate) fn new(columns: &'c TextColumns, rows: usize, bytes: usize) -> Self {
        Self { columns, builders: columns.builders(rows, bytes, |_| true), rows: 0, discarded: Vec::new() }
    }

    /// Ends a row that has a value in every column.
    pub(crate) fn end_row(&mut self) {
        self.rows += 1;
    }

    /// Discards a row that may have values in some columns.
    #[cold]
    pub(crate) fn discard_row(&mut self) {
        for builder in self.builders.iter_mut().filter(|builder| builder.len() == self.rows) {
            builder.append_null();
        }
        self.discarded.push(self.rows);
        self.rows += 1;
    }

    /// Returns the rows that are not discarded.
    pub(crate) fn finish(self) -> RecordBatch {
        let batch = self.columns.finish(self.builders, self.rows, |_| true);
        if self.discarded.is_empty() {
            return batch;
        }
        let mut discarded = self.discarded.iter().copied().peekable();
        let is_kept = |row: usize| discarded.next_if_eq(&row).is_none();
        let kept: BooleanArray = (0..self.rows).map(is_kept).map(Some).collect();
        filter_record_batch(&batch, &kept).expect("the filter has a value for every row")
    }
}

/// Builds one column from its values.
#[derive(Debug)]
pub(crate) enum ColumnBuilder {
    /// Booleans.
    Boolean(BooleanBuilder),
    /// Integers.
    Integer(Int64Builder),
    /// Floats.
    Float(Float64Builder),
    /// Text.
    Text(StringBuilder),
    /// Bytes.
    Binary(BinaryBuilder),
    /// JSON values, as text.
    Json(StringBuilder),
    /// Vectors.
    Vector(VectorBuilder),
}

impl ColumnBuilder {
    fn new(column: &TextColumn, rows: usize, bytes: usize) -> Self {
        match column.data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            DataType::Integer => Self::Integer(Int64Builder::with_capacity(rows)),
            DataType::Float => Self::Float(Float64Builder::with_capacity(rows)),
            DataType::Text => Self::Text(StringBuilder::with_capacity(rows, bytes)),
            DataType::Binary => Self::Binary(BinaryBuilder::with_capacity(rows, bytes)),
            DataType::Json => Self::Json(StringBuilder::with_capacity(rows, bytes)),
            DataType::Vector => Self::Vector(VectorBuilder::new(column.width.max(1))),
        }
    }

    /// Returns the number of values.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Boolean(builder) => builder.len(),
            Self::Integer(builder) => builder.len(),
            Self::Float(builder) => builder.len(),
            Self::Text(builder) | Self::Json(builder) => builder.len(),
            Self::Binary(builder) => builder.len(),
            Self::Vector(builder) => builder.validity.len(),
        }
    }

    /// Adds a null.
    pub(crate) fn append_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Float(builder) => builder.append_null(),
            Self::Text(builder) | Self::Json(builder) => builder.append_null(),
            Self::Binary(builder) => builder.append_null(),
            Self::Vector(builder) => builder.append_null(),
        }
    }

    /// Adds a JSON value, without white space around it.
    pub(crate) fn append_json(&mut self, json: &str) -> Result<(), ValueMismatch> {
        if json == "null" {
            self.append_null();
            return Ok(());
        }
        match self {
            Self::Boolean(builder) => builder.append_value(match json {
                "true" => true,
                "false" => false,
                _ => return Err(ValueMismatch),
            }),
            Self::Integer(builder) => match number::parse_number(json) {
                Some(Number::Integer(value)) => builder.append_value(value),
                _ => return Err(ValueMismatch),
            },
            Self::Float(builder) => builder.append_value(number::exact_float(json).ok_or(ValueMismatch)?),
            Self::Text(builder) => {
                builder.append_value(serde_json::from_str::<String>(json).map_err(|_| ValueMismatch)?);
            }
            Self::Json(builder) => builder.append_value(json),
            Self::Binary(builder) => {
                let text = serde_json::from_str::<String>(json).map_err(|_| ValueMismatch)?;
                builder.append_value(BASE64_STANDARD.decode(text).map_err(|_| ValueMismatch)?);
            }
            Self::Vector(builder) => builder.append_json(json)?,
        }
        Ok(())
    }

    /// Adds a field of a CSV row. A `declared` type accepts more spellings than an inferred one.
    pub(crate) fn append_field(&mut self, field: &str, declared: bool) -> Result<(), ValueMismatch> {
        match self {
            Self::Text(builder) => {
                builder.append_value(field);
                return Ok(());
            }
            _ if field.is_empty() => self.append_null(),
            Self::Boolean(builder) => builder.append_value(match field {
                "true" => true,
                "false" => false,
                _ if declared && field.eq_ignore_ascii_case("true") => true,
                _ if declared && field.eq_ignore_ascii_case("false") => false,
                _ => return Err(ValueMismatch),
            }),
            Self::Integer(builder) => builder.append_value(match number::parse_number(field) {
                Some(Number::Integer(value)) if declared || field != "-0" => value,
                _ if declared => field.parse().map_err(|_| ValueMismatch)?,
                _ => return Err(ValueMismatch),
            }),
            Self::Float(builder) => builder.append_value(match number::csv_float(field) {
                Some(value) => value,
                None if declared && field.bytes().any(|byte| byte.is_ascii_digit()) => {
                    field.parse().ok().filter(|value: &f64| value.is_finite()).ok_or(ValueMismatch)?
                }
                None => return Err(ValueMismatch),
            }),
            Self::Json(_) => {
                let value: &RawValue = serde_json::from_str(field).map_err(|_| ValueMismatch)?;
                self.append_json(value.get())?;
            }
            Self::Binary(builder) => builder.append_value(BASE64_STANDARD.decode(field).map_err(|_| ValueMismatch)?),
            Self::Vector(builder) => builder.append_json(field)?,
        }
        Ok(())
    }

    /// Returns the column with all values added.
    pub(crate) fn finish(self) -> ArrayRef {
        match self {
            Self::Boolean(mut builder) => ArrayBuilder::finish(&mut builder),
            Self::Integer(mut builder) => ArrayBuilder::finish(&mut builder),
            Self::Float(mut builder) => ArrayBuilder::finish(&mut builder),
            Self::Text(mut builder) | Self::Json(mut builder) => ArrayBuilder::finish(&mut builder),
            Self::Binary(mut builder) => ArrayBuilder::finish(&mut builder),
            Self::Vector(builder) => builder.finish(),
        }
    }
}

/// Builds a column of vectors of one width.
#[derive(Debug)]
pub(crate) struct VectorBuilder {
    width: usize,
    elements: Vec<f32>,
    validity: NullBufferBuilder,
}

impl VectorBuilder {
    fn new(width: usize) -> Self {
        Self { width, elements: Vec::new(), validity: NullBufferBuilder::new(0) }
    }

    fn append_null(&mut self) {
        self.elements.resize(self.elements.len() + self.width, 0.0);
        self.validity.append_null();
    }

    fn append_json(&mut self, json: &str) -> Result<(), ValueMismatch> {
        let vector = parse_vector(json).filter(|vector| vector.len() == self.width).ok_or(ValueMismatch)?;
        self.elements.extend_from_slice(&vector);
        self.validity.append_non_null();
        Ok(())
    }

    fn finish(mut self) -> ArrayRef {
        let field = Arc::new(Field::new("item", ArrowType::Float32, false));
        let elements = Arc::new(Float32Array::from(self.elements));
        let rows = self.validity.len();
        let array =
            FixedSizeListArray::try_new_with_length(field, self.width as i32, elements, self.validity.finish(), rows);
        Arc::new(array.expect("every row adds one vector of the same width"))
    }
}

/// Parses a JSON list of numbers as a vector with at least one element, all finite 32-bit floats.
pub(crate) fn parse_vector(json: &str) -> Option<Vec<f32>> {
    let vector: Vec<f32> = serde_json::from_str(json).ok()?;
    let fits = (1..=VECTOR_WIDTH).contains(&vector.len()) && vector.iter().all(|element| element.is_finite());
    fits.then_some(vector)
}
