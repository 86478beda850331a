//! Combining the columns of several parents.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{FieldRef, Schema, SchemaRef};

use super::graph::{GraphNode, PipelineGraph};
use super::node_schema::{NodeSchema, describe, new_id};
use crate::config::Diagnostic;
use crate::values::{ConversionError, convert, unify, with_kept_columns};

/// Appends the rows of parents that have the same columns, possibly in another order.
#[derive(Debug, Clone)]
pub(crate) struct Append {
    pub(crate) schema: SchemaRef,
    /// For each parent and each column, the index in the parent. `None` if the parent is empty and lacks the column.
    columns: Vec<Vec<Option<usize>>>,
}

impl Append {
    /// Converts the rows of a parent to the common columns.
    ///
    /// # Errors
    /// A column does not have the planned type.
    pub(crate) fn conform(&self, parent: usize, rows: &RecordBatch) -> Result<RecordBatch, ConversionError> {
        let column = |(index, field): (&Option<usize>, &FieldRef)| -> Result<ArrayRef, ConversionError> {
            match index {
                Some(index) => convert(rows.column(*index), field.data_type()).map_err(|error| ConversionError {
                    reason: format!("column {:?}: {}", field.name(), error.reason),
                    ..error
                }),
                None => Ok(new_null_array(field.data_type(), rows.num_rows())),
            }
        };
        let columns =
            self.columns[parent].iter().zip(self.schema.fields()).map(column).collect::<Result<Vec<_>, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

/// Joins the columns of parents that have the same rows.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) schema: SchemaRef,
    /// The source of each column: the index of the parent, and the index of its column.
    pub(crate) columns: Vec<(usize, usize)>,
}

/// Checks the columns of parents whose rows are appended: the same names and types. The order is that of the first.
pub(super) fn append(
    graph: &PipelineGraph,
    node: &GraphNode,
    node_schemas: &[NodeSchema],
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Append, NodeSchema)> {
    // An empty parent matches any columns.
    let known: Vec<usize> = (0..node_schemas.len()).filter(|parent| !node_schemas[*parent].open).collect();
    let first = known.first().copied().unwrap_or(0);
    let before = diagnostics.len();
    let mut common = node_schemas[first].clone();
    for parent in known.iter().copied().filter(|parent| *parent != first) {
        if let Some(difference) = difference(&mut common, &node_schemas[parent]) {
            let title = |parent: usize| graph.nodes[node.edges[parent].parent].title();
            let (of, and) = (title(first), title(parent));
            let message = format!("the rows of {of} and {and} do not have the same columns: {difference}");
            let diagnostic = Diagnostic::new(node.edges[parent].location.clone(), message);
            diagnostics.push(
                diagnostic
                    .help(MATCH_HELP)
                    .help(format!("{of} gives {}", node_schemas[first].describe()))
                    .help(format!("{and} gives {}", node_schemas[parent].describe())),
            );
        }
    }
    if diagnostics.len() > before {
        return None;
    }
    let fields = node_schemas[first].schema.fields().iter().map(|field| -> FieldRef {
        let others = known.iter().filter_map(|parent| node_schemas[*parent].schema.field_with_name(field.name()).ok());
        let common = others.fold(field.as_ref().clone(), |common, other| unify(&common, other).unwrap_or(common));
        let is_nullable = common.is_nullable() || known.is_empty();
        Arc::new(common.with_nullable(is_nullable))
    });
    let mut metadata = node_schemas[first].schema.metadata().clone();
    metadata.retain(|key, value| {
        known.iter().all(|parent| node_schemas[*parent].schema.metadata().get(key) == Some(value))
    });
    let schema = Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata));
    let columns = node_schemas.iter().map(|node_schema| {
        schema.fields().iter().map(|field| node_schema.schema.index_of(field.name()).ok()).collect()
    });
    let append = Append { schema: Arc::clone(&schema), columns: columns.collect() };
    // A column that all parents carry unchanged keeps its identity.
    let id = |field: &FieldRef| {
        let of = |parent: usize| {
            node_schemas[parent].schema.index_of(field.name()).ok().map(|index| node_schemas[parent].ids[index])
        };
        let own = of(first);
        own.filter(|_| known.iter().all(|parent| of(*parent) == own))
    };
    let ids = schema.fields().iter().map(id).collect::<Vec<_>>();
    let open = known.is_empty();
    let ids = ids.into_iter().map(|id| id.unwrap_or_else(new_id)).collect();
    Some((append, NodeSchema { schema, ids, open }))
}

const MATCH_HELP: &str = "`select`, `drop` and `rename` on the steps, or in `from = [{ name = \"…\", drop = [\"…\"] }]`, give them the same columns";

/// Describes the first difference between the columns of two parents. Widens the columns of the first to those of the other.
fn difference(first: &mut NodeSchema, other: &NodeSchema) -> Option<String> {
    let mut fields = Vec::with_capacity(first.schema.fields().len());
    for field in first.schema.fields() {
        let Ok(found) = other.schema.field_with_name(field.name()) else {
            return Some(format!("only the first has \"{}\"", field.name()));
        };
        match unify(field, found) {
            None => {
                let (first, second) = (describe(field), describe(found));
                // Types that are the same for a step, such as integers of 32 and 64 bits, differ in a file.
                let arrow = format!("{} and {} in Arrow", field.data_type(), found.data_type());
                let types = if first == second { arrow } else { format!("{first} and {second}") };
                return Some(format!("\"{}\" has different types ({types})", field.name()));
            }
            Some(common) => fields.push(common),
        }
    }
    first.schema = Arc::new(Schema::new(fields));
    let surplus = other.schema.fields().iter().find(|field| first.schema.index_of(field.name()).is_err())?;
    Some(format!("only the second has \"{}\"", surplus.name()))
}

/// Checks the columns of parents that are joined side by side. A column that the parents carry unchanged from a common
/// ancestor occurs once. Any other columns with the same name have to be renamed.
pub(super) fn join(
    graph: &PipelineGraph,
    node: &GraphNode,
    node_schemas: &[NodeSchema],
    same_rows: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Join, NodeSchema)> {
    let before = diagnostics.len();
    let mut fields: Vec<FieldRef> = Vec::new();
    let mut ids = Vec::new();
    let mut columns = Vec::new();
    let mut reported = HashSet::new();
    for (parent, node_schema) in node_schemas.iter().enumerate() {
        for (index, field) in node_schema.schema.fields().iter().enumerate() {
            let Some(earlier) = fields.iter().position(|other| other.name() == field.name()) else {
                fields.push(Arc::clone(field));
                ids.push(node_schema.ids[index]);
                columns.push((parent, index));
                continue;
            };
            if same_rows && ids[earlier] == node_schema.ids[index] || node_schema.open {
                continue;
            }
            if reported.insert(field.name()) {
                let parents = (columns[earlier].0, parent);
                diagnostics.push(conflict(graph, node, field.name(), parents));
            }
        }
    }
    let of_first = columns.iter().zip(&fields).filter(|((parent, _), _)| *parent == 0);
    let kept = of_first.map(|(_, field)| (field.name().as_str(), field.name().as_str())).collect();
    let metadata =
        node_schemas.first().map(|parent| with_kept_columns(parent.schema.metadata(), &kept)).unwrap_or_default();
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let open = node_schemas.iter().any(|node_schema| node_schema.open);
    let node_schema = NodeSchema { schema: Arc::clone(&schema), ids, open };
    (diagnostics.len() == before).then_some((Join { schema, columns }, node_schema))
}

fn conflict(graph: &PipelineGraph, node: &GraphNode, column: &str, (first, second): (usize, usize)) -> Diagnostic {
    let parent = |parent: usize| &graph.nodes[node.edges[parent].parent];
    let (title, name) = (parent(second).title(), &parent(second).name);
    let message = format!("both {} and {title} give a column \"{column}\"", parent(first).title());
    Diagnostic::new(node.edges[second].location.clone(), message)
        .help(format!("rename one of them: `{{ name = \"{name}\", rename = {{ {column} = \"{column}-2\" }} }}`"))
        .help(format!("or drop one of them: `{{ name = \"{name}\", drop = [\"{column}\"] }}`"))
}
