//! Parquet files.

mod pages;

use std::fs::File;
use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{CompressionCodec, ConvertedType, LogicalType, Type as PhysicalType};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::{ColumnDescriptor, Type};
use stillbox_sdk::any::AnyValue;
use stillbox_sdk::serde_json::Value;
use stillbox_sdk::{Context as _, Error, Json, JsonType, Result, bail};

use pages::RowGroup;

/// Reads the key and the columns of each row. A row whose key is null has none.
///
/// # Errors
/// The file is not Parquet, or lacks a column, or a column or value has another type.
pub(crate) fn read(
    mut file: File,
    key: &str,
    columns: &[String],
    value_type: JsonType,
    mut add: impl FnMut(String, Vec<AnyValue<'static>>),
) -> Result<()> {
    // A descriptor of WASI cannot be duplicated, as the reader of files does.
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let bytes = Arc::new(Bytes::from(bytes));
    let metadata = ParquetMetaDataReader::new().parse_and_finish(&*bytes).context("it is not a Parquet file")?;
    let schema = metadata.file_metadata().schema_descr();
    let selected = Selected::new(schema.root_schema(), key, columns)?;
    for leaf in schema.columns().iter().filter(|leaf| selected.has(leaf)) {
        check_type(leaf)?;
    }
    let chunks = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    for chunk in chunks.filter(|chunk| selected.has(chunk.column_descr())) {
        check_compression(chunk)?;
    }
    let mut number = 0_u64;
    for group in metadata.row_groups() {
        let group = RowGroup { file: Arc::clone(&bytes), metadata: group.clone() };
        for row in RowIter::from_row_group(Some(selected.projection.clone()), &group)? {
            number += 1;
            let row = row?.into_columns();
            let values = || {
                let values =
                    selected.columns.iter().map(|column| value(&row[column.index].1, column.is_json, value_type));
                let values = values.collect::<Result<Vec<_>>>()?;
                let key = text(&row[selected.key.index].1, selected.key.is_json)?;
                Ok::<_, Error>(key.map(|key| (key, values)))
            };
            if let Some((key, values)) = values().with_context(|| format!("row {number}"))? {
                add(key, values);
            }
        }
    }
    Ok(())
}

/// The columns that are read.
struct Selected {
    projection: Type,
    key: Column,
    columns: Vec<Column>,
}

struct Column {
    /// Its place in the projection.
    index: usize,
    /// Whether its texts are JSON.
    is_json: bool,
}

impl Selected {
    fn new(root: &Type, key: &str, columns: &[String]) -> Result<Self> {
        for name in columns.iter().map(String::as_str).chain([key]) {
            if !root.get_fields().iter().any(|field| field.name() == name) {
                bail!("it has no column `{name}`");
            }
        }
        let is_read = |name: &str| name == key || columns.iter().any(|column| column == name);
        let fields: Vec<_> = root.get_fields().iter().filter(|field| is_read(field.name())).cloned().collect();
        let column = |name: &str| {
            let index = fields.iter().position(|field| field.name() == name);
            let index = index.with_context(|| format!("it has no column `{name}`"))?;
            if has_map(&fields[index]) {
                return Err(Error::input(format_args!("the column `{name}` has a map"))
                    .hint("write it as a struct, or as a list of structs"));
            }
            let info = fields[index].get_basic_info();
            let is_json =
                info.converted_type() == ConvertedType::JSON || info.logical_type_ref() == Some(&LogicalType::Json);
            Ok::<_, Error>(Column { index, is_json })
        };
        let key = column(key)?;
        let columns = columns.iter().map(|name| column(name)).collect::<Result<_>>()?;
        let projection = Type::group_type_builder(root.name()).with_fields(fields.clone()).build()?;
        Ok(Self { projection, key, columns })
    }

    /// Whether a leaf belongs to one of the columns.
    fn has(&self, leaf: &ColumnDescriptor) -> bool {
        let name = leaf.path().parts().first();
        name.is_some_and(|name| self.projection.get_fields().iter().any(|field| field.name() == name))
    }
}

/// Whether a type is, or contains, a map, whose keys may be of any type.
fn has_map(field: &Type) -> bool {
    let info = field.get_basic_info();
    matches!(info.converted_type(), ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE)
        || info.logical_type_ref() == Some(&LogicalType::Map)
        || field.is_group() && field.get_fields().iter().any(|field| has_map(field))
}

/// Checks that the values of a column have a form that the host has for them, too.
fn check_type(leaf: &ColumnDescriptor) -> Result<()> {
    use ConvertedType as C;
    use LogicalType as L;
    use PhysicalType as P;
    let logical = leaf.logical_type_ref();
    let is_supported = match (leaf.converted_type(), leaf.physical_type()) {
        (C::NONE, P::BYTE_ARRAY) => matches!(logical, Some(L::String | L::Enum | L::Json)),
        (C::NONE, P::FIXED_LEN_BYTE_ARRAY) => logical == Some(&L::Float16),
        (C::NONE, P::BOOLEAN | P::INT32 | P::INT64 | P::FLOAT | P::DOUBLE) => {
            matches!(logical, None | Some(L::Unknown))
        }
        (C::NONE, P::INT96) => false,
        (converted, _) => matches!(
            converted,
            C::UTF8
                | C::ENUM
                | C::JSON
                | C::INT_8
                | C::INT_16
                | C::INT_32
                | C::INT_64
                | C::UINT_8
                | C::UINT_16
                | C::UINT_32
                | C::UINT_64
                | C::DECIMAL
                | C::DATE
        ),
    };
    if is_supported {
        return Ok(());
    }
    let own = match logical {
        Some(logical) => format!("{logical:?}"),
        None if leaf.converted_type() != ConvertedType::NONE => leaf.converted_type().to_string(),
        None => leaf.physical_type().to_string(),
    };
    // Without the settings of the type.
    let own = own.split('(').next().unwrap_or_default();
    Err(Error::input(format_args!("the column `{}` has the type {own}", leaf.path().string()))
        .hint("write it as text, a number, a boolean, a date, a list or a struct"))
}

/// Checks that a column can be decompressed.
fn check_compression(chunk: &ColumnChunkMetaData) -> Result<()> {
    use CompressionCodec as C;
    match chunk.compression_codec() {
        C::UNCOMPRESSED | C::SNAPPY | C::GZIP | C::LZ4 | C::LZ4_RAW | C::ZSTD => Ok(()),
        other => Err(Error::input(format_args!(
            "the column `{}` is compressed with {other:?}",
            chunk.column_descr().path().string()
        ))
        .hint("write the file with zstd, snappy, gzip, lz4 or without compression")),
    }
}

/// Returns the value of a column.
fn value(field: &Field, is_json: bool, value_type: JsonType) -> Result<AnyValue<'static>> {
    match (field, value_type) {
        (Field::Null, _) => Ok(AnyValue::Null),
        // These may be NaN, which JSON does not have.
        (Field::Float(value), JsonType::Float) => Ok(AnyValue::Float((*value).into())),
        (Field::Double(value), JsonType::Float) => Ok(AnyValue::Float(*value)),
        (_, JsonType::Text) => Ok(text(field, is_json)?.map_or(AnyValue::Null, |text| AnyValue::Text(text.into()))),
        _ => {
            let mut json = String::new();
            write_json(field, is_json, &mut json)?;
            Ok(Json::from_text(&json).value_as(value_type)?.into_static())
        }
    }
}

/// Returns the text of a value: a text itself, other values as JSON. `None` for a null.
fn text(field: &Field, is_json: bool) -> Result<Option<String>> {
    if matches!(field, Field::Null) {
        return Ok(None);
    }
    let mut json = String::new();
    write_json(field, is_json, &mut json)?;
    Ok(Some(Json::from_text(&json).to_text()?.into_owned()))
}

/// Writes a value as the host does.
fn write_json(field: &Field, is_json: bool, out: &mut String) -> Result<()> {
    match field {
        Field::Null => out.push_str("null"),
        Field::Str(text) if is_json => out.push_str(text),
        Field::Str(text) => out.push_str(&Value::from(text.as_str()).to_string()),
        Field::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes.data()).context("a text is not UTF-8")?;
            write_json(&Field::Str(text.to_owned()), is_json, out)?;
        }
        Field::Bool(value) => out.push_str(&value.to_string()),
        Field::Float16(value) => write_json(&Field::Float(value.to_f32()), false, out)?,
        Field::Float(value) if value.is_finite() => out.push_str(&stillbox_sdk::serde_json::to_string(value)?),
        Field::Double(value) if value.is_finite() => out.push_str(&Value::from(*value).to_string()),
        Field::Float(_) | Field::Double(_) => bail!("the number {field} is not JSON"),
        // Without digits after the point, it has a point as well.
        Field::Decimal(_) => out.push_str(field.to_string().trim_end_matches('.')),
        Field::Date(days) if !(MIN_DAY..=MAX_DAY).contains(days) => bail!("a date is {days} days from 1970"),
        Field::Date(_) => out.extend(["\"", &field.to_string(), "\""]),
        Field::Group(row) => write_parts('{', '}', row.get_column_iter(), out, |(name, field), out| {
            out.push_str(&Value::from(name.as_str()).to_string());
            out.push(':');
            write_json(field, false, out)
        })?,
        Field::ListInternal(list) => {
            write_parts('[', ']', list.elements().iter(), out, |field, out| write_json(field, false, out))?;
        }
        Field::MapInternal(_) => bail!("a map is not JSON"),
        number => out.push_str(&number.to_string()),
    }
    Ok(())
}

/// The days of the years 0 to 9999, which have four digits.
const MIN_DAY: i32 = -719_528;
const MAX_DAY: i32 = 2_932_896;

fn write_parts<T>(
    open: char,
    close: char,
    parts: impl Iterator<Item = T>,
    out: &mut String,
    write: impl Fn(T, &mut String) -> Result<()>,
) -> Result<()> {
    out.push(open);
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(part, out)?;
    }
    out.push(close);
    Ok(())
}

#[cfg(test)]
mod tests {
    use parquet::data_type::{ByteArray, Decimal};

    use super::*;

    fn json(field: &Field) -> Result<String> {
        let mut out = String::new();
        write_json(field, false, &mut out)?;
        Ok(out)
    }

    #[test]
    fn values_have_the_text_that_the_host_writes() {
        let decimal = |value, scale| Field::Decimal(Decimal::from_i64(value, 18, scale));
        let values = [
            (Field::Str("a \"b\"".into()), r#""a \"b\"""#),
            (Field::Bytes(ByteArray::from("é")), "\"é\""),
            (Field::ULong(u64::MAX), "18446744073709551615"),
            (Field::Float(0.1), "0.1"),
            (Field::Double(1.0), "1.0"),
            (decimal(-5, 2), "-0.05"),
            (decimal(12345, 2), "123.45"),
            (decimal(-12345, 0), "-12345"),
            (Field::Date(-1), "\"1969-12-31\""),
            (Field::Date(MAX_DAY), "\"9999-12-31\""),
            (Field::Date(MIN_DAY), "\"0000-01-01\""),
        ];
        for (field, expected) in values {
            assert_eq!(json(&field).unwrap(), expected);
        }
        for field in
            [Field::Date(i32::MAX), Field::Date(MIN_DAY - 1), Field::Double(f64::NAN), Field::Bytes(vec![255].into())]
        {
            assert!(json(&field).is_err(), "{field}");
        }
    }

    #[test]
    fn a_value_has_the_type_of_the_column() {
        assert_eq!(
            value(&Field::Float(f32::INFINITY), false, JsonType::Float).unwrap(),
            AnyValue::Float(f64::INFINITY)
        );
        assert_eq!(value(&Field::Int(5), false, JsonType::Text).unwrap(), AnyValue::Text("5".into()));
        assert_eq!(value(&Field::Int(5), false, JsonType::Integer).unwrap(), AnyValue::Integer(5));
        assert_eq!(value(&Field::Null, false, JsonType::Integer).unwrap(), AnyValue::Null);
        let text = || Field::Str("[1]".into());
        assert_eq!(value(&text(), false, JsonType::Json).unwrap(), AnyValue::Json("\"[1]\"".into()));
        assert_eq!(value(&text(), true, JsonType::Json).unwrap(), AnyValue::Json("[1]".into()));
        assert!(value(&text(), false, JsonType::Integer).is_err());
    }

    #[test]
    fn bytes_that_are_not_a_file_are_an_error() {
        assert!(ParquetMetaDataReader::new().parse_and_finish(&Bytes::from_static(b"PAR1 no file PAR1")).is_err());
    }
}
