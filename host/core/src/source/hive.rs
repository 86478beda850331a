//! Columns from folders such as `year=2024/month=7`, as Hive and Spark write them.
//!
//! Every file has to be in folders of the same names. The values of a name are an integer column if all of them are
//! integers as JSON spells them, otherwise a text column, unless a type is declared. `__HIVE_DEFAULT_PARTITION__` is null.
//! Names and values are percent-decoded. The columns follow those of the files.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, UInt32Array};
use arrow_schema::{Field, Schema, SchemaRef};
use arrow_select::take::take;

use super::advice::list;
use super::bad_row::BadRow;
use super::chunk::{Chunk, DecodedBatch, Decoder};
use super::column::{ColumnBuilder, TextColumn, TextColumns};
use super::error::{SourceError, SourceErrorKind};
use super::number::{Number, parse_number};
use super::{OpenSource, SourceSchema, SourceSpec};
use crate::data_type::DataType;
use crate::text::{escaped, named, percent_decoded};

/// The name of the folder for null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns of all files, and the value of each for every file.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    /// A batch with a row for each file.
    values: RecordBatch,
    /// The row of each file, by its name in messages.
    rows: HashMap<Arc<str>, u32>,
}

/// The names and values in the path of one file.
type Pairs = Vec<(String, Option<String>)>;

impl Folders {
    /// Reads the columns in the paths of these files, which start with the folder `base` of their pattern. Declared types of
    /// these columns are taken out of `spec`.
    ///
    /// # Errors
    ///
    /// The files are not in folders of the same names, a name or value is not UTF-8, or a value does not have the declared
    /// type.
    pub(super) fn new(files: &[(Arc<str>, PathBuf)], spec: &mut SourceSpec) -> Result<Self, SourceError> {
        let mut all: Vec<Pairs> = Vec::with_capacity(files.len());
        for (name, path) in files {
            let pairs = pairs(path).map_err(|folder| {
                SourceError::in_file(
                    name,
                    SourceErrorKind::FolderNotUtf8 { folder: escaped(&folder.to_string_lossy()) },
                )
            })?;
            if let Some(first) = all.first() {
                check_same(first, &pairs).map_err(|difference| {
                    let other = escaped(&files[0].0);
                    SourceError::in_file(name, SourceErrorKind::FoldersDiffer { other, difference })
                })?;
            }
            all.push(pairs);
        }
        let names: Vec<String> = all.first().into_iter().flatten().map(|(name, _)| name.clone()).collect();
        let is_twice = |index: usize| names[..index].contains(&names[index]);
        if let (Some(index), Some((file, _))) = ((0..names.len()).find(|index| is_twice(*index)), files.first()) {
            let name = named(&names[index]);
            return Err(SourceError::in_file(file, SourceErrorKind::DuplicateName { name }));
        }
        if names.is_empty() {
            let Some((name, _)) = files.first() else { return Ok(Self::none()) };
            return Err(SourceError::in_file(name, SourceErrorKind::NoFolders));
        }
        let values = values(files, &names, &all, &mut spec.columns)?;
        let mut rows = HashMap::new();
        for ((name, _), row) in files.iter().zip(0..) {
            if rows.insert(Arc::clone(name), row).is_some() {
                // Only names that are not UTF-8 look the same.
                return Err(SourceError::in_file(name, SourceErrorKind::SameName));
            }
        }
        Ok(Self { values, rows })
    }

    fn none() -> Self {
        Self { values: RecordBatch::new_empty(Arc::new(Schema::empty())), rows: HashMap::new() }
    }

    /// Adds the columns to a source.
    ///
    /// # Errors
    ///
    /// The files have a column of the same name.
    pub(super) fn add_to(self, source: OpenSource) -> Result<OpenSource, SourceError> {
        let SourceSchema::Known(schema) = &source.schema else { return Ok(source) };
        for field in self.values.schema_ref().fields() {
            if schema.column_with_name(field.name()).is_some() {
                let name = named(field.name());
                return Err(SourceError::anywhere(SourceErrorKind::FolderColumnTaken { name }));
            }
        }
        let fields = schema.fields().iter().chain(self.values.schema_ref().fields()).cloned();
        let schema =
            Arc::new(Schema::new_with_metadata(fields.collect::<Vec<Arc<Field>>>(), schema.metadata().clone()));
        let decoder = FolderDecoder { inner: Arc::clone(&source.decoder), folders: self, schema: Arc::clone(&schema) };
        Ok(OpenSource { schema: SourceSchema::Known(schema), decoder: Arc::new(decoder), ..source })
    }
}

/// Returns a batch with the values of each file in one row.
fn values(
    files: &[(Arc<str>, PathBuf)],
    names: &[String],
    all: &[Pairs],
    declared: &mut Vec<(String, DataType)>,
) -> Result<RecordBatch, SourceError> {
    let columns: Vec<TextColumn> = names.iter().map(|name| column(name, all, declared)).collect();
    let columns = TextColumns::new(columns);
    let mut builders = columns.builders(files.len(), 0, |_| true);
    for (pairs, (file, _)) in all.iter().zip(files) {
        for ((builder, column), name) in builders.iter_mut().zip(&columns.list).zip(names) {
            let value = pairs.iter().find(|(own, _)| own == name).and_then(|(_, value)| value.as_deref());
            let result = match value {
                None => {
                    builder.append_null();
                    Ok(())
                }
                Some(value) => builder.append_field(value, column.declared),
            };
            result.map_err(|_| {
                let (data_type, value) = (column.data_type, named(value.unwrap_or_default()));
                let column = named(name);
                SourceError::in_file(file, SourceErrorKind::FolderValue { column, value, data_type })
            })?;
        }
    }
    let arrays = builders.into_iter().map(ColumnBuilder::finish).collect();
    Ok(RecordBatch::try_new(Arc::clone(&columns.schema), arrays).expect("every file adds one value to every column"))
}

/// Adds the columns of folders to the rows of another decoder.
struct FolderDecoder {
    inner: Arc<dyn Decoder>,
    folders: Folders,
    schema: SchemaRef,
}

impl FolderDecoder {
    fn add(&self, file: &str, decoded: DecodedBatch) -> DecodedBatch {
        let row = self.folders.rows.get(file).copied().expect("every chunk is of a file that was found");
        let count = decoded.rows.num_rows();
        let rows = UInt32Array::from(vec![row; count]);
        let repeated = |array: &ArrayRef| take(array, &rows, None).expect("the row is that of a file");
        let arrays = decoded.rows.columns().iter().cloned().chain(self.folders.values.columns().iter().map(repeated));
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), arrays.collect());
        DecodedBatch { rows: rows.expect("all columns have a value for every row"), ..decoded }
    }
}

impl Decoder for FolderDecoder {
    fn decode(&self, chunk: Chunk) -> Result<DecodedBatch, SourceError> {
        let file = Arc::clone(&chunk.file);
        Ok(self.add(&file, self.inner.decode(chunk)?))
    }

    fn decode_all(&self, chunk: Chunk) -> Result<(DecodedBatch, Vec<BadRow>), SourceError> {
        let file = Arc::clone(&chunk.file);
        let (decoded, bad) = self.inner.decode_all(chunk)?;
        Ok((self.add(&file, decoded), bad))
    }

    fn carrying(&self, columns: &[Range<usize>]) -> Option<Arc<dyn Decoder>> {
        let (folders, schema) = (self.folders.clone(), Arc::clone(&self.schema));
        Some(Arc::new(Self { inner: self.inner.carrying(columns)?, folders, schema }))
    }
}

/// Returns the pairs in the folders of a path, the outermost first. The error is a folder that is not UTF-8.
fn pairs(path: &Path) -> Result<Pairs, PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut pairs = Pairs::new();
    for component in folder.components() {
        let Component::Normal(name) = component else { continue };
        let bytes = name.as_encoded_bytes();
        let Some(equals) = memchr::memchr(b'=', bytes).filter(|at| *at > 0) else { continue };
        let decoded = |bytes: &[u8]| String::from_utf8(percent_decoded(bytes)).map_err(|_| PathBuf::from(name));
        let (name, value) = (decoded(&bytes[..equals])?, decoded(&bytes[equals + 1..])?);
        pairs.push((name, (value != NULL).then_some(value)));
    }
    Ok(pairs)
}

/// Describes how the names of two files differ.
fn check_same(first: &Pairs, other: &Pairs) -> Result<(), String> {
    let names = |pairs: &Pairs| pairs.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let (mut first, mut other) = (names(first), names(other));
    first.sort();
    other.sort();
    if first == other {
        return Ok(());
    }
    let listed = |names: &[String]| list(names.iter().map(String::as_str));
    Err(format!("there they are named {}, and here {}", listed(&first), listed(&other)))
}

/// Returns the column of a name, with its declared or inferred type.
fn column(name: &str, all: &[Pairs], declared: &mut Vec<(String, DataType)>) -> TextColumn {
    let own = declared.iter().position(|(declared, _)| declared == name).map(|index| declared.remove(index).1);
    let mut values = all.iter().flatten().filter(|(own, _)| own == name).filter_map(|(_, value)| value.as_deref());
    let is_integer = |value: &str| matches!(parse_number(value), Some(Number::Integer(_))) && value != "-0";
    let inferred = match values.next() {
        Some(first) if is_integer(first) && values.all(is_integer) => DataType::Integer,
        _ => DataType::Text,
    };
    TextColumn { name: name.to_owned(), data_type: own.unwrap_or(inferred), width: 0, declared: own.is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_names_and_values() {
        let pairs = pairs(Path::new("a=1/x/b=a%2Fb%/=c/d=__HIVE_DEFAULT_PARTITION__/e=f.csv")).unwrap();
        let expected = [("a", Some("1")), ("b", Some("a/b%")), ("d", None)];
        let expected: Pairs = expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).into();
        assert_eq!(pairs, expected);
    }
}
