//! `[rejects]`: the file for rejected rows, and the maximum number of them.

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::entry::whole;
use super::location::{ConfigLocation, Located};
use super::parse_context::{ParseContext, shortened};
use super::path_setting::{self, PathSetting};
use super::source::SourceTable;
use super::step::StepTable;
use super::table::Table;
use crate::policy::{MaxRejects, Then};
use crate::units::parse_whole_number;

/// The table `[rejects]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RejectsTable {
    /// The reject file: JSON Lines, compressed according to its extension. Never `-`.
    pub(crate) path: Located<PathSetting>,
    /// The maximum number of rejected rows in a run that succeeds. `None` for any number.
    pub(crate) max_rejects: Option<Located<MaxRejects>>,
}

const PATH_HELP: &str = "add `path = \"rejects.jsonl\"`: a file for the rows that do not pass, with their failures";

/// The diagnostic for a missing `[rejects]`. `None` if neither a source nor a step rejects rows.
pub(super) fn needed(sources: &[SourceTable], steps: &[StepTable]) -> Option<Diagnostic> {
    let source = sources.iter().find(|source| source.rejects()).and_then(|source| source.on_bad_row.as_ref());
    let step = steps.iter().find(|step| step.on_failure.then() == Then::Reject);
    let (location, what) = match (source, step) {
        (Some(action), _) => (&action.location, "a source".to_owned()),
        (None, Some(step)) => (&step.on_failure.location, format!("step \"{}\"", *step.name)),
        (None, None) => return None,
    };
    let message = format!("{what} rejects rows, but the pipeline has no [rejects]");
    let diagnostic = Diagnostic::new(location.clone(), message).label("rejects rows");
    Some(diagnostic.help("add a line [rejects] and a line such as `path = \"rejects.jsonl\"`"))
}

pub(super) fn read(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<RejectsTable> {
    let path = table.require("path", PATH_HELP);
    let path = path.and_then(|entry| path_setting::read_json_lines(&entry, "rejected rows", PATH_HELP, context));
    let max_rejects = table.take("max-rejects").map(|entry| {
        let location = ConfigLocation::Span(entry.span.clone());
        read_max_rejects(&entry.name, entry.value, &location)
            .map(|max_rejects| Located::new(max_rejects, location))
            .map_err(|diagnostic| context.push(diagnostic))
    });
    table.finish(context);
    Some(RejectsTable { path: path?, max_rejects: max_rejects.transpose().ok()? })
}

/// Reads the maximum number of rejected rows: an integer, or a string with a number of rows or a percentage of the rows
/// read.
pub(super) fn read_max_rejects(
    name: &str,
    value: &DeValue<'_>,
    location: &ConfigLocation,
) -> Result<MaxRejects, Diagnostic> {
    const FORMS: &str = "write a number of rows, such as 100, or a percentage of the rows read, such as \"1%\"";
    let text = match value {
        DeValue::String(text) => text,
        DeValue::Integer(_) => return whole(name, value, location, &(0..=u64::MAX)).map(MaxRejects::Rows),
        other => {
            return Err(
                super::entry::wrong_type(name, other, location.clone(), "a number of rows or a percentage").help(FORMS)
            );
        }
    };
    let wrong = match parse(text) {
        Ok(max_rejects) => return Ok(max_rejects),
        Err(wrong) => wrong,
    };
    let message = format!("{name} is \"{}\", which {wrong}", shortened(text));
    Err(Diagnostic::new(location.clone(), message).label("expected a number of rows or a percentage").help(FORMS))
}

fn parse(text: &str) -> Result<MaxRejects, &'static str> {
    const NEITHER: &str = "is neither a number of rows nor a percentage";
    let Some(share) = text.trim().strip_suffix('%') else {
        return parse_whole_number(text.trim()).map(MaxRejects::Rows).map_err(|_| NEITHER);
    };
    let share = share.trim_end();
    // Rust also parses `inf` and `1e3` as numbers; both would be mistakes here.
    let is_plain =
        share.starts_with(|c: char| c.is_ascii_digit()) && share.chars().all(|c| c.is_ascii_digit() || c == '.');
    match share.parse::<f64>() {
        Ok(percent) if is_plain && percent <= 100.0 => Ok(MaxRejects::Percent(percent)),
        Ok(_) if is_plain => Err("is more than 100%"),
        _ => Err(NEITHER),
    }
}
