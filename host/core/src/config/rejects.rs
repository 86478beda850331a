//! `[rejects]`: where rows go that a step rejects, and how many there may be.

use toml::de::DeValue;

use super::check::{Check, shortened};
use super::diagnostic::Diagnostic;
use super::entry::whole;
use super::location::{self, Location};
use super::place::{Place, Placed};
use super::step::StepTable;
use super::table::{Entry, Table};
use crate::format::Format;
use crate::policy::{MaxRejects, Then};
use crate::units::parse_whole_number;

/// The table `[rejects]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RejectsTable {
    /// The reject file: JSON Lines, compressed as its ending says. Never `-`.
    pub(crate) path: Placed<Location>,
    /// How many rows may be rejected in a run that succeeds; none for any number.
    pub(crate) most: Option<Placed<MaxRejects>>,
}

const PATH_HELP: &str = "add `path = \"rejects.jsonl\"`: a file for the rows that do not pass, with their failures";

/// A complaint that rows are rejected and there is no `[rejects]`, where that is so.
pub(super) fn needed(steps: &[StepTable]) -> Option<Diagnostic> {
    let step = steps.iter().find(|step| step.on_failure.then() == Then::Reject)?;
    let message = format!("step \"{}\" rejects rows, and there is no [rejects] that says where they go", *step.name);
    let diagnostic = Diagnostic::new(step.on_failure.place.clone(), message).label("rejects rows");
    Some(diagnostic.help("add a line [rejects] and a line such as `path = \"rejects.jsonl\"`"))
}

pub(super) fn read(mut table: Table<'_>, check: &mut Check<'_>) -> Option<RejectsTable> {
    let path = table.require("path", PATH_HELP).and_then(|entry| read_path(&entry, check));
    let most = table.take("max-rejects").map(|entry| {
        let place = Place::Span(entry.span.clone());
        read_most(&entry.name, entry.value, &place)
            .map(|most| Placed::new(most, place))
            .map_err(|diagnostic| check.push(diagnostic))
    });
    table.finish(check);
    Some(RejectsTable { path: path?, most: most.transpose().ok()? })
}

fn read_path(entry: &Entry<'_>, check: &mut Check<'_>) -> Option<Placed<Location>> {
    let path = location::read(entry, PATH_HELP, check)?;
    let wrong = if path.is_standard() {
        "rejected rows cannot go to standard output".to_owned()
    } else if Format::from_path(&path.written) == Some(Format::JsonLines) {
        return Some(path);
    } else {
        let written = path.written.display().to_string();
        format!("the ending of `{}` is not one of JSON Lines, in which rejected rows are written", shortened(&written))
    };
    let diagnostic = entry.diagnostic(wrong).label("expected a .jsonl file");
    check.push(diagnostic.help("give a file that ends in .jsonl, or in .jsonl.gz or .jsonl.zst to compress it"));
    None
}

/// Reads how many rows may be rejected: a number of rows, or a string with a number of rows or a percentage of the rows
/// that are read.
pub(super) fn read_most(name: &str, value: &DeValue<'_>, place: &Place) -> Result<MaxRejects, Diagnostic> {
    const FORMS: &str = "write a number of rows, such as 100, or a share of the rows that are read, such as \"1%\"";
    let text = match value {
        DeValue::String(text) => text,
        DeValue::Integer(_) => return whole(name, value, place, &(0..=u64::MAX)).map(MaxRejects::Rows),
        other => {
            return Err(
                super::entry::wrong_type(name, other, place.clone(), "a number of rows or a percentage").help(FORMS)
            );
        }
    };
    let wrong = match parse(text) {
        Ok(most) => return Ok(most),
        Err(wrong) => wrong,
    };
    let message = format!("{name} is \"{}\", which {wrong}", shortened(text));
    Err(Diagnostic::new(place.clone(), message).label("expected a number of rows or a percentage").help(FORMS))
}

fn parse(text: &str) -> Result<MaxRejects, &'static str> {
    const NEITHER: &str = "is neither a number of rows nor a percentage";
    let Some(share) = text.trim().strip_suffix('%') else {
        return parse_whole_number(text.trim()).map(MaxRejects::Rows).map_err(|_| NEITHER);
    };
    let share = share.trim_end();
    // What else Rust reads as a number, such as `inf` and `1e3`, is none here.
    let is_plain =
        share.starts_with(|c: char| c.is_ascii_digit()) && share.chars().all(|c| c.is_ascii_digit() || c == '.');
    match share.parse::<f64>() {
        Ok(percent) if is_plain && percent <= 100.0 => Ok(MaxRejects::Percent(percent)),
        Ok(_) if is_plain => Err("is more than all rows"),
        _ => Err(NEITHER),
    }
}
