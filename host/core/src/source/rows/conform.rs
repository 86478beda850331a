//! The common schema of several files, and the conversion of rows to it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType as ArrowType, Field, Schema, SchemaRef};
use serde_json::value::RawValue;

use super::super::csv::difference;
use super::super::error::{SourceError, SourceErrorKind};
use super::super::jsonl::diagnostic;
use super::super::place::FilePosition;
use super::arrow::has_bytes_for_text;
use crate::data_type::DataType;
use crate::format::Format;
use crate::text::{escaped, named, shown};
use crate::values::{convert, unify};

/// The schema of all files. The order of columns, and the widths and layouts of their types, may differ between files.
#[derive(Debug)]
pub(in crate::source) struct CommonSchema {
    /// The first file.
    file: Arc<str>,
    schema: SchemaRef,
    format: Format,
}

impl CommonSchema {
    /// Creates the schema from the first file.
    ///
    /// # Errors
    ///
    /// Two columns have the same name.
    pub(in crate::source) fn new(file: &Arc<str>, schema: &Schema, format: Format) -> Result<Self, SourceError> {
        check_names(file, schema)?;
        Ok(Self { file: Arc::clone(file), schema: Arc::new(schema.clone()), format })
    }

    /// Compares the schema of another file with this one.
    ///
    /// # Errors
    ///
    /// The other file has other columns, or a column of another type.
    pub(super) fn add(&mut self, file: &Arc<str>, schema: &Schema) -> Result<(), SourceError> {
        check_names(file, schema)?;
        let differs = |difference| {
            let other = escaped(&self.file);
            SourceError::in_file(file, SourceErrorKind::SchemaDiffers { other, difference })
        };
        let names = |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
        let difference = difference(&names(&self.schema), &names(schema));
        if !difference.is_empty() {
            return Err(differs(difference));
        }
        let by_name: HashMap<_, _> = schema.fields().iter().map(|field| (field.name(), field)).collect();
        let mut fields = Vec::with_capacity(schema.fields().len());
        for field in self.schema.fields() {
            let other = by_name[field.name()];
            let Some(common) = unify(field, other) else {
                let (name, here, there) = (named(field.name()), type_name(other), type_name(field));
                return Err(differs(format!("column {name} is of type {here} here and of type {there} there")));
            };
            fields.push(common);
        }
        // Metadata that only some of the files have does not apply to all rows.
        let mut metadata = self.schema.metadata().clone();
        metadata.retain(|key, value| schema.metadata().get(key) == Some(value));
        self.schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        Ok(())
    }

    /// Returns the schema.
    pub(in crate::source) fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Converts rows of one of the files to this schema.
    ///
    /// # Errors
    ///
    /// The rows do not have the schema that was compared, a value does not fit the common type of its column, or a value of a
    /// JSON column is not JSON.
    pub(super) fn conform(
        &self,
        file: &Arc<str>,
        first_row: u64,
        batch: &RecordBatch,
    ) -> Result<RecordBatch, SourceError> {
        let failed = |error: arrow_schema::ArrowError| {
            let source = Box::new(error);
            SourceError::in_file(file, SourceErrorKind::Unreadable { format: self.format, source })
        };
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for (index, field) in self.schema.fields().iter().enumerate() {
            // Columns are looked up again, because the file may have been replaced since its schema was read.
            let fields = batch.schema_ref().fields();
            let position = match fields.get(index) {
                Some(same) if same.name() == field.name() => index,
                _ => batch.schema_ref().index_of(field.name()).map_err(failed)?,
            };
            let column = convert(batch.column(position), field.data_type()).map_err(|error| {
                let (name, common, read) = (named(field.name()), field.data_type(), batch.column(position).data_type());
                // Texts in views of Arrow IPC are read as bytes. Nothing else of a single file is converted.
                let reason = if has_bytes_for_text(read, common) {
                    format!("column {name} has a text that is not UTF-8")
                } else {
                    format!("column {name} as {common}, the common type of the files: {}", error.reason)
                };
                let position =
                    error.row.map_or(FilePosition::WholeFile, |row| FilePosition::Row(first_row + row as u64));
                SourceError::at(file, position, SourceErrorKind::Value { reason })
            })?;
            if DataType::from_field(field) == Some(DataType::Json) && !field.data_type().is_nested() {
                check_json(file, first_row, field.name(), &column)?;
            }
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema(), columns, &options).map_err(failed)
    }
}

fn check_names(file: &Arc<str>, schema: &Schema) -> Result<(), SourceError> {
    let mut seen = HashSet::new();
    match schema.fields().iter().find(|field| !seen.insert(field.name())) {
        None => Ok(()),
        Some(field) => Err(SourceError::in_file(file, SourceErrorKind::DuplicateName { name: named(field.name()) })),
    }
}

fn type_name(field: &Field) -> String {
    match field.extension_type_name() {
        Some(name) => format!("{} ({})", shown(name), field.data_type()),
        None => field.data_type().to_string(),
    }
}

/// Checks that all values of a column are JSON. The text formats ensure that, but a binary file may contain any text.
fn check_json(file: &Arc<str>, first_row: u64, name: &str, column: &ArrayRef) -> Result<(), SourceError> {
    let text = |row| match column.data_type() {
        ArrowType::Utf8 => Some(column.as_string::<i32>().value(row)),
        ArrowType::LargeUtf8 => Some(column.as_string::<i64>().value(row)),
        ArrowType::Utf8View => Some(column.as_string_view().value(row)),
        _ => None,
    };
    for row in (0..column.len()).filter(|&row| column.is_valid(row)) {
        let Some(value) = text(row) else { continue };
        if let Err(error) = serde_json::from_str::<&RawValue>(value) {
            let (column, value, reason) = (named(name), shown(value), diagnostic(&error));
            let position = FilePosition::Row(first_row + row as u64);
            return Err(SourceError::at(file, position, SourceErrorKind::NotJson { column, value, reason }));
        }
    }
    Ok(())
}
