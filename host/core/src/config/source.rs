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
    /// The table's header.
    pub(crate) location: ConfigLocation,
    /// What steps call it in `from`.
    pub(crate) name: Option<Located<String>>,
    /// The file, or the pattern that finds its files.
    pub(crate) path: Located<PathSetting>,
    /// The format, set or by the path's ending.
    pub(crate) format: Located<Format>,
    /// The compression, where it is set; otherwise each file's ending says.
    pub(crate) compression: Option<Located<Compression>>,
    /// The columns that are declared.
    pub(crate) columns: Option<Located<Vec<ColumnSetting>>>,
    /// What becomes of the columns that come out of it.
    pub(crate) projection: ProjectionTable,
    /// Which of the children gets a row; none for all of them.
    pub(crate) route: Option<RouteTable>,
    /// Whether `format` was set, rather than taken from the path.
    pub(super) format_is_set: bool,
}

const PATH_HELP: &str =
    "add `path = \"input.jsonl\"`: a file, a pattern such as `data/*.csv`, or `-` for standard input";

pub(super) fn read(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<SourceTable> {
    let location = table.location();
    let name = table.take("name").and_then(|entry| read_node_name(&entry, context));
    let path = table.require("path", PATH_HELP).and_then(|entry| path_setting::read(&entry, PATH_HELP, context));
    // A format that is there but wrong has its complaint; the ending is then no one's fault.
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

/// The format by the path's ending, standing at the path.
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
    /// What is wrong with the settings together.
    pub(super) fn mismatch(&self) -> Option<Diagnostic> {
        self.columns.as_ref().and_then(|columns| columns::check_format(&columns.location, self.format.value))
    }
}
