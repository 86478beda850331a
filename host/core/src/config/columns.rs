//! `columns`: the columns of a source and their types, in order.

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::entry::{choice, wrong_type};
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::table::Table;
use crate::data_type::{DataType, NestedType};
use crate::format::Format;

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnSetting {
    /// The column's name.
    pub(crate) name: Located<String>,
    /// Its type. `json` for a nested type.
    pub(crate) data_type: Located<DataType>,
    /// Its nested type.
    pub(crate) nested: Option<NestedType>,
}

/// Reads `columns`, a table from names to types. By default the columns are inferred from the rows.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<Vec<ColumnSetting>>> {
    let entry = table.take("columns")?;
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table of names and types", context);
        return None;
    };
    if entries.is_empty() {
        context.push(entry.diagnostic(format!("{} is empty", entry.name)).help(
            "name the columns, as in `columns = { id = \"integer\" }`, or remove the key to infer them from the rows",
        ));
    }
    let mut written: Vec<_> = entries.iter().collect();
    written.sort_by_key(|(name, _)| name.span().start);
    let types = DataType::ALL.map(|data_type| (data_type.name(), data_type));
    let mut columns = Vec::with_capacity(written.len());
    for (name, value) in written {
        let shown = format!("`columns.{}`", shortened(name.get_ref()));
        match value.get_ref() {
            DeValue::String(data_type) => {
                let data_type = Located::at(data_type.to_string(), value.span());
                let name = Located::at(name.get_ref().to_string(), name.span());
                let (chosen, nested) = if data_type.value.contains('<') {
                    let Some(nested) = read_nested(&shown, &data_type, context) else { continue };
                    (DataType::Json, Some(nested))
                } else {
                    let Some(chosen) = choice(&shown, &data_type, "type", &types, context) else { continue };
                    (chosen, None)
                };
                columns.push(ColumnSetting { name, data_type: Located::new(chosen, data_type.location), nested });
            }
            DeValue::Table(_) => {
                let diagnostic =
                    wrong_type(&shown, value.get_ref(), ConfigLocation::Span(value.span()), "the name of a type");
                context.push(diagnostic.help("put the name of a column in quotes if it contains a dot"));
            }
            other => context.push(wrong_type(&shown, other, ConfigLocation::Span(value.span()), "the name of a type")),
        }
    }
    Some(Located::at(columns, entry.key))
}

/// Reads a type such as `list<struct<role: text, content: text>>`.
fn read_nested(name: &str, written: &Located<String>, context: &mut ParseContext<'_>) -> Option<NestedType> {
    match NestedType::parse(&written.value) {
        Ok(nested) => Some(nested),
        Err(reason) => {
            let message = format!("{name} is \"{}\", which is not a type: {reason}", shortened(&written.value));
            let help = "nested types are list<TYPE>, map<TYPE> and struct<KEY: TYPE, ...>";
            context.push(Diagnostic::new(written.location.clone(), message).label("not a type").help(help));
            None
        }
    }
}

/// Returns a diagnostic if the format declares its own columns.
pub(super) fn check_format(columns: &ConfigLocation, format: Format) -> Option<Diagnostic> {
    (!format.is_text()).then(|| {
        Diagnostic::new(
            columns.clone(),
            format!("`columns` in [[source]] applies to jsonl, json and csv only, but this source is {format}"),
        )
        .help(format!("remove the key: {format} files declare their columns and types themselves"))
    })
}
