//! The part of a message that suggests how to declare columns so that a row fits.

use super::column::TextColumns;
use super::error::SourceErrorKind;
use super::text::SAMPLE_ROWS;
use crate::data_type::DataType;
use crate::text::{named, shown};

/// Maximum number of columns that a message lists.
const LISTED: usize = 12;

/// The setting for rows with other keys.
const IGNORE: &str = "set `json = { unknown-keys = \"ignore\" }`";

/// The columns that a declaration has to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeclarationScope {
    /// JSON Lines: declared columns are all columns.
    AllColumns,
    /// CSV: the types of the other columns are still inferred.
    OneColumn,
}

/// Returns the error for a key that is not a column. `columns` are all declared, or all inferred.
pub(crate) fn unknown_key(columns: &TextColumns, key: &str) -> SourceErrorKind {
    let advice = if columns.list.iter().any(|column| column.declared) {
        let declared = list(columns.list.iter().map(|column| column.name.as_str()));
        format!("the source declares {declared}; add {} to its `columns`, or {IGNORE}", entry(key, DataType::Json))
    } else {
        let declaration = declaration(columns, key, DataType::Json);
        format!(
            "the first {SAMPLE_ROWS} rows do not have it; declare all columns in the source: {declaration}, or {IGNORE}"
        )
    };
    SourceErrorKind::UnknownKey { key: named(key), advice }
}

/// Returns the error for a value that does not fit. `suggested` is a type that accepts the value; `scope` says which
/// columns a declaration has to name.
pub(crate) fn mismatch(
    columns: &TextColumns,
    index: usize,
    found: String,
    suggested: DataType,
    scope: DeclarationScope,
) -> SourceErrorKind {
    let column = &columns.list[index];
    let advice = if column.declared {
        format!("declare it as \"{suggested}\" in the source, or correct the row")
    } else {
        let declaration = match scope {
            DeclarationScope::AllColumns => declaration(columns, &column.name, suggested),
            DeclarationScope::OneColumn => format!("columns = {{ {} }}", entry(&column.name, suggested)),
        };
        format!("its type is inferred from the first {SAMPLE_ROWS} rows; declare it in the source: {declaration}")
    };
    let expected = match column.data_type {
        DataType::Vector => format!("vector (of {} numbers)", column.width),
        data_type => data_type.to_string(),
    };
    SourceErrorKind::TypeMismatch { column: named(&column.name), expected, found, advice }
}

/// Describes a JSON value for a message: its type and its text.
pub(crate) fn describe_json(json: &str) -> String {
    let what = match json.as_bytes().first() {
        Some(b'"') => "the text",
        Some(b'{') => "the object",
        Some(b'[') => "the list",
        Some(b't' | b'f') => "the boolean",
        Some(b'n') => "a null",
        _ => "the number",
    };
    if json == "null" { what.to_owned() } else { format!("{what} {}", shown(json)) }
}

/// Lists names in backticks, separated by commas, up to 12.
pub(crate) fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names = names.map(named);
    let mut listed: Vec<String> = names.by_ref().take(LISTED).collect();
    let more = names.count();
    if more > 0 {
        listed.push(format!("… and {more} more"));
    }
    if listed.is_empty() { "no column".to_owned() } else { listed.join(", ") }
}

/// Returns the setting `columns` with all columns, where one has another type or is added.
fn declaration(columns: &TextColumns, name: &str, data_type: DataType) -> String {
    let known = columns.list.iter().any(|column| column.name == name);
    let all = columns.list.len() + usize::from(!known);
    let mut entries: Vec<String> = if all <= LISTED {
        let entries = columns.list.iter();
        entries
            .map(|column| entry(&column.name, if column.name == name { data_type } else { column.data_type }))
            .collect()
    } else {
        Vec::new()
    };
    if !known || entries.is_empty() {
        entries.push(entry(name, data_type));
    }
    if all > LISTED {
        entries.push(format!("… and the {} other columns", all - 1));
    }
    format!("columns = {{ {} }}", entries.join(", "))
}

/// Returns one column in the syntax of the pipeline file.
fn entry(name: &str, data_type: DataType) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(bare) {
        format!("{} = \"{data_type}\"", shown(name))
    } else {
        format!("\"{}\" = \"{data_type}\"", shown(&name.replace('\\', "\\\\").replace('"', "\\\"")))
    }
}
