//! Logical types of Parquet that the library does not turn into types of Arrow.

use std::sync::Arc;

use arrow_schema::extension::Json;
use arrow_schema::{DataType as ArrowType, FieldRef, Fields, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::basic::{ConvertedType, LogicalType};
use parquet::schema::types::{SchemaDescriptor, Type};

use crate::text::named;

/// The most warnings about one file.
const MAX_WARNINGS: usize = 5;

/// Adds the extension type `arrow.json` to the columns of a file that have only the older annotation `JSON`, without a logical
/// type.
pub(super) fn with_json(schema: SchemaRef, metadata: &ArrowReaderMetadata) -> SchemaRef {
    let roots = metadata.parquet_schema().root_schema().get_fields();
    let is_json = |root: &Type, field: &FieldRef| {
        root.is_primitive()
            && root.get_basic_info().converted_type() == ConvertedType::JSON
            && matches!(field.data_type(), ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View)
            && field.extension_type_name().is_none()
    };
    let field = |(field, root): (&FieldRef, &Arc<Type>)| {
        if is_json(root, field) {
            Arc::new(field.as_ref().clone().with_extension_type(Json::default()))
        } else {
            Arc::clone(field)
        }
    };
    if schema.fields().len() != roots.len() {
        return schema;
    }
    let fields: Fields = schema.fields().iter().zip(roots).map(field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// Returns warnings about columns whose logical type Arrow does not have, so that outputs lose it.
pub(super) fn warnings(schema: &SchemaDescriptor) -> Vec<String> {
    let mut lost = Vec::new();
    for root in schema.root_schema().get_fields() {
        find_lost(root, &named(root.name()), 0, &mut lost);
    }
    let message = |(column, name): (String, &str)| {
        format!(
            "column {column} has the type {name} of Parquet, which Arrow does not have; its values are read as they are \
             stored, and outputs do not have the type"
        )
    };
    let more = lost.len().saturating_sub(MAX_WARNINGS);
    let mut warnings: Vec<String> = lost.into_iter().take(MAX_WARNINGS).map(message).collect();
    if more > 0 {
        warnings.push(format!("{more} more columns have types that Arrow does not have"));
    }
    warnings
}

/// Finds lost types in a column. The columns of a file from a hostile source may be nested deeply.
fn find_lost(column: &Type, root: &str, depth: usize, lost: &mut Vec<(String, &'static str)>) {
    const MAX_DEPTH: usize = 64;
    if let Some(name) = lost_type(column) {
        lost.push((root.to_owned(), name));
    } else if !column.is_primitive() && depth < MAX_DEPTH {
        column.get_fields().iter().for_each(|field| find_lost(field, root, depth + 1, lost));
    }
}

fn lost_type(column: &Type) -> Option<&'static str> {
    let info = column.get_basic_info();
    Some(match info.logical_type_ref() {
        Some(LogicalType::Variant(_)) => "VARIANT",
        Some(LogicalType::Geometry(_)) => "GEOMETRY",
        Some(LogicalType::Geography(_)) => "GEOGRAPHY",
        Some(LogicalType::Bson) => "BSON",
        Some(LogicalType::File) => "FILE",
        Some(LogicalType::Time(time)) if time.is_adjusted_to_u_t_c => "TIME in UTC",
        None if info.converted_type() == ConvertedType::BSON => "BSON",
        _ => return None,
    })
}
