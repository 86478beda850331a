//! Applying `select`, `drop` and `rename` to columns.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{FieldRef, Schema, SchemaRef};

use super::node_schema::NodeSchema;
use crate::config::projection::ProjectionTable;
use crate::config::{Diagnostic, Located, nearest};
use crate::values::{KeptColumns, with_kept_columns};

/// A selection of columns, possibly renamed.
#[derive(Debug, Clone)]
pub(crate) struct Projection {
    /// The index of each column among the incoming ones.
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Projection {
    /// Returns the index of each column among the incoming ones.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Returns the outgoing columns.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Applies the projection to rows.
    pub(crate) fn apply(&self, rows: &RecordBatch) -> RecordBatch {
        let columns = self.columns.iter().map(|index| Arc::clone(rows.column(*index))).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .expect("a projection does not change columns")
    }
}

/// Applies the settings of an edge or a node to the incoming columns. Returns `None` without a diagnostic if all columns
/// pass unchanged.
pub(super) fn project(
    table: &ProjectionTable,
    node_schema: &NodeSchema,
    provider: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Projection, NodeSchema)> {
    if table.is_identity() {
        return None;
    }
    let mut node_schema = node_schema.clone();
    let before = diagnostics.len();
    let mut columns: Vec<usize> = if let Some(names) = &table.select {
        names.iter().filter_map(|name| find(&mut node_schema, name, provider, diagnostics)).collect()
    } else {
        let dropped: Vec<usize> =
            table.drop.iter().filter_map(|name| find(&mut node_schema, name, provider, diagnostics)).collect();
        (0..node_schema.schema.fields().len()).filter(|index| !dropped.contains(index)).collect()
    };
    let mut names: Vec<String> = columns.iter().map(|index| node_schema.schema.field(*index).name().clone()).collect();
    for (old, new) in &table.rename {
        let Some(index) = find(&mut node_schema, old, provider, diagnostics) else { continue };
        let projected = columns.iter().position(|column| *column == index).or_else(|| {
            // A column that was just added to an empty input passes, unless `select` is set.
            node_schema.open.then(|| {
                columns.push(index);
                names.push(old.value.clone());
                columns.len() - 1
            })
        });
        if let Some(position) = projected {
            names[position].clone_from(&new.value);
        } else {
            let message = format!("the column \"{}\" is renamed, but it was dropped before", old.value);
            diagnostics.push(
                Diagnostic::new(old.location.clone(), message).help("`rename` is applied after `select` and `drop`"),
            );
        }
    }
    for (_, new) in &table.rename {
        if names.iter().filter(|name| **name == new.value).count() > 1 {
            let message = format!("there would be two columns \"{}\"", new.value);
            let help = "choose another name, or drop the other column";
            diagnostics.push(Diagnostic::new(new.location.clone(), message).help(help));
        }
    }
    let fields = columns
        .iter()
        .zip(&names)
        .map(|(index, name)| -> FieldRef { Arc::new(node_schema.schema.field(*index).clone().with_name(name)) });
    let before_names = columns.iter().map(|index| node_schema.schema.field(*index).name().as_str());
    let kept: KeptColumns<'_> = before_names.zip(names.iter().map(String::as_str)).collect();
    let metadata = with_kept_columns(node_schema.schema.metadata(), &kept);
    let schema = Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), metadata));
    let ids = columns.iter().map(|index| node_schema.ids[*index]).collect();
    // After a problem the columns are treated as unknown, so that it does not cause further diagnostics.
    let open = node_schema.open || diagnostics.len() > before;
    let projected = NodeSchema { schema: Arc::clone(&schema), ids, open };
    Some((Projection { columns, schema }, projected))
}

fn find(
    node_schema: &mut NodeSchema,
    name: &Located<String>,
    provider: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<usize> {
    let position = node_schema.schema.index_of(name).ok().or_else(|| node_schema.assume(name));
    if position.is_none() {
        diagnostics.push(unknown(name, node_schema, provider));
    }
    position
}

fn unknown(name: &Located<String>, node_schema: &NodeSchema, provider: &str) -> Diagnostic {
    let names = || node_schema.schema.fields().iter().map(|field| field.name().as_str());
    let message = format!("there is no column \"{}\" among those of {provider}", name.value);
    let diagnostic = Diagnostic::new(name.location.clone(), message);
    let diagnostic = match nearest(name, names()) {
        Some(meant) => diagnostic.help(format!("did you mean \"{meant}\"?")),
        None => diagnostic,
    };
    diagnostic.help(format!("{provider} gives {}", node_schema.describe()))
}
