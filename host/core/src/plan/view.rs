//! `select`, `drop` and `rename`, applied to columns.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{FieldRef, Schema, SchemaRef};

use super::columns::Shape;
use crate::config::view::ViewTable;
use crate::config::{Complaint, Placed, nearest};

/// Some of the columns, perhaps under other names.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// The index of each column among those that come in.
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl View {
    /// The columns that this view shows.
    pub(crate) fn of(&self, rows: &RecordBatch) -> RecordBatch {
        let columns = self.columns.iter().map(|index| Arc::clone(rows.column(*index))).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .expect("a view shows columns as they are")
    }
}

/// Applies the settings of an edge or a node to the columns that come in. None, and no complaint, where all pass as
/// they are.
pub(super) fn apply(
    table: &ViewTable,
    shape: &Shape,
    provider: &str,
    complaints: &mut Vec<Complaint>,
) -> Option<(View, Shape)> {
    if table.is_whole() {
        return None;
    }
    let mut shape = shape.clone();
    let before = complaints.len();
    let mut columns: Vec<usize> = if let Some(names) = &table.select {
        names.iter().filter_map(|name| find(&mut shape, name, provider, complaints)).collect()
    } else {
        let left_out: Vec<usize> =
            table.drop.iter().filter_map(|name| find(&mut shape, name, provider, complaints)).collect();
        (0..shape.schema.fields().len()).filter(|index| !left_out.contains(index)).collect()
    };
    let mut names: Vec<String> = columns.iter().map(|index| shape.schema.field(*index).name().clone()).collect();
    for (old, new) in &table.rename {
        let Some(index) = find(&mut shape, old, provider, complaints) else { continue };
        let shown = columns.iter().position(|column| *column == index).or_else(|| {
            // A column that was only just assumed passes, unless something is selected.
            shape.open.then(|| {
                columns.push(index);
                names.push(old.value.clone());
                columns.len() - 1
            })
        });
        if let Some(position) = shown {
            names[position].clone_from(&new.value);
        } else {
            let message = format!("the column \"{}\" is renamed, and left out before that", old.value);
            complaints.push(Complaint::new(old.place.clone(), message).help("`rename` is applied last"));
        }
    }
    for (_, new) in &table.rename {
        if names.iter().filter(|name| **name == new.value).count() > 1 {
            let message = format!("there would be two columns \"{}\"", new.value);
            let help = "choose another name, or drop the other column";
            complaints.push(Complaint::new(new.place.clone(), message).help(help));
        }
    }
    let fields = columns
        .iter()
        .zip(&names)
        .map(|(index, name)| -> FieldRef { Arc::new(shape.schema.field(*index).clone().with_name(name)) });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let ids = columns.iter().map(|index| shape.ids[*index]).collect();
    // Behind a mistake anything may be meant to be there, and it is enough to be told of the mistake.
    let open = shape.open || complaints.len() > before;
    let shown = Shape { schema: Arc::clone(&schema), ids, open };
    Some((View { columns, schema }, shown))
}

fn find(shape: &mut Shape, name: &Placed<String>, provider: &str, complaints: &mut Vec<Complaint>) -> Option<usize> {
    let position = shape.schema.index_of(name).ok().or_else(|| shape.assume(name));
    if position.is_none() {
        complaints.push(unknown(name, shape, provider));
    }
    position
}

fn unknown(name: &Placed<String>, shape: &Shape, provider: &str) -> Complaint {
    let names = || shape.schema.fields().iter().map(|field| field.name().as_str());
    let message = format!("there is no column \"{}\" among those of {provider}", name.value);
    let complaint = Complaint::new(name.place.clone(), message);
    let complaint = match nearest(name, names()) {
        Some(meant) => complaint.help(format!("did you mean \"{meant}\"?")),
        None => complaint,
    };
    complaint.help(format!("{provider} gives {}", shape.describe()))
}
