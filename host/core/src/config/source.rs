//! `[[source]]`: where rows come from.

use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::columns::{self, ColumnSetting};
use super::diagnostic::Diagnostic;
use super::format::{self, Direction};
use super::location::{ConfigLocation, Located};
use super::name::read_node_name;
use super::parse_context::ParseContext;
use super::path_setting::{self, PathSetting};
use super::projection::{self, ProjectionTable};
use super::route::{self, RouteTable};
use super::table::{Table, TableEntry};
use super::{csv, json, size};
use crate::format::{Compression, CsvSettings, Format, JsonSettings};
use crate::policy::Then;

/// A table `[[source]]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SourceTable {
    /// The location of the table's header.
    pub(crate) location: ConfigLocation,
    /// The name in messages and in `from`.
    pub(crate) name: Option<Located<String>>,
    /// The paths of files, and patterns that match several files, at least one.
    pub(crate) paths: Vec<Located<PathSetting>>,
    /// The format: the value of `format`, or determined by the file extensions.
    pub(crate) format: Located<Format>,
    /// The value of `compression`. `None` to determine it by the content of each file.
    pub(crate) compression: Option<Located<Compression>>,
    /// The largest window of compressed files in bytes. `None` for the default.
    pub(crate) max_window: Option<Located<u64>>,
    /// The largest row of Parquet and Arrow IPC files in bytes. `None` for the default.
    pub(crate) max_row: Option<Located<u64>>,
    /// The dialect of CSV files.
    pub(crate) csv: Option<Located<CsvSettings>>,
    /// The settings of JSON files.
    pub(crate) json: Option<Located<JsonSettings>>,
    /// Whether folders such as `year=2024` are columns.
    pub(crate) hive: Option<Located<bool>>,
    /// The action for rows that cannot be read. `None` to stop.
    pub(crate) on_bad_row: Option<Located<Then>>,
    /// The declared columns.
    pub(crate) columns: Option<Located<Vec<ColumnSetting>>>,
    /// The types of objects and arrays in columns that are inferred.
    pub(crate) nested: Option<Located<NestedValues>>,
    /// Applied to the outgoing columns.
    pub(crate) projection: ProjectionTable,
    /// The children that take each row. `None` for all of them.
    pub(crate) route: Option<RouteTable>,
    /// Whether `format` is set in the file, rather than determined by the path.
    pub(super) format_is_set: bool,
}

const PATH_HELP: &str =
    "add `path = \"input.jsonl\"`: a file, a pattern such as `data/*.csv`, a list of both, or `-` for standard input";

/// In bytes. The decoders of Zstandard and xz allocate their window, which is 2 GiB at most in the former.
const WINDOWS: RangeInclusive<u64> = 1 << 20..=4 << 30;

/// In bytes. The values of a column of a chunk have 32-bit offsets.
const ROWS: RangeInclusive<u64> = 1 << 20..=1 << 30;

pub(super) fn read(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<SourceTable> {
    let location = table.location();
    let name = table.take("name").and_then(|entry| read_node_name(&entry, context));
    let paths = table.require("path", PATH_HELP).and_then(|entry| read_paths(&entry, context));
    // An invalid `format` already has a diagnostic. Another one about the extension would be misleading.
    let format_is_set = table.has("format");
    let format = format::read_format(&mut table, Direction::Input, context);
    let compression = format::read_compression(&mut table, Direction::Input, context);
    let why = "the window of a compressed file is in memory while the file is read";
    let max_window = read_size("max-window", &WINDOWS, why, &mut table, context);
    let why = "a row has to fit into memory";
    let max_row = read_size("max-row", &ROWS, why, &mut table, context);
    let csv = csv::read(&mut table, context);
    let json = json::read(&mut table, context);
    let hive = table.take("hive").and_then(|entry| entry.boolean(context));
    let actions = [("stop", Then::Stop), ("reject", Then::Reject)];
    let on_bad_row = table.take("on-bad-row").and_then(|entry| entry.choice("action", &actions, context));
    let columns = columns::read(&mut table, context);
    let nested = read_nested(&mut table, context);
    let projection = projection::read(&mut table, context);
    let route = route::read(&mut table, context);
    table.finish(context);

    let paths = paths?;
    let format = if format_is_set { format? } else { format_from_extensions(&paths, context)? };
    let source = SourceTable {
        location,
        name,
        paths,
        format,
        compression,
        max_window,
        max_row,
        csv,
        json,
        hive,
        on_bad_row,
        columns,
        nested,
        projection,
        route,
        format_is_set,
    };
    for diagnostic in source.mismatches() {
        context.push(diagnostic);
    }
    Some(source)
}

/// The types of objects and arrays in columns that are inferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NestedValues {
    /// `json`.
    Json,
    /// Lists and structs.
    Arrow,
}

/// Reads `nested`: `"json"` or `"arrow"`. The default is `"json"`, which has any value as it is written.
fn read_nested(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<NestedValues>> {
    let choices = [("json", NestedValues::Json), ("arrow", NestedValues::Arrow)];
    table.take("nested")?.choice("type of nested values", &choices, context)
}

/// Reads `path`: a string, or an array of strings.
fn read_paths(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<Vec<Located<PathSetting>>> {
    let DeValue::Array(elements) = entry.value else {
        return path_setting::read(entry, PATH_HELP, context).map(|path| vec![path]);
    };
    if elements.is_empty() {
        context.push(entry.diagnostic(format!("{} is empty", entry.name)).help(PATH_HELP));
        return None;
    }
    let mut paths = Vec::with_capacity(elements.len());
    for element in elements {
        let name = format!("an element of {}", entry.name);
        let element = TableEntry { name, key: entry.key.clone(), value: element.get_ref(), span: element.span() };
        let path = path_setting::read(&element, PATH_HELP, context)?;
        if path.is_standard() && elements.len() > 1 {
            let diagnostic = element.diagnostic("standard input cannot be read together with files");
            context.push(diagnostic.help("add a [[source]] of its own for `-`"));
            return None;
        }
        paths.push(path);
    }
    Some(paths)
}

fn read_size(
    key: &'static str,
    range: &RangeInclusive<u64>,
    why: &str,
    table: &mut Table<'_>,
    context: &mut ParseContext<'_>,
) -> Option<Located<u64>> {
    let entry = table.take(key)?;
    let location = ConfigLocation::Span(entry.span.clone());
    match size::read(&entry.name, entry.value, &location, range, why) {
        Ok(size) => Some(Located::new(size, location)),
        Err(diagnostic) => {
            context.push(diagnostic);
            None
        }
    }
}

/// Determines the format by the file extensions, which have to agree. The location of the result is that of a path.
fn format_from_extensions(paths: &[Located<PathSetting>], context: &mut ParseContext<'_>) -> Option<Located<Format>> {
    let mut common: Option<Located<Format>> = None;
    for path in paths {
        let format = match format::from_extension(path, Direction::Input) {
            Ok(format) => format,
            Err(diagnostic) => {
                context.push(diagnostic);
                return None;
            }
        };
        match &common {
            Some(first) if first.value != format => {
                let message = format!("this path is {format}, and an earlier one is {}", first.value);
                let help = "use a [[source]] for each format, or set `format`";
                context.push(Diagnostic::new(path.location.clone(), message).help(help));
                return None;
            }
            Some(_) => {}
            None => common = Some(Located::new(format, path.location.clone())),
        }
    }
    common
}

/// Creates a diagnostic about a key that does not apply to the format of the source.
fn only_for(key: &str, formats: &str, location: &ConfigLocation, format: Format) -> Diagnostic {
    let message = format!("`{key}` in [[source]] applies to {formats} only, but this source is {format}");
    Diagnostic::new(location.clone(), message).help("remove the key, or correct `format`")
}

impl SourceTable {
    /// The location of the first path.
    pub(crate) fn path_location(&self) -> &ConfigLocation {
        &self.paths[0].location
    }

    /// Whether the source is standard input.
    pub(crate) fn is_standard(&self) -> bool {
        self.paths[0].is_standard()
    }

    /// Whether rows that cannot be read are rejected.
    pub(crate) fn rejects(&self) -> bool {
        self.on_bad_row.as_ref().is_some_and(|action| action.value == Then::Reject)
    }

    /// Returns diagnostics about keys that do not go together with the format.
    pub(super) fn mismatches(&self) -> Vec<Diagnostic> {
        let format = self.format.value;
        let columns = self.columns.as_ref().and_then(|columns| columns::check_format(&columns.location, format));
        let csv = self.csv.as_ref().filter(|_| format != Format::Csv);
        let csv = csv.map(|csv| only_for("csv", "csv", &csv.location, format));
        let json = self.json.as_ref().filter(|_| !matches!(format, Format::JsonLines | Format::Json));
        let json = json.map(|json| only_for("json", "jsonl and json", &json.location, format));
        let on_bad_row = self.on_bad_row.as_ref().filter(|_| !format.is_text());
        let on_bad_row =
            on_bad_row.map(|action| only_for("on-bad-row", "jsonl, json and csv", &action.location, format));
        let max_row = self.max_row.as_ref().filter(|_| format.is_text());
        let max_row = max_row.map(|row| only_for("max-row", "parquet and arrow", &row.location, format));
        let nested = self.nested.as_ref().filter(|_| !matches!(format, Format::JsonLines | Format::Json));
        let nested = nested.map(|nested| only_for("nested", "jsonl and json", &nested.location, format));
        let hive = self.hive.as_ref().filter(|hive| hive.value && self.is_standard());
        let hive = hive.map(|hive| {
            Diagnostic::new(hive.location.clone(), "standard input has no folders that could be columns")
                .help("remove `hive`")
        });
        columns.into_iter().chain(csv).chain(json).chain(nested).chain(on_bad_row).chain(max_row).chain(hive).collect()
    }
}
