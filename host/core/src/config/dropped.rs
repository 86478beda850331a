//! `[dropped]`: the file for a sample of the rows that steps drop.

use super::location::Located;
use super::parse_context::{ParseContext, shortened};
use super::path_setting::{self, PathSetting};
use super::table::{Table, TableEntry};

/// The most rows of a sample by default: enough to read.
const DEFAULT_SAMPLE: u64 = 100;
/// The largest sample. The rows of a batch that are in it are in memory until the batch is written.
const MAX_SAMPLE: u64 = 100_000;

/// The table `[dropped]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DroppedTable {
    /// The file: JSON Lines, compressed according to its extension. Never `-`.
    pub(crate) path: Located<PathSetting>,
    /// The most rows that are written for each step, or for each reason.
    pub(crate) sample: u64,
    pub(crate) by: SampleBy,
}

/// Which rows a sample has so many of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SampleBy {
    /// The rows that a step drops.
    Step,
    /// The rows that a step drops for one reason.
    Reason,
}

const PATH_HELP: &str = "add `path = \"dropped.jsonl\"`: a file for some of the rows that steps drop, with the reasons";

pub(super) fn read(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<DroppedTable> {
    let path = table.require("path", PATH_HELP);
    let path = path.and_then(|entry| path_setting::read_json_lines(&entry, "dropped rows", PATH_HELP, context));
    let sample = table
        .take("sample")
        .map_or(Some(DEFAULT_SAMPLE), |entry| entry.integer(1..=MAX_SAMPLE, context).map(|sample| sample.value));
    let by = table.take("by").map_or(Some(SampleBy::Step), |entry| read_by(&entry, context));
    table.finish(context);
    Some(DroppedTable { path: path?, sample: sample?, by: by? })
}

fn read_by(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<SampleBy> {
    let written = entry.string(context)?;
    match written.as_str() {
        "step" => return Some(SampleBy::Step),
        "reason" => return Some(SampleBy::Reason),
        _ => {}
    }
    let message = format!("{} is \"{}\", which is neither \"step\" nor \"reason\"", entry.name, shortened(&written));
    let help = "write \"step\" for a sample of each step, or \"reason\" for one of each reason of a step";
    context.push(entry.diagnostic(message).label("expected \"step\" or \"reason\"").help(help));
    None
}
