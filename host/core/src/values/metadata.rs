//! Key-value metadata of a file, which passes from sources to sinks.

use std::collections::HashMap;

use arrow_schema::Metadata;
use serde_json::Value;

/// Keys whose value describes the columns of a file as a whole. They are wrong once a column is dropped, renamed or changed.
const WHOLE: [&str; 4] =
    ["org.apache.spark.sql.parquet.row.metadata", "parquet.avro.schema", "avro.schema", "iceberg.schema"];

/// The columns that are still there as they were: their names before, and now.
pub(crate) type KeptColumns<'n> = HashMap<&'n str, &'n str>;

/// Returns the metadata of a file after a change of its columns. Descriptions of columns that are still there stay; those of
/// other columns, and descriptions of all columns together, are left out.
pub(crate) fn with_kept_columns(metadata: &Metadata, kept: &KeptColumns<'_>) -> Metadata {
    let mut result = Metadata::default();
    for (key, value) in metadata.iter().filter(|(key, _)| !WHOLE.contains(&key.as_str())) {
        let edit = match key.as_str() {
            "pandas" => pandas,
            "huggingface" => huggingface,
            "geo" => geo,
            _ => {
                result.insert(key.clone(), value.clone());
                continue;
            }
        };
        if let Some(edited) = serde_json::from_str(value).ok().and_then(|value| edit(&value, kept)) {
            result.insert(key.clone(), edited.to_string());
        }
    }
    result
}

/// The types of columns, and the columns that are the index of a data frame.
fn pandas(value: &Value, kept: &KeptColumns<'_>) -> Option<Value> {
    // Names that are not texts have a type of their own, which new names do not have.
    let is_text =
        |level: &Value| matches!(level["pandas_type"].as_str(), Some("unicode" | "string" | "mixed" | "empty"));
    let mut value = value.clone();
    if !value["column_indexes"].as_array()?.iter().all(is_text) {
        return None;
    }
    let columns = value.get_mut("columns")?.as_array_mut()?;
    let mut described = Vec::with_capacity(columns.len());
    for mut column in columns.drain(..) {
        let name = column["name"].clone();
        let field = column["field_name"].as_str().or(name.as_str()).and_then(|field| kept.get_key_value(field));
        let Some((before, now)) = field else { continue };
        if name.as_str() == Some(*before) {
            column["name"] = (*now).into();
        }
        column["field_name"] = (*now).into();
        described.push(column);
    }
    *columns = described;
    let index = value.get_mut("index_columns")?.as_array_mut()?;
    index.retain(|column| column.as_str().is_none_or(|name| kept.contains_key(name)));
    for column in index.iter_mut() {
        if let Some(now) = column.as_str().and_then(|name| kept.get(name)) {
            *column = (*now).into();
        }
    }
    Some(value)
}

/// The features, which are the types of columns. Everything else is about the data set as a whole.
fn huggingface(value: &Value, kept: &KeptColumns<'_>) -> Option<Value> {
    let features = described(value.pointer("/info/features")?, kept)?;
    Some(serde_json::json!({ "info": { "features": features } }))
}

/// The columns with geometries, of which one is the main one.
fn geo(value: &Value, kept: &KeptColumns<'_>) -> Option<Value> {
    let mut value = value.clone();
    let main = *kept.get(value["primary_column"].as_str()?)?;
    value["primary_column"] = main.into();
    let columns = value.get_mut("columns")?;
    *columns = described(columns, kept)?;
    Some(value)
}

/// Returns the entries of the columns that are still there, under their names now; `None` if the value is no object.
fn described(columns: &Value, kept: &KeptColumns<'_>) -> Option<Value> {
    let entry = |(name, value): (&String, &Value)| Some(((*kept.get(name.as_str())?).to_owned(), value.clone()));
    Some(Value::Object(columns.as_object()?.iter().filter_map(entry).collect()))
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;

    fn edited(key: &str, value: &str, kept: &[(&'static str, &'static str)]) -> String {
        let metadata = [(key.to_owned(), value.to_owned())].into_iter().collect();
        let edited = with_kept_columns(&metadata, &kept.iter().copied().collect());
        edited.get(key).cloned().unwrap_or_else(|| "left out".to_owned())
    }

    #[test]
    fn descriptions_of_columns_that_are_still_there_stay() {
        let pandas = r#"{"index_columns":["__index_level_0__",{"kind":"range"}],"column_indexes":[{"pandas_type":"unicode"}],
            "columns":[{"name":"a","field_name":"a","pandas_type":"int64"},{"name":"b","field_name":"b"},
            {"name":null,"field_name":"__index_level_0__"}],"creator":{}}"#;
        let kept = [("a", "x"), ("__index_level_0__", "__index_level_0__")];
        assert_snapshot!(edited("pandas", pandas, &kept), @r#"{"index_columns":["__index_level_0__",{"kind":"range"}],"column_indexes":[{"pandas_type":"unicode"}],"columns":[{"name":"x","field_name":"x","pandas_type":"int64"},{"name":null,"field_name":"__index_level_0__"}],"creator":{}}"#);
        assert_snapshot!(edited("pandas", pandas, &[("b", "b")]), @r#"{"index_columns":[{"kind":"range"}],"column_indexes":[{"pandas_type":"unicode"}],"columns":[{"name":"b","field_name":"b"}],"creator":{}}"#);
        let features = r#"{"info":{"features":{"a":{"_type":"Image"},"b":{}},"splits":{}},"fingerprint":"1"}"#;
        assert_snapshot!(edited("huggingface", features, &[("a", "picture")]), @r#"{"info":{"features":{"picture":{"_type":"Image"}}}}"#);
        let geo = r#"{"version":"1.1.0","primary_column":"a","columns":{"a":{"encoding":"WKB"},"b":{}}}"#;
        assert_snapshot!(edited("geo", geo, &[("a", "a")]), @r#"{"version":"1.1.0","primary_column":"a","columns":{"a":{"encoding":"WKB"}}}"#);
        assert_eq!(edited("geo", geo, &[("b", "b")]), "left out");
        assert_eq!(edited("k", "v", &[]), "v");
    }

    #[test]
    fn descriptions_that_cannot_be_edited_are_left_out() {
        for (key, value) in [
            ("pandas", r#"{"columns":[],"index_columns":[],"column_indexes":[{"pandas_type":"int64"}]}"#),
            ("pandas", "{"),
            ("huggingface", "[]"),
            ("pandas", "[]"),
            ("pandas", r#"{"columns":[1,[]],"index_columns":[],"column_indexes":{}}"#),
            ("geo", "[]"),
            ("geo", r#"{"primary_column":"a","columns":[]}"#),
            ("huggingface", r#"{"info":{}}"#),
            ("avro.schema", "{}"),
        ] {
            assert_eq!(edited(key, value, &[("a", "a")]), "left out", "{key} {value}");
        }
    }
}
