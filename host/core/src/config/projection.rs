//! `select`, `drop` and `rename`: the columns that pass an edge or a node, and their names.

use super::diagnostic::Diagnostic;
use super::location::Located;
use super::names::{self, NameMap};
use super::parse_context::ParseContext;
use super::table::Table;

/// The projection of columns. By default all pass unchanged.
///
/// `select` and `drop` use the incoming names; `rename` is applied last.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProjectionTable {
    /// The columns that pass, in this order. `None` for all.
    pub(crate) select: Option<Vec<Located<String>>>,
    /// The columns that do not pass.
    pub(crate) drop: Vec<Located<String>>,
    /// From old names to new ones.
    pub(crate) rename: NameMap,
}

impl ProjectionTable {
    /// Whether every column passes unchanged.
    pub(crate) fn is_identity(&self) -> bool {
        self.select.is_none() && self.drop.is_empty() && self.rename.is_empty()
    }
}

/// Reads `select`, `drop` and `rename`.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> ProjectionTable {
    let select = table.take("select");
    let drop = table.take("drop");
    if let (Some(_), Some(drop)) = (&select, &drop) {
        let message = format!("{} cannot be combined with `select`", drop.name);
        context.push(drop.diagnostic(message).help("remove one of the two"));
    }
    ProjectionTable {
        select: select.and_then(|entry| {
            let names = names::read_list(&entry, context)?;
            if names.is_empty() {
                context.push(empty(&entry.name, entry.diagnostic("")));
            }
            Some(names)
        }),
        drop: drop.and_then(|entry| names::read_list(&entry, context)).unwrap_or_default(),
        rename: names::read_table(table, "rename", context),
    }
}

fn empty(name: &str, diagnostic: Diagnostic) -> Diagnostic {
    Diagnostic::new(diagnostic.location, format!("{name} is empty, so no column would pass"))
        .help("name the columns that pass, or remove the key")
}
