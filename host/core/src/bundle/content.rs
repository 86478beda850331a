//! The parts of a bundle in the form of the files of a case.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, Field, Schema};
use serde_json::{Value, json};

use super::file::Bundle;
use crate::grants::RecordedExchange;
use crate::instance_log::AnswerOutcome;

/// The bundle does not have rows that were asked for.
#[derive(Debug, thiserror::Error)]
#[error("the last batch of the bundle has {count} rows, counted from 0, and not {}..{}", .rows.start, .rows.end)]
#[non_exhaustive]
pub struct MissingRows {
    /// The rows that were asked for.
    pub rows: Range<usize>,
    /// The number of rows.
    pub count: usize,
}

/// Leaves only these rows of the last batch, if there are any to choose. Returns the index of the first one.
///
/// # Errors
/// There are no such rows, or the range is empty.
pub fn select_rows(batches: &mut [RecordBatch], rows: Option<Range<usize>>) -> Result<usize, MissingRows> {
    let Some(rows) = rows else { return Ok(0) };
    let count = batches.last().map_or(0, RecordBatch::num_rows);
    if rows.is_empty() || rows.end > count {
        return Err(MissingRows { rows, count });
    }
    if let Some(last) = batches.last_mut() {
        *last = last.slice(rows.start, rows.len());
    }
    Ok(rows.start)
}

impl Bundle {
    /// Returns the complete responses that the call got, and the number of requests without one.
    pub fn responses(&self) -> (Vec<RecordedExchange>, usize) {
        let mut responses = Vec::new();
        for request in &self.head.log.requests {
            if let (Some(response), Some(body), true) = (&request.response, &request.body, request.is_complete) {
                responses.push(RecordedExchange {
                    method: request.method.clone(),
                    url: request.url.clone(),
                    request_body: body.clone(),
                    status: response.status,
                    headers: response.headers.clone(),
                    body: response.body.clone(),
                });
            }
        }
        let others = self.head.log.requests.len() - responses.len();
        (responses, others)
    }

    /// Returns the answers of models that the call got, as lines of `answers.jsonl`, and the number of those that have no such form
    /// because the model ended the call.
    pub fn answers(&self) -> (Vec<Value>, usize) {
        let answers = &self.head.log.answers;
        let line = |answer: &crate::instance_log::LoggedAnswer| {
            let request: Value = serde_json::from_str(&answer.request).ok()?;
            let mut line = json!({ "model": answer.role, "request": request });
            match &answer.outcome {
                AnswerOutcome::Answer(answer) => line["answer"] = Value::from(&*answer.text),
                AnswerOutcome::Embedding(numbers) => line["embedding"] = Value::from(numbers.clone()),
                AnswerOutcome::Error(error) => line["error"] = Value::from(&*error.message),
                AnswerOutcome::Failed(_) => return None,
            }
            Some(line)
        };
        let lines: Vec<Value> = answers.iter().filter_map(line).collect();
        let others = answers.len() - lines.len();
        (lines, others)
    }

    /// Returns the variables of the step's environment.
    pub fn variables(&self) -> &[(String, String)] {
        &self.head.grants.env
    }

    /// Returns whether the call read a clock.
    pub fn reads_clocks(&self) -> bool {
        !(self.head.log.wall.is_empty() && self.head.log.monotonic.is_empty())
    }

    /// Returns the index of the failing row in the last batch, if the failing call names it.
    pub fn named_row(&self) -> Option<usize> {
        self.failing_row().filter(|_| !self.head.is_row_searched)
    }

    /// Returns the batches with the columns that the step reads under the step's own names. Columns that a bundle from elsewhere lacks
    /// are left out.
    pub fn step_batches(&self) -> Vec<RecordBatch> {
        self.batches.iter().map(|batch| self.renamed(batch).unwrap_or_else(|_| batch.clone())).collect()
    }

    /// Returns a batch with the columns that the step reads under the step's names.
    ///
    /// # Errors
    /// It lacks a column.
    pub(crate) fn renamed(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let schema = batch.schema_ref();
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (own, incoming) in &self.head.columns {
            let index = schema.index_of(incoming)?;
            fields.push(Arc::new(schema.field(index).clone().with_name(own)));
            columns.push(Arc::clone(batch.column(index)));
        }
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            let is_read = self.head.columns.iter().any(|(own, incoming)| [own, incoming].contains(&field.name()));
            if !is_read {
                fields.push(Arc::<Field>::clone(field));
                columns.push(Arc::clone(column));
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
    }
}
