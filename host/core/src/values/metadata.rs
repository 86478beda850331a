//! Key-value metadata of a file, which passes from sources to sinks.

use arrow_schema::Metadata;

/// Keys whose value describes the columns of a file. They are wrong once a column is dropped, renamed or changed.
const DESCRIPTIONS: [&str; 6] = [
    "pandas",
    "huggingface",
    "org.apache.spark.sql.parquet.row.metadata",
    "parquet.avro.schema",
    "avro.schema",
    "iceberg.schema",
];

/// Returns metadata without the keys that describe columns.
pub(crate) fn without_descriptions(metadata: &Metadata) -> Metadata {
    let mut kept = metadata.clone();
    kept.retain(|key, _| !DESCRIPTIONS.contains(&key.as_str()));
    kept
}
