//! `select`, `drop` and `rename`: which columns go on, and under which names.

use super::diagnostic::Diagnostic;
use super::location::Located;
use super::names::{self, NameMap};
use super::parse_context::ParseContext;
use super::table::Table;

/// What becomes of the columns of an edge. The default lets all pass.
///
/// `select` and `drop` use the names that come in; `rename` is applied last.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ProjectionTable {
    /// The columns that pass, in this order; none for all.
    pub(crate) select: Option<Vec<Located<String>>>,
    /// Columns that do not pass.
    pub(crate) drop: Vec<Located<String>>,
    /// From old names to new ones.
    pub(crate) rename: NameMap,
}

impl ProjectionTable {
    /// Whether every column passes as it is.
    pub(crate) fn is_identity(&self) -> bool {
        self.select.is_none() && self.drop.is_empty() && self.rename.is_empty()
    }
}

/// Reads `select`, `drop` and `rename`.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> ProjectionTable {
    let select = table.take("select");
    let drop = table.take("drop");
    if let (Some(_), Some(drop)) = (&select, &drop) {
        let message = format!("{} stands beside `select`, which says already what passes", drop.name);
        context.push(drop.diagnostic(message).help("keep one of the two"));
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
    Diagnostic::new(diagnostic.location, format!("{name} is empty, so that no column would pass"))
        .help("name the columns that go on, or leave it out")
}
