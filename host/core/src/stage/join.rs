//! Joins and unions of branches within a task.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::interleave::interleave_record_batch;
use arrow_select::take::take;

use crate::batch::{RowOrigins, Rows};
use crate::failure::{Failure, FailureKind};
use crate::plan::{Append, JoinOperation, JoinParent};
use crate::row_size::columns_bytes;

/// The most bytes of rows that are joined in one task: the values of a column have 32-bit offsets.
const MAX_BYTES: usize = 1 << 30;

/// Returns the rows of all parents, in the order of their rows in the chunk, then of the parents, then within a parent.
/// A parent is `None` if the chunk does not pass through it.
///
/// # Errors
/// A value does not fit the common type of its column.
pub(super) fn union(append: &Append, parents: Vec<Option<Rows>>) -> Result<Rows, Box<Failure>> {
    let host = |error: ArrowError| Box::new(Failure::host(&error));
    let mut batches = Vec::with_capacity(parents.len());
    let mut origins: Vec<RowOrigins> = Vec::with_capacity(parents.len());
    for (index, rows) in parents.into_iter().enumerate() {
        let Some(rows) = rows else { continue };
        batches.push(append.conform(index, &rows.columns).map_err(|error| {
            let mut failure = Failure::new(FailureKind::Incompatible, error.reason);
            failure.row = error.row.and_then(|row| rows.place(row));
            Box::new(failure)
        })?);
        origins.push(rows.origin);
    }
    if let ([batch], [origin]) = (batches.as_slice(), origins.as_slice()) {
        return Ok(Rows { columns: batch.clone(), origin: origin.clone() });
    }
    let bytes: usize = batches.iter().map(|batch| columns_bytes(batch.columns())).sum();
    if bytes > MAX_BYTES {
        let message =
            format!("the rows of all parents take {bytes} bytes, and at most {MAX_BYTES} can be combined at once");
        let hint = "set a smaller `batch-rows`, or a smaller `output-bytes` of the steps before";
        return Err(Box::new(Failure::new(FailureKind::Host, message).with_hint(hint)));
    }
    let mut order: Vec<(usize, usize)> = batches
        .iter()
        .enumerate()
        .flat_map(|(parent, batch)| (0..batch.num_rows()).map(move |row| (parent, row)))
        .collect();
    // The sort is stable, so rows with the same origin stay in the order of the parents and of their own.
    order.sort_by_key(|(parent, row)| origins[*parent].row(*row));
    let columns = if append.schema.fields().is_empty() {
        let options = RecordBatchOptions::new().with_row_count(Some(order.len()));
        RecordBatch::try_new_with_options(Arc::clone(&append.schema), Vec::new(), &options).map_err(host)?
    } else {
        interleave_record_batch(&batches.iter().collect::<Vec<_>>(), &order).map_err(host)?
    };
    let origin = RowOrigins::gather(&origins.iter().collect::<Vec<_>>(), &order);
    Ok(Rows { columns, origin })
}

/// Rows that steps rejected in a task: the step's number and the row's id.
pub(super) type RejectedIds = Vec<(usize, u32)>;

/// Returns the columns of all parents side by side. A row that one parent rejected is left out.
///
/// # Errors
/// A parent has a row that another does not have, and did not reject.
pub(super) fn join(joining: &JoinOperation, parents: &[Rows], rejected: &RejectedIds) -> Result<Rows, Box<Failure>> {
    let host = |error: ArrowError| Box::new(Failure::host(&error));
    let ids = |rows: &Rows| -> Vec<u32> { (0..rows.count()).map(|row| rows.origin.id(row)).collect() };
    let all: Vec<Vec<u32>> = parents.iter().map(ids).collect();
    if all.iter().all(|ids| *ids == all[0]) {
        let columns =
            joining.join.columns.iter().map(|(parent, column)| Arc::clone(parents[*parent].columns.column(*column)));
        let columns = batch(joining, columns.collect(), parents[0].count()).map_err(host)?;
        return Ok(Rows { columns, origin: parents[0].origin.clone() });
    }
    let positions: Vec<HashMap<u32, u32>> =
        all.iter().map(|ids| ids.iter().enumerate().map(|(row, id)| (*id, row as u32)).collect()).collect();
    // For every parent, the indices of the rows that all parents have.
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); parents.len()];
    for (row, id) in all[0].iter().enumerate() {
        let found: Vec<Option<u32>> = positions.iter().map(|positions| positions.get(id).copied()).collect();
        match missing(joining, &found, *id, rejected) {
            Missing::Nowhere => {
                for (rows, found) in rows.iter_mut().zip(found) {
                    rows.extend(found);
                }
            }
            Missing::Rejected => {}
            Missing::In(parent) => return Err(row_mismatch(joining, (0, parent), &parents[0], row)),
        }
    }
    // Rows that the first parent does not have must be rejected there.
    for (parent, ids) in all.iter().enumerate().skip(1) {
        for (row, id) in ids.iter().enumerate() {
            if !positions[0].contains_key(id) && !was_rejected(&joining.parents[0], *id, rejected) {
                return Err(row_mismatch(joining, (parent, 0), &parents[parent], row));
            }
        }
    }
    let indices: Vec<UInt32Array> = rows.iter().map(|rows| UInt32Array::from(rows.clone())).collect();
    let columns = joining
        .join
        .columns
        .iter()
        .map(|(parent, column)| take(parents[*parent].columns.column(*column), &indices[*parent], None));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(host)?;
    let columns = batch(joining, columns, rows[0].len()).map_err(host)?;
    Ok(Rows { columns, origin: parents[0].origin.select(&rows[0]) })
}

fn batch(joining: &JoinOperation, columns: Vec<arrow_array::ArrayRef>, rows: usize) -> Result<RecordBatch, ArrowError> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(&joining.join.schema), columns, &options)
}

enum Missing {
    Nowhere,
    Rejected,
    In(usize),
}

fn missing(joining: &JoinOperation, found: &[Option<u32>], id: u32, rejected: &RejectedIds) -> Missing {
    let absent = || found.iter().enumerate().filter(|(_, found)| found.is_none()).map(|(parent, _)| parent);
    match absent().find(|parent| !was_rejected(&joining.parents[*parent], id, rejected)) {
        Some(parent) => Missing::In(parent),
        None if absent().next().is_some() => Missing::Rejected,
        None => Missing::Nowhere,
    }
}

fn was_rejected(parent: &JoinParent, id: u32, rejected: &RejectedIds) -> bool {
    rejected.iter().any(|(step, row)| *row == id && parent.steps.contains(step))
}

/// Returns the failure for a row that one parent has and another does not.
fn row_mismatch(joining: &JoinOperation, (with, without): (usize, usize), rows: &Rows, row: usize) -> Box<Failure> {
    let (with, without) = (&joining.parents[with].title, &joining.parents[without].title);
    let message = format!("the columns cannot be joined: {with} has a row that {without} does not have");
    let mut failure = Failure::new(FailureKind::Incompatible, message);
    failure.step = Some(Arc::clone(&joining.name));
    failure.row = rows.place(row);
    let hint = "between a branch and `combine = \"columns\"` no step may drop rows or create several rows from one; filter or expand before the branches, or after they are combined";
    Box::new(failure.with_hint(hint))
}
