//! Finds the columns of a file that a sink would write in the same Parquet types.

use arrow_schema::{DataType as ArrowType, Field, Schema};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::{ColumnOrder, Compression};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::schema::types::SchemaDescriptor;

use super::ParquetFile;
use super::wide::WideColumns;
use crate::data_type::DataType;
use crate::values::parquet_descriptor;

/// The most bytes of a null value in a column that is not decoded.
const MAX_NULL_BYTES: u64 = 256;

/// Returns whether each column of a file can be copied to an output. `schema` is that of the file's rows.
pub(in super::super) fn carriable_columns(file: &ParquetFile, schema: &Schema) -> Vec<bool> {
    let none = || vec![false; schema.fields().len()];
    if WideColumns::new(&file.metadata).is_some() {
        return none();
    }
    let written = |schema: &Schema| same_types(file, &parquet_descriptor(schema)?);
    // A column that Parquet cannot hold does not come from Parquet.
    let Ok(same) = written(schema) else { return none() };
    let fields = schema.fields().iter().zip(same);
    let mut carriable: Vec<bool> = fields.map(|(field, same)| same && is_placeable(field)).collect();
    for group in file.metadata.metadata().row_groups() {
        for (leaf, chunk) in group.columns().iter().enumerate() {
            let root = file.metadata.parquet_schema().get_column_root_idx(leaf);
            if let Some(carriable) = carriable.get_mut(root) {
                *carriable &= is_usual(group, chunk, file.length);
            }
        }
    }
    carriable
}

/// Returns whether the rows can have nulls in place of a column, and its values need no check.
fn is_placeable(field: &Field) -> bool {
    field.is_nullable()
        && DataType::from_field(field) != Some(DataType::Json)
        && null_bytes(field.data_type()) <= MAX_NULL_BYTES
}

/// Returns the bytes that a null of a type takes, at least.
fn null_bytes(data_type: &ArrowType) -> u64 {
    match data_type {
        ArrowType::FixedSizeBinary(width) => u64::try_from(*width).unwrap_or_default(),
        ArrowType::FixedSizeList(element, size) => {
            null_bytes(element.data_type()).max(1).saturating_mul(u64::try_from(*size).unwrap_or_default())
        }
        ArrowType::Struct(fields) => fields.iter().map(|field| null_bytes(field.data_type())).sum(),
        _ => 16,
    }
}

/// Returns whether the columns of a file have the same Parquet types as those of a descriptor, in order.
fn same_types(file: &ParquetFile, written: &SchemaDescriptor) -> Result<Vec<bool>> {
    let here = file.metadata.parquet_schema();
    // Annotations have several forms, such as the converted and the logical type. Arrow's types are those that matter.
    let (types, written_types) = (parquet_to_arrow_schema(here, None)?, parquet_to_arrow_schema(written, None)?);
    let roots = types.fields().len();
    if roots != written_types.fields().len() {
        return Ok(vec![false; roots]);
    }
    let [leaves, written_leaves] = [here, written].map(|schema| {
        let mut leaves = vec![Vec::new(); roots];
        for (index, leaf) in schema.columns().iter().enumerate() {
            leaves[schema.get_column_root_idx(index)].push((
                leaf.physical_type(),
                leaf.type_length(),
                leaf.max_def_level(),
                leaf.max_rep_level(),
            ));
        }
        leaves
    });
    let same = types.fields().iter().zip(written_types.fields()).zip(leaves.iter().zip(&written_leaves));
    let same = same.map(|((here, written), (leaves, written_leaves))| {
        here.data_type().equals_datatype(written.data_type())
            && here.is_nullable() == written.is_nullable()
            && here.name() == written.name()
            && leaves == written_leaves
    });
    Ok(same.collect())
}

/// Returns whether a chunk is in the file as the metadata says.
fn is_usual(group: &RowGroupMetaData, chunk: &ColumnChunkMetaData, length: u64) -> bool {
    let (data, dictionary) = (chunk.data_page_offset(), chunk.dictionary_page_offset());
    let start = dictionary.unwrap_or(data);
    let end = start.checked_add(chunk.compressed_size());
    let is_within = start > 0
        && start <= data
        && dictionary != Some(data)
        && chunk.compressed_size() > 0
        && end.is_some_and(|end| data < end && end.cast_unsigned() <= length);
    let is_flat = chunk.column_descr().max_rep_level() == 0;
    is_within
        && chunk.uncompressed_size() >= 0
        && chunk.num_values() >= group.num_rows()
        && (!is_flat || chunk.num_values() == group.num_rows())
        && chunk.file_path().is_none()
        && !matches!(chunk.compression(), Compression::LZO | Compression::LZ4)
}

/// Returns whether the smallest and largest values of a chunk are in the order of its type. Other orders were used by early writers, and
/// an output would claim to have this one.
pub(super) fn has_known_order(file: &ParquetFile, leaf: usize, chunk: &ColumnChunkMetaData) -> bool {
    let order = file.metadata.metadata().file_metadata().column_order(leaf);
    matches!(order, ColumnOrder::TYPE_DEFINED_ORDER(_))
        && chunk.statistics().is_none_or(|statistics| !statistics.is_min_max_deprecated())
}
