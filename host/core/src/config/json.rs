//! `json`: the layout of JSON files, and rules for keys and values that do not fit.

use toml::de::DeValue;

use super::encoding;
use super::location::Located;
use super::parse_context::ParseContext;
use super::table::Table;
use crate::format::{JsonLayout, JsonSettings, NanTokens, UnknownKeys};

/// Reads `json`, a table of settings.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<JsonSettings>> {
    let entry = table.take("json")?;
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ unknown-keys = \"ignore\" }`", context);
        return None;
    };
    let mut table = Table::new("`json`", entry.span.clone(), entries);
    let layouts = [("lines", JsonLayout::Lines), ("array", JsonLayout::Array), ("objects", JsonLayout::Objects)];
    let layout = table.take("layout").and_then(|entry| entry.choice("layout", &layouts, context));
    let unknown_keys = read_unknown_keys(&mut table, context);
    let rules = [("error", NanTokens::Error), ("null", NanTokens::Null), ("float", NanTokens::Float)];
    let nan = table.take("nan").and_then(|entry| entry.choice("rule", &rules, context));
    let encoding = encoding::read(&mut table, context);
    table.finish(context);
    let (layout, nan) = (layout.map(|layout| layout.value), nan.map(|nan| nan.value).unwrap_or_default());
    Some(Located::at(JsonSettings { layout, unknown_keys, nan, encoding }, entry.key))
}

/// Reads `unknown-keys`: `"error"` (the default), `"ignore"`, or a table with the column for these keys.
fn read_unknown_keys(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> UnknownKeys {
    let Some(entry) = table.take("unknown-keys") else { return UnknownKeys::Error };
    let DeValue::Table(entries) = entry.value else {
        let rules = [("error", false), ("ignore", true)];
        return match entry.choice("rule", &rules, context) {
            Some(ignore) if ignore.value => UnknownKeys::Ignore,
            _ => UnknownKeys::Error,
        };
    };
    let mut rule = Table::new("`unknown-keys`", entry.span.clone(), entries);
    let help = "name the column for these keys, as in `{ into = \"other\" }`";
    let into = rule.require("into", help).and_then(|entry| {
        let name = entry.string(context)?;
        if name.is_empty() {
            context.push(entry.diagnostic(format!("{} is empty", entry.name)).help(help));
        }
        Some(name.value)
    });
    rule.finish(context);
    into.map_or(UnknownKeys::Error, UnknownKeys::Into)
}
