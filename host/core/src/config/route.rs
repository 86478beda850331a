//! `route`: which of the children gets a row.

use toml::de::DeValue;

use super::check::{Check, shortened};
use super::diagnostic::Diagnostic;
use super::names::{self, Names};
use super::place::{Place, Placed};
use super::table::{Entry, Table};

/// A table `route`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RouteTable {
    /// The children that rows are shared out to, each once.
    pub(crate) to: Vec<Placed<String>>,
    /// How.
    pub(crate) by: By,
    /// The key.
    pub(crate) place: Place,
}

/// How a row's children are chosen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum By {
    /// In turn: the row with number `n` goes to `count` children from child `n * count` on, and around.
    RoundRobin { count: usize },
    /// At random: `count` different children for each row, by its number and the seed alone.
    Sample { count: usize, seed: u64 },
    /// By the value in a column.
    Column {
        column: Placed<String>,
        /// From a value, as text, to a child.
        cases: Names,
        /// Who gets the rows with another value, and those with none.
        otherwise: Placed<String>,
    },
}

#[derive(Clone, Copy)]
enum Word {
    RoundRobin,
    Sample,
    Column,
}

/// Reads `route`.
pub(super) fn read(table: &mut Table<'_>, check: &mut Check<'_>) -> Option<RouteTable> {
    let entry = table.take("route")?;
    let DeValue::Table(entries) = entry.value else {
        entry.wrong_type("a table such as `{ to = [\"x\", \"y\"], by = \"round-robin\" }`", check);
        return None;
    };
    let place = Place::Span(entry.key.clone());
    let mut route = Table::new("`route`", entry.span.clone(), entries);
    let words = [("round-robin", Word::RoundRobin), ("sample", Word::Sample), ("column", Word::Column)];
    let by = route
        .require("by", "add how rows are shared out: `by = \"round-robin\"`, \"sample\" or \"column\"")
        .and_then(|entry| entry.choice("route", &words, check));
    let read = match by.map(|by| by.value) {
        Some(Word::Column) => by_column(&mut route, check),
        Some(word) => by_number(&mut route, word, check),
        None => {
            // What the other keys are depends on it, so nothing is said of them.
            for key in ["to", "count", "seed", "column", "cases", "otherwise"] {
                let _ = route.take(key);
            }
            None
        }
    };
    route.finish(check);
    let (to, by) = read?;
    Some(RouteTable { to, by, place })
}

fn by_number(route: &mut Table<'_>, word: Word, check: &mut Check<'_>) -> Option<(Vec<Placed<String>>, By)> {
    let to = route
        .require("to", "add the steps and sinks that rows go to: `to = [\"x\", \"y\"]`")
        .and_then(|entry| children(&entry, check));
    let most = to.as_ref().map_or(1, Vec::len) as u64;
    let count = match route.take("count") {
        Some(entry) => entry.integer(1..=most, check)?.value as usize,
        None => 1,
    };
    let by = match word {
        Word::Sample => {
            let seed = match route.take("seed") {
                Some(entry) => entry.integer(0..=u64::MAX, check)?.value,
                None => 0,
            };
            By::Sample { count, seed }
        }
        Word::RoundRobin | Word::Column => By::RoundRobin { count },
    };
    Some((to?, by))
}

fn by_column(route: &mut Table<'_>, check: &mut Check<'_>) -> Option<(Vec<Placed<String>>, By)> {
    let column = route
        .require("column", "add the column that decides: `column = \"lang\"`")
        .and_then(|entry| entry.string(check));
    let cases = route
        .require("cases", "add who gets which value: `cases = { en = \"x\" }`")
        .map(|entry| names::read_entries(&entry, check));
    let otherwise = route
        .require("otherwise", "add who gets all other rows: `otherwise = \"y\"`")
        .and_then(|entry| entry.string(check));
    let (column, cases, otherwise) = (column?, cases?, otherwise?);
    let mut to: Vec<Placed<String>> = Vec::new();
    for child in cases.iter().map(|(_, child)| child).chain([&otherwise]) {
        if !to.iter().any(|other| other.value == child.value) {
            to.push(child.clone());
        }
    }
    Some((to, By::Column { column, cases, otherwise }))
}

fn children(entry: &Entry<'_>, check: &mut Check<'_>) -> Option<Vec<Placed<String>>> {
    let names = names::read_list(entry, check)?;
    if let [] | [_] = names.as_slice() {
        let only = names.first().map_or_else(String::new, |name| format!(" but \"{}\"", shortened(name)));
        let message = format!("{} names nobody{only}, so that there is nothing to choose", entry.name);
        check.push(Diagnostic::new(Place::Span(entry.span.clone()), message).help("name two steps or sinks, or more"));
        return None;
    }
    Some(names)
}
