//! `format` and `compression`: the format of a file whose extension does not determine it.

use super::diagnostic::Diagnostic;
use super::location::Located;
use super::parse_context::{ParseContext, shortened};
use super::path_setting::PathSetting;
use super::table::Table;
use crate::format::{Compression, Format};

/// The direction of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From a file into the pipeline.
    Input,
    /// From the pipeline into a file.
    Output,
}

/// Reads `format`, one of the names of the formats that can be read or written.
pub(super) fn read_format(
    table: &mut Table<'_>,
    direction: Direction,
    context: &mut ParseContext<'_>,
) -> Option<Located<Format>> {
    let formats: &[Format] = match direction {
        Direction::Input => &Format::READ,
        Direction::Output => &Format::WRITTEN,
    };
    let choices: Vec<_> = formats.iter().map(|format| (format.name(), *format)).collect();
    table.take("format")?.choice("format", &choices, context)
}

/// Reads `compression`, one of the names of the compressions that can be read or written.
pub(super) fn read_compression(
    table: &mut Table<'_>,
    direction: Direction,
    context: &mut ParseContext<'_>,
) -> Option<Located<Compression>> {
    let compressions: &[Compression] = match direction {
        Direction::Input => &Compression::READ,
        Direction::Output => &Compression::WRITTEN,
    };
    let choices: Vec<_> = compressions.iter().map(|compression| (compression.name(), *compression)).collect();
    table.take("compression")?.choice("compression", &choices, context)
}

/// Determines the format from the file extension.
///
/// # Errors
/// The extension is unknown, or the path is `-`. The diagnostic asks for `format`.
pub(super) fn from_extension(path: &Located<PathSetting>, direction: Direction) -> Result<Format, Diagnostic> {
    let (stream, table, formats) = match direction {
        Direction::Input => ("standard input", "[[source]]", "json, csv, parquet or arrow"),
        Direction::Output => ("standard output", "[[sink]]", "csv, parquet or arrow"),
    };
    if path.is_standard() {
        return Err(Diagnostic::new(path.location.clone(), format!("the format of {stream} is not known"))
            .label("no file extension")
            .help(format!("add `format = \"jsonl\"` to {table}, or {formats}")));
    }
    let format = match direction {
        Direction::Input => path.alternatives().iter().find_map(|path| Format::from_input_path(path)),
        Direction::Output => Format::from_path(&path.written),
    };
    format.ok_or_else(|| {
        let written = path.written.display().to_string();
        Diagnostic::new(
            path.location.clone(),
            format!("cannot determine the format of `{}` from its file extension", shortened(&written)),
        )
        .label("unknown file extension")
        .help(match direction {
            Direction::Input => format!(
                "set `format` in {table} to jsonl, {formats}, or use a file extension such as .jsonl, .json, .csv, .tsv, \
                 .parquet or .arrow, followed by .gz, .zst, .bz2 or .xz if the file is compressed"
            ),
            Direction::Output => format!(
                "set `format` in {table} to jsonl, {formats}, or use a file extension such as .jsonl, .csv, .parquet or \
                 .arrow, followed by .gz or .zst if the file is compressed"
            ),
        })
    })
}
