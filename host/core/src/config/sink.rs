//! `[[sink]]`: an output of the pipeline.

use super::combine::{self, Combine};
use super::diagnostic::Diagnostic;
use super::format::{self, Direction};
use super::from::{self, FromTable};
use super::location::{ConfigLocation, Located};
use super::name::read_node_name;
use super::parse_context::ParseContext;
use super::path_setting::{self, PathSetting};
use super::projection::{self, ProjectionTable};
use super::table::Table;
use crate::format::{Compression, Format, NonFinite};

/// The table `[[sink]]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SinkTable {
    /// The location of the table's header.
    pub(crate) location: ConfigLocation,
    /// The name in messages.
    pub(crate) name: Option<Located<String>>,
    /// The path of the file.
    pub(crate) path: Located<PathSetting>,
    /// The format: the value of `format`, or determined by the file extension.
    pub(crate) format: Located<Format>,
    /// The value of `compression`. `None` to determine it by the file extension.
    pub(crate) compression: Option<Located<Compression>>,
    /// The form of numbers that are not finite. `None` for the default of the format.
    pub(crate) nan: Option<Located<NonFinite>>,
    /// The steps or sources whose rows it takes. `None` for the last step.
    pub(crate) from: Option<Vec<FromTable>>,
    /// How the rows of several parents are combined.
    pub(crate) combine: Option<Located<Combine>>,
    /// Applied to the incoming columns.
    pub(crate) projection: ProjectionTable,
    /// Whether `format` is set in the file, rather than determined by the path.
    pub(super) format_is_set: bool,
}

const PATH_HELP: &str = "add `path = \"output.jsonl\"`: a file, or `-` for standard output";

pub(super) fn read(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<SinkTable> {
    let location = table.location();
    let name = table.take("name").and_then(|entry| read_node_name(&entry, context));
    let path = table.require("path", PATH_HELP).and_then(|entry| path_setting::read(&entry, PATH_HELP, context));
    let format_is_set = table.has("format");
    let format = format::read_format(&mut table, Direction::Output, context);
    let compression = format::read_compression(&mut table, Direction::Output, context);
    let nan = read_nan(&mut table, context);
    let from = from::read(&mut table, context);
    let combine = combine::read(&mut table, context);
    let projection = projection::read(&mut table, context);
    table.finish(context);

    let path = path?;
    let format = if format_is_set { format? } else { format_from_extension(&path, context)? };
    let sink = SinkTable { location, name, path, format, compression, nan, from, combine, projection, format_is_set };
    for diagnostic in sink.mismatches() {
        context.push(diagnostic);
    }
    Some(sink)
}

impl SinkTable {
    /// Returns diagnostics about keys that do not go together with the format, and about the file extension.
    pub(super) fn mismatches(&self) -> Vec<Diagnostic> {
        let format = self.format.value;
        let extension = self.compression.is_none().then(|| check_extension(&self.path)).flatten();
        let is_binary = matches!(format, Format::Parquet | Format::Arrow);
        let nan = self.nan.as_ref().filter(|_| is_binary).map(|nan| {
            let message = format!("`nan` in [[sink]] applies to jsonl and csv only, but this sink is {format}");
            let help = format!("remove the key: {format} has NaN and infinity");
            Diagnostic::new(nan.location.clone(), message).help(help)
        });
        extension.into_iter().chain(nan).chain(is_binary.then(|| self.compressed_twice()).flatten()).collect()
    }

    /// Returns a diagnostic if a format that compresses its own data is to be compressed as a whole.
    fn compressed_twice(&self) -> Option<Diagnostic> {
        let format = self.format.value;
        let (compression, location, help) = match &self.compression {
            Some(set) => (set.value, &set.location, "remove the key"),
            None if self.path.is_standard() => return None,
            None => {
                let from_extension = Compression::from_output_path(&self.path.written);
                (from_extension, &self.path.location, "remove the file extension of the compression")
            }
        };
        (compression != Compression::None).then(|| {
            let message = format!("cannot write {format} inside {compression}: {format} compresses its own data");
            Diagnostic::new(location.clone(), message).help(help)
        })
    }
}

/// Reads `nan`: `"error"` or `"null"`.
fn read_nan(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<NonFinite>> {
    let choices = [("error", NonFinite::Error), ("null", NonFinite::Null)];
    table.take("nan")?.choice("treatment of NaN", &choices, context)
}

/// Determines the format by the file extension. The location of the result is that of the path.
fn format_from_extension(path: &Located<PathSetting>, context: &mut ParseContext<'_>) -> Option<Located<Format>> {
    match format::from_extension(path, Direction::Output) {
        Ok(format) => Some(Located::new(format, path.location.clone())),
        Err(diagnostic) => {
            context.push(diagnostic);
            None
        }
    }
}

/// Returns a diagnostic if the file extension is that of a compression that sinks do not write.
fn check_extension(path: &Located<PathSetting>) -> Option<Diagnostic> {
    let compression = Compression::from_path(&path.written);
    (!path.is_standard() && !Compression::WRITTEN.contains(&compression)).then(|| {
        let message = format!("the file extension says {compression}, which sinks do not write");
        Diagnostic::new(path.location.clone(), message)
            .help("end the path in .gz or .zst, or set `compression = \"none\"` to write a file without compression")
    })
}
