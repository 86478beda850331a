//! `[[sink]]`: where rows go.

use super::check::Check;
use super::combine::{self, Combine};
use super::format::{self, Direction};
use super::from::{self, FromTable};
use super::location::{self, Location};
use super::name::read_node_name;
use super::place::{Place, Placed};
use super::projection::{self, ProjectionTable};
use super::source::by_ending;
use super::table::Table;
use crate::format::{Compression, Format};

/// A table `[[sink]]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SinkTable {
    /// The table's header.
    pub(crate) place: Place,
    /// What messages call it.
    pub(crate) name: Option<Placed<String>>,
    /// The file.
    pub(crate) path: Placed<Location>,
    /// The format, set or by the path's ending.
    pub(crate) format: Placed<Format>,
    /// The compression, where it is set; otherwise the path's ending says.
    pub(crate) compression: Option<Placed<Compression>>,
    /// The steps or sources whose rows it takes; none for the last step.
    pub(crate) from: Option<Vec<FromTable>>,
    /// How the rows of several parents become one.
    pub(crate) combine: Option<Placed<Combine>>,
    /// What becomes of the columns that come in.
    pub(crate) view: ProjectionTable,
    /// Whether `format` was set, rather than taken from the path.
    pub(super) format_is_set: bool,
}

const PATH_HELP: &str = "add `path = \"output.jsonl\"`: a file, or `-` for standard output";

pub(super) fn read(mut table: Table<'_>, check: &mut Check<'_>) -> Option<SinkTable> {
    let place = table.place();
    let name = table.take("name").and_then(|entry| read_node_name(&entry, check));
    let path = table.require("path", PATH_HELP).and_then(|entry| location::read(&entry, PATH_HELP, check));
    let format_is_set = table.has("format");
    let format = format::read_format(&mut table, check);
    let compression = format::read_compression(&mut table, check);
    let from = from::read(&mut table, check);
    let combine = combine::read(&mut table, check);
    let view = projection::read(&mut table, check);
    table.finish(check);

    let path = path?;
    let format = if format_is_set { format? } else { by_ending(&path, Direction::Output, check)? };
    Some(SinkTable { place, name, path, format, compression, from, combine, view, format_is_set })
}
