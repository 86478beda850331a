//! `format` and `compression`: the format of a file whose extension does not determine it.

use std::path::Path;

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

/// Reads `format`, one of the names in [`Format::ALL`].
pub(super) fn read_format(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<Format>> {
    let choices = Format::ALL.map(|format| (format.name(), format));
    table.take("format")?.choice("format", &choices, context)
}

/// Reads `compression`, one of the names in [`Compression::ALL`].
pub(super) fn read_compression(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<Located<Compression>> {
    let choices = Compression::ALL.map(|compression| (compression.name(), compression));
    table.take("compression")?.choice("compression", &choices, context)
}

/// Determines the format from the file extension.
///
/// # Errors
/// The extension is unknown, or the path is `-`. The diagnostic asks for `format`.
pub(super) fn from_extension(path: &Located<PathSetting>, direction: Direction) -> Result<Format, Diagnostic> {
    let (stream, table) = match direction {
        Direction::Input => ("standard input", "[[source]]"),
        Direction::Output => ("standard output", "[[sink]]"),
    };
    if path.is_standard() {
        return Err(Diagnostic::new(path.location.clone(), format!("the format of {stream} is not known"))
            .label("no file extension")
            .help(format!("add `format = \"jsonl\"` to {table}, or csv, parquet or arrow")));
    }
    Format::from_path(&path.written).ok_or_else(|| {
        let written = path.written.display().to_string();
        let diagnostic = Diagnostic::new(
            path.location.clone(),
            format!("cannot determine the format of `{}` from its file extension", shortened(&written)),
        )
        .label("unknown file extension");
        diagnostic.help(if direction == Direction::Input && ends_in_json(&path.written) {
            format!(
                "if it contains one JSON object per line, set `format = \"jsonl\"` in {table}; a file with a single JSON array \
                 must be converted to JSON Lines"
            )
        } else {
            format!(
                "set `format` in {table} to jsonl, csv, parquet or arrow, or use a file extension such as .jsonl, .csv, .parquet or \
                 .arrow, followed by .gz or .zst if the file is compressed"
            )
        })
    })
}

fn ends_in_json(path: &Path) -> bool {
    let stem = match Compression::from_path(path) {
        Compression::None => path.to_path_buf(),
        Compression::Gzip | Compression::Zstd => path.with_extension(""),
    };
    stem.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}
