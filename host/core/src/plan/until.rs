//! `until`: whether a pipeline can have it, and the rows that it accepts.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{ArrowError, SchemaRef};

use super::columns::TypedNode;
use super::graph::{PipelineGraph, Role};
use super::node_schema::describe;
use super::stage_assignment::StageAssignment;
use crate::batch::as_contract;
use crate::component::StepKind;
use crate::config::condition::{Comparison, Condition, Literal};
use crate::config::until::UntilTable;
use crate::config::{Config, Diagnostic, nearest};
use crate::data_type::DataType;
use crate::format::NonFinite;

/// The number of accepted rows with which a run is complete.
#[derive(Debug, Clone)]
pub(crate) struct RowGoal {
    pub(crate) rows: u64,
    /// The maximum number of rows from the source.
    pub(crate) at_most: u64,
    pub(crate) filter: Arc<RowFilter>,
}

/// The rows that are accepted.
#[derive(Debug)]
pub(crate) enum RowFilter {
    All,
    /// Those whose value in a column compares to a literal. A null and NaN compare to none.
    Column {
        column: usize,
        comparison: Comparison,
        literal: Literal,
    },
}

impl RowFilter {
    /// Returns the indexes of the accepted rows.
    ///
    /// # Errors
    /// A value of the column does not fit the type with which it is compared.
    pub(crate) fn rows(&self, rows: &RecordBatch) -> Result<Vec<u32>, ArrowError> {
        let all = 0..rows.num_rows() as u32;
        let Self::Column { column, comparison, literal } = self else { return Ok(all.collect()) };
        let field = rows.schema_ref().field(*column);
        let kind = DataType::from_field(field).unwrap_or(DataType::Text);
        let values = as_contract(rows.column(*column), field, kind, NonFinite::Error)
            .map_err(|error| ArrowError::CastError(error.to_string()))?;
        let ordering = |row: usize| match (kind, literal) {
            (DataType::Boolean, Literal::Boolean(literal)) => Some(values.as_boolean().value(row).cmp(literal)),
            (DataType::Integer, Literal::Integer(literal)) => {
                Some(values.as_primitive::<Int64Type>().value(row).cmp(literal))
            }
            (DataType::Integer, Literal::Float(literal)) => {
                Some(compare(values.as_primitive::<Int64Type>().value(row), *literal))
            }
            (DataType::Float, Literal::Float(literal)) => {
                values.as_primitive::<Float64Type>().value(row).partial_cmp(literal)
            }
            (DataType::Float, Literal::Integer(literal)) => {
                let value = values.as_primitive::<Float64Type>().value(row);
                (!value.is_nan()).then(|| compare(*literal, value).reverse())
            }
            (DataType::Text, Literal::Text(literal)) => {
                Some(values.as_string::<i32>().value(row).cmp(literal.as_str()))
            }
            _ => None,
        };
        let is_accepted =
            |row: usize| values.is_valid(row) && ordering(row).is_some_and(|ordering| comparison.holds(ordering));
        Ok(all.filter(|row| is_accepted(*row as usize)).collect())
    }
}

/// Compares an integer with a float that is not NaN, exactly.
fn compare(integer: i64, float: f64) -> Ordering {
    /// 2^63, the first float above all integers.
    const ABOVE: f64 = 9_223_372_036_854_775_808.0;
    if float >= ABOVE {
        return Ordering::Less;
    }
    if float < -ABOVE {
        return Ordering::Greater;
    }
    // The whole part of a float in this range is an integer of 64 bits.
    let fraction = 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal);
    integer.cmp(&(float.trunc() as i64)).then(fraction)
}

/// Resolves `until`. Returns `None` if there is none, or problems, which have diagnostics.
pub(super) fn resolve(
    config: &Config,
    graph: &PipelineGraph,
    (assignments, kinds): (&[StageAssignment], &[StepKind]),
    typed: &[TypedNode],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<RowGoal> {
    let table = config.pipeline.until.as_ref()?;
    if let Some((problem, help)) = unsuitable(config, graph, assignments, kinds) {
        diagnostics.push(Diagnostic::new(table.location.clone(), problem).help(help));
        return None;
    }
    let sink = graph.nodes.iter().zip(typed).find(|(node, _)| matches!(node.role, Role::Sink(_)));
    let (sink, typed) = sink?;
    let filter = filter(table, &sink.title(), &typed.input.schema, diagnostics)?;
    Some(RowGoal { rows: table.rows, at_most: table.at_most, filter: Arc::new(filter) })
}

/// Returns why the rows of a pipeline cannot be counted in the order of its source while it runs, and the help.
fn unsuitable(
    config: &Config,
    graph: &PipelineGraph,
    assignments: &[StageAssignment],
    kinds: &[StepKind],
) -> Option<(String, &'static str)> {
    let sources = kinds.iter().filter(|kind| **kind == StepKind::Source).count();
    if !config.sources.is_empty() {
        let message = format!("`until` needs rows that a step makes, and {} reads a file", graph.nodes[0].title());
        return Some((message, "start with a step of kind source, such as `generate-rows`"));
    }
    if sources != 1 {
        let message = format!("`until` takes the rows of one step of kind source, and the pipeline has {sources}");
        return Some((message, "use one pipeline for each of them"));
    }
    if config.sinks.len() != 1 {
        let message = format!("`until` counts the rows of one sink, and the pipeline has {}", config.sinks.len());
        return Some((message, "leave one sink, or read its file in another pipeline"));
    }
    let is_batched = |name: &str| config.models.iter().any(|model| model.name == name && model.batch);
    if let Some(step) = config.steps.iter().find(|step| step.models.iter().any(|(_, name)| is_batched(&name.value))) {
        let message = format!("with `until`, step \"{}\" cannot ask a model with `batch = true`", step.name.value);
        return Some((
            message,
            "leave out `batch` of the model: all rows would be asked for before the first is accepted",
        ));
    }
    let (node, assignment) =
        graph.nodes.iter().zip(assignments).find(|(_, assignment)| assignment.spilled || assignment.zipped)?;
    let other = "let another pipeline read the output of this one, and move it there";
    let (why, help) = match node.role {
        Role::Step(index) if kinds[index] == StepKind::Aggregate => ("is an aggregate", other),
        _ if assignment.zipped => ("joins rows by their position", other),
        _ => ("has larger batches than the pipeline", "set `batch-rows` of [pipeline] instead"),
    };
    Some((format!("with `until`, nothing may wait for the rows of later batches, and {} {why}", node.title()), help))
}

fn filter(table: &UntilTable, sink: &str, schema: &SchemaRef, diagnostics: &mut Vec<Diagnostic>) -> Option<RowFilter> {
    let Some(condition) = &table.accepted else { return Some(RowFilter::All) };
    let Condition { column, comparison, literal } = &condition.value;
    let Ok(index) = schema.index_of(column) else {
        let message = format!("{sink} has no column \"{column}\" for `until`");
        let mut diagnostic = Diagnostic::new(condition.location.clone(), message);
        if let Some(meant) = nearest(column, schema.fields().iter().map(|field| field.name().as_str())) {
            diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
        }
        let columns = schema.fields().iter().map(|field| describe(field)).collect::<Vec<_>>().join(", ");
        diagnostics.push(diagnostic.help(format!("it has {columns}")));
        return None;
    };
    let field = schema.field(index);
    let fits = matches!(
        (DataType::from_field(field), literal),
        (Some(DataType::Boolean), Literal::Boolean(_))
            | (Some(DataType::Integer | DataType::Float), Literal::Integer(_) | Literal::Float(_))
            | (Some(DataType::Text), Literal::Text(_))
    );
    if !fits {
        let message = format!("the column {} cannot be compared with {literal}", describe(field));
        let help = "compare a column of type integer or float with a number, boolean with `true` or `false`, and text with \
                    a text in quotation marks";
        diagnostics.push(Diagnostic::new(condition.location.clone(), message).help(help));
        return None;
    }
    Some(RowFilter::Column { column: index, comparison: *comparison, literal: literal.clone() })
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn accepted(values: ArrayRef, comparison: Comparison, literal: Literal) -> Vec<u32> {
        let rows = RecordBatch::try_from_iter([("a", values)]).expect("the column has rows");
        RowFilter::Column { column: 0, comparison, literal }.rows(&rows).expect("the types fit")
    }

    #[test]
    fn values_are_compared_exactly_and_nulls_are_not_accepted() {
        let integers = || Arc::new(Int64Array::from(vec![Some(i64::MAX), None, Some(4), Some(-5)]));
        assert_eq!(accepted(integers(), Comparison::GreaterOrEqual, Literal::Integer(4)), [0, 2]);
        assert_eq!(accepted(integers(), Comparison::NotEqual, Literal::Integer(4)), [0, 3]);
        assert_eq!(accepted(integers(), Comparison::Less, Literal::Float(4.5)), [2, 3]);
        assert_eq!(accepted(integers(), Comparison::Greater, Literal::Float(-5.5)), [0, 2, 3]);
        assert_eq!(accepted(integers(), Comparison::Equal, Literal::Float(9_223_372_036_854_775_807.0)), [0; 0]);
        let floats = || Arc::new(Float64Array::from(vec![f64::NAN, 4.0, 3.9, f64::INFINITY]));
        assert_eq!(accepted(floats(), Comparison::GreaterOrEqual, Literal::Integer(4)), [1, 3]);
        assert_eq!(accepted(floats(), Comparison::NotEqual, Literal::Float(4.0)), [2, 3]);
        let texts = Arc::new(StringArray::from(vec![Some("en"), Some("de"), None]));
        assert_eq!(accepted(texts, Comparison::Equal, Literal::Text("en".into())), [0]);
        let booleans = Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]));
        assert_eq!(accepted(booleans, Comparison::NotEqual, Literal::Boolean(true)), [1]);
    }
}
