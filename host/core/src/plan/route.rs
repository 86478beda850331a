//! Routes: the children that take each row.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::ArrowError;

use super::graph::GraphNode;
use super::node_schema::{NodeSchema, describe};
use crate::batch::as_contract;
use crate::config::route::{RouteRule, RouteTable};
use crate::config::{Diagnostic, nearest};
use crate::data_type::DataType;
use crate::format::NonFinite;

/// How the rows of a node are distributed among its children.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    /// In turn, by the number of the row in its input.
    RoundRobin { children: usize, count: usize },
    /// At random, by the number of the row in its input and the seed.
    Sample { children: usize, count: usize, seed: u64 },
    /// By the text of a column.
    Column { column: usize, name: Arc<str>, cases: Vec<(Arc<str>, usize)>, otherwise: usize },
}

impl Route {
    /// Returns the indexes of the rows that go to a child. `number` maps an index to the number of the row in its input.
    ///
    /// # Errors
    /// The column cannot be converted to text.
    pub(crate) fn rows(
        &self,
        child: usize,
        rows: &RecordBatch,
        number: impl Fn(usize) -> u64,
    ) -> Result<Vec<u32>, ArrowError> {
        let all = 0..rows.num_rows();
        let chosen =
            |goes: &dyn Fn(usize) -> bool| all.clone().filter(|row| goes(*row)).map(|row| row as u32).collect();
        Ok(match self {
            Self::RoundRobin { children, count } => chosen(&|row| {
                let first = (u128::from(number(row)) * *count as u128 % *children as u128) as usize;
                (child + children - first) % children < *count
            }),
            Self::Sample { children, count, seed } => {
                chosen(&|row| is_drawn(*seed, number(row), *children, *count, child))
            }
            // For an empty input only the route may ask for the column. Rows that an aggregate creates then lack it.
            Self::Column { column, otherwise, .. } if *column >= rows.num_columns() => chosen(&|_| *otherwise == child),
            Self::Column { column, cases, otherwise, .. } => {
                let texts = as_text(rows, *column)?;
                let texts = texts.as_string::<i32>();
                chosen(&|row| {
                    let case = texts.is_valid(row).then(|| texts.value(row));
                    let case = case.and_then(|value| cases.iter().find(|(case, _)| **case == *value));
                    case.map_or(*otherwise, |(_, child)| *child) == child
                })
            }
        })
    }

    /// Returns the index of the column that it reads, if it reads one.
    pub(super) fn column(&self) -> Option<usize> {
        match self {
            Self::RoundRobin { .. } | Self::Sample { .. } => None,
            Self::Column { column, .. } => Some(*column),
        }
    }

    /// Describes the rows that go to a child, such as `lang = en` or `sample, 1 of 3`.
    pub(crate) fn describe(&self, child: usize) -> String {
        match self {
            Self::RoundRobin { children, count } => format!("round-robin, {count} of {children}"),
            Self::Sample { children, count, .. } => format!("sample, {count} of {children}"),
            Self::Column { name, cases, otherwise, .. } => {
                let cases = cases.iter().filter(|(_, of)| *of == child).map(|(case, _)| format!("{name} = {case}"));
                let rest = (*otherwise == child).then(|| "otherwise".to_owned());
                cases.chain(rest).collect::<Vec<_>>().join(" or ")
            }
        }
    }
}

/// Returns the texts of a column, in the form in which a step reads them.
fn as_text(rows: &RecordBatch, column: usize) -> Result<ArrayRef, ArrowError> {
    let field = rows.schema_ref().field(column);
    as_contract(rows.column(column), field, DataType::Text, NonFinite::Error)
        .map_err(|error| ArrowError::CastError(error.to_string()))
}

/// Whether a child is among the `count` of `children` that are drawn for a row.
///
/// The draw is the start of a Fisher-Yates shuffle with numbers of `SplitMix64` (Steele, Lea, Flood: "Fast splittable
/// pseudorandom number generators", 2014). It is implemented here because its results must never change, while those of
/// the `rand` crate change between versions.
fn is_drawn(seed: u64, number: u64, children: usize, count: usize, child: usize) -> bool {
    // Both are mixed, so that neighbouring rows and seeds are unrelated.
    let mut state = mix(seed).wrapping_add(mix(number ^ 0x5851_f42d_4c95_7f2d));
    let mut order: Vec<usize> = (0..children).collect();
    for drawn in 0..count {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let left = (children - drawn) as u128;
        let at = drawn + ((u128::from(mix(state)) * left) >> 64) as usize;
        order.swap(drawn, at);
        if order[drawn] == child {
            return true;
        }
    }
    false
}

/// The output function of `SplitMix64`.
fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

/// Resolves the route of a node with these columns.
pub(super) fn route(
    node: &GraphNode,
    table: &RouteTable,
    node_schema: &NodeSchema,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Route> {
    let children = table.to.len();
    let (column, cases, otherwise) = match &table.by {
        RouteRule::RoundRobin { count } => return Some(Route::RoundRobin { children, count: *count }),
        RouteRule::Sample { count, seed } => return Some(Route::Sample { children, count: *count, seed: *seed }),
        RouteRule::Column { column, cases, otherwise } => (column, cases, otherwise),
    };
    let mut node_schema = node_schema.clone();
    let Some(index) = node_schema.schema.index_of(column).ok().or_else(|| node_schema.assume(column)) else {
        let message = format!("{} has no column \"{}\" for its route", node.title(), column.value);
        let mut diagnostic = Diagnostic::new(column.location.clone(), message);
        if let Some(meant) = nearest(column, node_schema.schema.fields().iter().map(|field| field.name().as_str())) {
            diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
        }
        diagnostics.push(diagnostic.help(format!("it has {}", node_schema.describe())));
        return None;
    };
    let field = node_schema.schema.field(index);
    if !matches!(DataType::from_field(field), Some(DataType::Text | DataType::Integer | DataType::Boolean)) {
        let message = format!("rows cannot be routed by the column {}", describe(field));
        let diagnostic = Diagnostic::new(column.location.clone(), message);
        diagnostics.push(diagnostic.help("use a column of type text, integer or boolean"));
        return None;
    }
    let child = |name: &str| table.to.iter().position(|other| other.value == name).unwrap_or_default();
    let cases = cases.iter().map(|(value, name)| (Arc::from(value.as_str()), child(name))).collect();
    let name = column.value.as_str().into();
    Some(Route::Column { column: index, name, cases, otherwise: child(otherwise) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(route: &Route, child: usize) -> Vec<u32> {
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(12));
        let schema = Arc::new(arrow_schema::Schema::empty());
        let rows = RecordBatch::try_new_with_options(schema, Vec::new(), &options).expect("there is no column");
        route.rows(child, &rows, |row| row as u64).expect("no column is read")
    }

    #[test]
    fn rows_go_around() {
        let one = Route::RoundRobin { children: 3, count: 1 };
        assert_eq!(numbers(&one, 0), [0, 3, 6, 9]);
        assert_eq!(numbers(&one, 2), [2, 5, 8, 11]);
        let two = Route::RoundRobin { children: 3, count: 2 };
        assert_eq!(numbers(&two, 0), [0, 1, 3, 4, 6, 7, 9, 10]);
        assert_eq!(numbers(&two, 1), [0, 2, 3, 5, 6, 8, 9, 11]);
    }

    #[test]
    fn every_row_is_drawn_as_often_as_asked() {
        for count in 1..=4 {
            let route = Route::Sample { children: 4, count, seed: 7 };
            let all: Vec<Vec<u32>> = (0..4).map(|child| numbers(&route, child)).collect();
            for row in 0..12 {
                assert_eq!(all.iter().filter(|rows| rows.contains(&row)).count(), count);
            }
        }
    }

    #[test]
    fn a_draw_never_changes() {
        // These values must never change: a resumed run has to route its rows as the earlier version did.
        let route = Route::Sample { children: 2, count: 1, seed: 7 };
        insta::assert_debug_snapshot!(numbers(&route, 0), @r"
        [
            1,
            6,
            9,
            11,
        ]
        ");
    }
}
