//! `[[source]]`: where rows come from.

use super::check::Check;
use super::columns::{self, ColumnSetting};
use super::diagnostic::Diagnostic;
use super::format::{self, Direction};
use super::location::{self, Location};
use super::name::read_node_name;
use super::place::{Place, Placed};
use super::projection::{self, ProjectionTable};
use super::route::{self, RouteTable};
use super::table::Table;
use crate::format::{Compression, Format};

/// A table `[[source]]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SourceTable {
    /// The table's header.
    pub(crate) place: Place,
    /// What steps call it in `from`.
    pub(crate) name: Option<Placed<String>>,
    /// The file, or the pattern that finds its files.
    pub(crate) path: Placed<Location>,
    /// The format, set or by the path's ending.
    pub(crate) format: Placed<Format>,
    /// The compression, where it is set; otherwise each file's ending says.
    pub(crate) compression: Option<Placed<Compression>>,
    /// The columns that are declared.
    pub(crate) columns: Option<Placed<Vec<ColumnSetting>>>,
    /// What becomes of the columns that come out of it.
    pub(crate) view: ProjectionTable,
    /// Which of the children gets a row; none for all of them.
    pub(crate) route: Option<RouteTable>,
    /// Whether `format` was set, rather than taken from the path.
    pub(super) format_is_set: bool,
}

const PATH_HELP: &str =
    "add `path = \"input.jsonl\"`: a file, a pattern such as `data/*.csv`, or `-` for standard input";

pub(super) fn read(mut table: Table<'_>, check: &mut Check<'_>) -> Option<SourceTable> {
    let place = table.place();
    let name = table.take("name").and_then(|entry| read_node_name(&entry, check));
    let path = table.require("path", PATH_HELP).and_then(|entry| location::read(&entry, PATH_HELP, check));
    // A format that is there but wrong has its complaint; the ending is then no one's fault.
    let format_is_set = table.has("format");
    let format = format::read_format(&mut table, check);
    let compression = format::read_compression(&mut table, check);
    let columns = columns::read(&mut table, check);
    let view = projection::read(&mut table, check);
    let route = route::read(&mut table, check);
    table.finish(check);

    let path = path?;
    let format = if format_is_set { format? } else { by_ending(&path, Direction::Input, check)? };
    let source = SourceTable { place, name, path, format, compression, columns, view, route, format_is_set };
    if let Some(diagnostic) = source.mismatch() {
        check.push(diagnostic);
    }
    Some(source)
}

/// The format by the path's ending, standing at the path.
pub(super) fn by_ending(
    path: &Placed<Location>,
    direction: Direction,
    check: &mut Check<'_>,
) -> Option<Placed<Format>> {
    match format::of_location(path, direction) {
        Ok(format) => Some(Placed::new(format, path.place.clone())),
        Err(diagnostic) => {
            check.push(diagnostic);
            None
        }
    }
}

impl SourceTable {
    /// What is wrong with the settings together.
    pub(super) fn mismatch(&self) -> Option<Diagnostic> {
        self.columns.as_ref().and_then(|columns| columns::fit(&columns.place, self.format.value))
    }
}
