//! `model` and `models` of a step.

use super::location::Located;
use super::names;
use super::parse_context::ParseContext;
use super::table::Table;

/// The parts that models play in a step, each with the name of its model.
pub(crate) type ModelsTable = Vec<(String, Located<String>)>;

/// The part of the only model of a step.
const DEFAULT_ROLE: &str = "default";

/// Reads `model` or `models` of a step.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> ModelsTable {
    let one = table.take("model").and_then(|entry| entry.string(context));
    let Some(entry) = table.take("models") else {
        return one.map(|name| (DEFAULT_ROLE.to_owned(), name)).into_iter().collect();
    };
    if one.is_some() {
        let help = "write `models = { default = \"NAME\", ... }` alone";
        context.push(entry.diagnostic("a step has either `model` or `models`").help(help));
    }
    names::read_entries(&entry, context).into_iter().map(|(role, name)| (role.value, name)).collect()
}
