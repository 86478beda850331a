//! `name`: the names of the pipeline and of its sources, steps and sinks.

use super::diagnostic::Diagnostic;
use super::location::Located;
use super::parse_context::{ParseContext, shortened};
use super::table::TableEntry;
use crate::text::is_unfit;

/// The maximum length of a name in bytes. A folder name made of it and a run's id stays below 255 bytes, the limit of
/// file systems.
const MAX_NAME_BYTES: usize = 100;

/// Reads the name of a pipeline. It is part of folder names, so it has no path separators and no leading dot.
pub(super) fn read_pipeline_name(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<Located<String>> {
    let name = entry.string(context)?;
    let wrong = if name.trim() != name.value {
        Some("starts or ends with a space")
    } else if name.starts_with('.') {
        Some("starts with a dot")
    } else if name.contains(['/', '\\']) {
        Some("contains a path separator")
    } else {
        None
    };
    accept(
        entry,
        name,
        wrong,
        "the state of runs is saved in folders with this name; use a name such as \"clean-text\"",
        context,
    )
}

/// Reads the name of a source, step or sink: a letter or digit, then letters, digits, `-` and `_`.
pub(super) fn read_node_name(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<Located<String>> {
    let name = entry.string(context)?;
    let wrong = if !name.starts_with(char::is_alphanumeric) && !name.is_empty() {
        Some("does not start with a letter or digit")
    } else if !name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_') {
        Some("contains something other than letters, digits, `-` and `_`")
    } else {
        None
    };
    let name = accept(entry, name, wrong, "use a name such as \"count-words\"", context)?;
    context.claim_name(&name);
    Some(name)
}

fn accept(
    entry: &TableEntry<'_>,
    name: Located<String>,
    wrong: Option<&str>,
    help: &str,
    context: &mut ParseContext<'_>,
) -> Option<Located<String>> {
    let too_long = format!("is longer than {MAX_NAME_BYTES} bytes");
    let wrong = if name.is_empty() {
        "is empty"
    } else if name.len() > MAX_NAME_BYTES {
        &too_long
    } else if name.contains(is_unfit) {
        "contains a control or invisible character"
    } else if let Some(wrong) = wrong {
        wrong
    } else {
        return Some(name);
    };
    let shown = if name.is_empty() { String::new() } else { format!(" \"{}\"", shortened(&name)) };
    let diagnostic = Diagnostic::new(name.location, format!("{}{shown} {wrong}", entry.name));
    context.push(diagnostic.help(help));
    None
}
