//! `route`: which children take each row of a node.

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::location::{ConfigLocation, Located};
use super::names::{self, NameMap};
use super::parse_context::{ParseContext, shortened};
use super::table::{Table, TableEntry};

/// The table `route`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RouteTable {
    /// The children that take rows, each once.
    pub(crate) to: Vec<Located<String>>,
    /// The rule that selects the children of a row.
    pub(crate) by: RouteRule,
    /// The location of the key.
    pub(crate) location: ConfigLocation,
}

/// The rule that selects the children of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RouteRule {
    /// In turn: row `n` goes to `count` children, from child `n * count` modulo the number of children.
    RoundRobin { count: usize },
    /// At random: `count` distinct children per row, which depend on the number of the row and the seed alone.
    Sample { count: usize, seed: u64 },
    /// By the value in a column.
    Column {
        column: Located<String>,
        /// From the text of a value to a child.
        cases: NameMap,
        /// The child that takes rows with any other value or null.
        otherwise: Located<String>,
    },
}

#[derive(Clone, Copy)]
enum RouteKind {
    RoundRobin,
    Sample,
    Column,
}

/// Reads `route`.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<RouteTable> {
    let entry = table.take("route")?;
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ to = [\"x\", \"y\"], by = \"round-robin\" }`", context);
        return None;
    };
    let location = ConfigLocation::Span(entry.key.clone());
    let mut route = Table::new("`route`", entry.span.clone(), entries);
    let kinds = [("round-robin", RouteKind::RoundRobin), ("sample", RouteKind::Sample), ("column", RouteKind::Column)];
    let by = route
        .require("by", "add the rule that distributes rows: `by = \"round-robin\"`, \"sample\" or \"column\"")
        .and_then(|entry| entry.choice("route", &kinds, context));
    let read = match by.map(|by| by.value) {
        Some(RouteKind::Column) => by_column(&mut route, context),
        Some(kind) => by_number(&mut route, kind, context),
        None => {
            // The meaning of the other keys depends on `by`, so they are marked as known and not checked.
            for key in ["to", "count", "seed", "column", "cases", "otherwise"] {
                let _ = route.take(key);
            }
            None
        }
    };
    route.finish(context);
    let (to, by) = read?;
    Some(RouteTable { to, by, location })
}

fn by_number(
    route: &mut Table<'_>,
    kind: RouteKind,
    context: &mut ParseContext<'_>,
) -> Option<(Vec<Located<String>>, RouteRule)> {
    let to = route
        .require("to", "add the steps and sinks that rows go to: `to = [\"x\", \"y\"]`")
        .and_then(|entry| children(&entry, context));
    let most = to.as_ref().map_or(1, Vec::len) as u64;
    let count = match route.take("count") {
        Some(entry) => entry.integer(1..=most, context)?.value as usize,
        None => 1,
    };
    let by = match kind {
        RouteKind::Sample => {
            let seed = match route.take("seed") {
                Some(entry) => entry.integer(0..=u64::MAX, context)?.value,
                None => 0,
            };
            RouteRule::Sample { count, seed }
        }
        RouteKind::RoundRobin | RouteKind::Column => RouteRule::RoundRobin { count },
    };
    Some((to?, by))
}

fn by_column(route: &mut Table<'_>, context: &mut ParseContext<'_>) -> Option<(Vec<Located<String>>, RouteRule)> {
    let column = route
        .require("column", "add the column that decides: `column = \"lang\"`")
        .and_then(|entry| entry.string(context));
    let cases = route
        .require("cases", "add the step or sink for each value: `cases = { en = \"x\" }`")
        .map(|entry| names::read_entries(&entry, context));
    let otherwise = route
        .require("otherwise", "add the step or sink for all other rows: `otherwise = \"y\"`")
        .and_then(|entry| entry.string(context));
    let (column, cases, otherwise) = (column?, cases?, otherwise?);
    let mut to: Vec<Located<String>> = Vec::new();
    for child in cases.iter().map(|(_, child)| child).chain([&otherwise]) {
        if !to.iter().any(|other| other.value == child.value) {
            to.push(child.clone());
        }
    }
    Some((to, RouteRule::Column { column, cases, otherwise }))
}

fn children(entry: &TableEntry<'_>, context: &mut ParseContext<'_>) -> Option<Vec<Located<String>>> {
    let names = names::read_list(entry, context)?;
    if let [] | [_] = names.as_slice() {
        let only = names.first().map_or_else(String::new, |name| format!(", but names only \"{}\"", shortened(name)));
        let message = format!("{} must name at least two steps or sinks{only}", entry.name);
        context.push(
            Diagnostic::new(ConfigLocation::Span(entry.span.clone()), message)
                .help("name two or more, or remove `route`"),
        );
        return None;
    }
    Some(names)
}
