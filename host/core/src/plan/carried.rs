//! Columns of a source that no step reads, and that only sinks of one format write: JSON Lines, or Parquet.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::Schema;

use super::stages::{StagePlan, Work};
use super::{ColumnSource, InputSource, Plan, PlannedSink};
use crate::format::Format;
use crate::sink::SinkLocation;
use crate::source::{CarriedFiles, SourceSchema};

/// The source's columns among the columns of a slot, by index. `None` for other columns.
type SlotColumns = Vec<Option<usize>>;

/// Returns the columns of a source that all operations of a stage only pass along, under their names, to JSON Lines sinks: ranges of
/// columns that every sink writes next to each other, or not at all.
pub(crate) fn carried_columns(
    stage: &StagePlan,
    slots: &[usize],
    schema: &Schema,
    sinks: &[PlannedSink],
) -> Vec<Range<usize>> {
    unread_columns(stage, slots, schema, (sinks, Format::JsonLines)).0
}

/// Chooses the columns of Parquet sources that are only passed along to Parquet sinks. Returns for each sink the files whose rows it
/// gets without these columns, if any.
pub(crate) fn carried_files(plan: &Plan) -> Vec<Option<Arc<CarriedFiles>>> {
    let mut files_of_sinks = vec![None; plan.sinks.len()];
    for stage in &plan.stages {
        for input in &stage.inputs {
            let InputSource::Source(index) = &input.from else { continue };
            let source = &plan.sources[*index];
            let (Some(files), SourceSchema::Known(schema)) = (&source.carried, &source.schema) else { continue };
            let (ranges, sinks) = unread_columns(stage, &input.slots, schema, (&plan.sinks, Format::Parquet));
            if files.choose(ranges.into_iter().flatten()) {
                for sink in sinks {
                    files_of_sinks[sink] = Some(Arc::clone(files));
                }
            }
        }
    }
    files_of_sinks
}

/// Returns ranges of columns that no operation reads and that sinks of another format do not write, and the sinks of this format that
/// get rows of the source.
///
/// Columns that are combined with other rows, written to a spill, or written by sinks of other formats count as read.
fn unread_columns(
    stage: &StagePlan,
    slots: &[usize],
    schema: &Schema,
    (sinks, format): (&[PlannedSink], Format),
) -> (Vec<Range<usize>>, Vec<usize>) {
    let names = schema.fields().iter().enumerate().map(|(index, field)| (field.name().as_str(), index)).collect();
    let mut search = CarriedSearch { names, is_read: vec![false; schema.fields().len()] };
    let mut filled: Vec<Option<SlotColumns>> = vec![None; stage.slots];
    for slot in slots {
        filled[*slot] = Some((0..schema.fields().len()).map(Some).collect());
    }
    // For each sink, the place of each column of the source.
    let mut written: Vec<Vec<Option<usize>>> = Vec::new();
    let mut reached = Vec::new();
    for operation in &stage.operations {
        for slot in &operation.reads {
            let Some(columns) = filled[*slot].clone() else { continue };
            let output = match &operation.work {
                Work::Sink(index) if is_file(&sinks[*index], format) => {
                    reached.push(*index);
                    search.check_names(&columns, &sinks[*index].spec.schema);
                    let place = |column| columns.iter().position(|of| *of == Some(column));
                    written.push((0..schema.fields().len()).map(place).collect());
                    continue;
                }
                work => search.pass(work, columns),
            };
            if let (Some(slot), Some(output)) = (operation.fills, output) {
                filled[slot] = Some(output);
            }
        }
    }
    let is_next = |before: usize, column: usize| {
        written.iter().all(|places| match (places[before], places[column]) {
            (Some(before), Some(place)) => before + 1 == place,
            (before, place) => before.is_none() && place.is_none(),
        })
    };
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for column in (0..schema.fields().len()).filter(|column| !search.is_read[*column]) {
        match ranges.last_mut() {
            Some(range) if range.end == column && is_next(column - 1, column) => range.end += 1,
            _ => ranges.push(column..column + 1),
        }
    }
    (ranges, reached)
}

fn is_file(sink: &PlannedSink, format: Format) -> bool {
    sink.spec.format == format && !matches!(sink.spec.location, SinkLocation::Batches(_))
}

struct CarriedSearch<'s> {
    /// The source's columns by name.
    names: HashMap<&'s str, usize>,
    is_read: Vec<bool>,
}

impl CarriedSearch<'_> {
    /// Follows the columns of a slot through an operation. Returns those of the slot that it fills.
    fn pass(&mut self, work: &Work, columns: SlotColumns) -> Option<SlotColumns> {
        match work {
            Work::Step(step) => {
                step.inputs.iter().flatten().for_each(|index| self.read(columns[*index]));
                let output = step.column_sources.iter().map(|source| match source {
                    ColumnSource::Carried(index) => columns[*index],
                    ColumnSource::Output(_) => None,
                });
                let output = output.collect();
                self.check_names(&output, &step.schema);
                Some(output)
            }
            Work::Project(projection) => {
                let output = projection.columns().iter().map(|index| columns[*index]).collect();
                self.check_names(&output, projection.schema());
                Some(output)
            }
            Work::Route { route, .. } => {
                route.column().and_then(|index| columns.get(index)).into_iter().for_each(|column| self.read(*column));
                Some(columns)
            }
            Work::Union(_) | Work::Join(_) | Work::Accept(_) | Work::Sink(_) | Work::Spill(_) => {
                for column in columns {
                    self.read(column);
                }
                None
            }
        }
    }

    fn read(&mut self, column: Option<usize>) {
        if let Some(column) = column {
            self.is_read[column] = true;
        }
    }

    /// Carried columns are found by their names, so these must be unique.
    fn check_names(&mut self, columns: &SlotColumns, schema: &Schema) {
        for (column, field) in columns.iter().zip(schema.fields()) {
            let named = self.names.get(field.name().as_str()).copied();
            if named != *column {
                self.read(named);
                self.read(*column);
            }
        }
    }
}
