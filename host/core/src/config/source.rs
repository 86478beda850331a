//! `[[source]]`: where rows come from.

use super::columns::{self, ColumnSetting};
use super::diagnostic::Diagnostic;
use super::format::{self, Direction};
use super::location::{ConfigLocation, Located};
use super::name::read_node_name;
use super::parse_context::ParseContext;
use super::path_setting::{self, PathSetting};
use super::projection::{self, ProjectionTable};
use super::route::{self, RouteTable};
use super::table::Table;
use crate::format::{Compression, Format};

/// A table `[[source]]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SourceTable {
    /// The location of the table's header.
    pub(crate) location: ConfigLocation,
    /// The name in messages and in `from`.
    pub(crate) name: Option<Located<String>>,
    /// The path of the file, or a pattern that matches several files.
    pub(crate) path: Located<PathSetting>,
    /// The format: the value of `format`, or determined by the file extension.
    pub(crate) format: Located<Format>,
    /// The value of `compression`. `None` to determine it by the extension of each file.
    pub(crate) compression: Option<Located<Compression>>,
    /// The declared columns.
    pub(crate) columns: Option<Located<Vec<ColumnSetting>>>,
    /// Applied to the outgoing columns.
    pub(crate) projection: ProjectionTable,
    /// The children that take each row. `None` for all of them.
    pub(crate) route: Option<RouteTable>,
    /// Whether `format` is set in the file, rather than determined by the path.
    pub(super) format_is_set: bool,
}

const PATH_HELP: &str =
    "add `path = \"input.jsonl\"`: a file, a pattern such as `data/*.csv`, or `-` for standard input";

pub(super) fn read(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<SourceTable> {
    let location = table.location();
    let name = table.take("name").and_then(|entry| read_node_name(&entry, context));
    let path = table.require("path", PATH_HELP).and_then(|entry| path_setting::read(&entry, PATH_HELP, context));
    // An invalid `format` already has a diagnostic. Another one about the extension would be misleading.
    let format_is_set = table.has("format");
    let format = format::read_format(&mut table, context);
    let compression = format::read_compression(&mut table, context);
    let columns = columns::read(&mut table, context);
    let projection = projection::read(&mut table, context);
    let route = route::read(&mut table, context);
    table.finish(context);

    let path = path?;
    let format = if format_is_set { format? } else { format_from_extension(&path, Direction::Input, context)? };
    let source = SourceTable { location, name, path, format, compression, columns, projection, route, format_is_set };
    if let Some(diagnostic) = source.mismatch() {
        context.push(diagnostic);
    }
    Some(source)
}

/// Determines the format by the file extension. The location of the result is that of the path.
pub(super) fn format_from_extension(
    path: &Located<PathSetting>,
    direction: Direction,
    context: &mut ParseContext<'_>,
) -> Option<Located<Format>> {
    match format::from_extension(path, direction) {
        Ok(format) => Some(Located::new(format, path.location.clone())),
        Err(diagnostic) => {
            context.push(diagnostic);
            None
        }
    }
}

impl SourceTable {
    /// Returns a diagnostic if `columns` and the format do not go together.
    pub(super) fn mismatch(&self) -> Option<Diagnostic> {
        self.columns.as_ref().and_then(|columns| columns::check_format(&columns.location, self.format.value))
    }
}
