//! `columns`: the columns of a source and their types, in order.

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::entry::{choice, wrong_type};
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::table::Table;
use crate::data_type::DataType;
use crate::format::Format;

/// A declared column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnSetting {
    /// The column's name.
    pub(crate) name: Located<String>,
    /// Its type.
    pub(crate) data_type: Located<DataType>,
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
                if let Some(chosen) = choice(&shown, &data_type, "type", &types, context) {
                    let name = Located::at(name.get_ref().to_string(), name.span());
                    columns.push(ColumnSetting { name, data_type: Located::new(chosen, data_type.location) });
                }
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
