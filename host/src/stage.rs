//! A stage: what one task does with one piece of the input. It is decoded, passes every step, and is encoded for the
//! sinks.

mod reject;
mod settle;
mod step;

use std::sync::Arc;
use std::time::Instant;

use settle::settle;

use crate::batch::{Origin, Rows};
use crate::failure::Failure;
use crate::format::Compression;
use crate::interrupt::Stop;
use crate::plan::{Node, Work};
use crate::report::StepReport;
use crate::sandbox::Sandbox;
use crate::sink::{Encoded, Encoder, compress};
use crate::source::{Decoder, Piece, SourceError, Spot};

pub(crate) use reject::{Rejected, object};
pub(crate) use step::lower;

/// Everything that tasks share.
pub(crate) struct Stage {
    pub(crate) decoder: Arc<dyn Decoder>,
    pub(crate) nodes: Vec<Node>,
    /// For every sink.
    pub(crate) encoders: Vec<Arc<dyn Encoder>>,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) stop: Stop,
    /// The run's id.
    pub(crate) run: Arc<str>,
    pub(crate) reject_compression: Compression,
}

/// What became of a piece.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Rows in the piece.
    pub(crate) rows: usize,
    /// What each sink is to write.
    pub(crate) encoded: Vec<Encoded>,
    /// Rows for each sink.
    pub(crate) sink_rows: Vec<u64>,
    /// What each step did, in the order of the nodes.
    pub(crate) steps: Vec<StepReport>,
    /// Rows that did not pass, in the order of the nodes and then of the rows.
    pub(crate) rejected: Vec<Rejected>,
    /// What the reject file gets.
    pub(crate) rejects: Option<Encoded>,
}

impl Stage {
    /// Takes a piece through the stage.
    ///
    /// # Errors
    /// Why the piece did not pass, with all that is known of it.
    pub(crate) fn run(&self, batch: u64, piece: Piece) -> Result<Outcome, Box<Failure>> {
        self.check_stop()?;
        let decoded = self.decoder.decode(piece).map_err(|error| Box::new(of_source(&error)))?;
        let input = Rows { origin: Origin::new(decoded.positions), columns: decoded.rows };
        let rows = input.count();
        // What comes out of each node, until its last child has taken it.
        let mut passing: Vec<Option<Rows>> = vec![Some(input)];
        let mut outcome = Outcome {
            rows,
            encoded: Vec::new(),
            sink_rows: Vec::new(),
            steps: Vec::new(),
            rejected: Vec::new(),
            rejects: None,
        };
        for (index, node) in self.nodes.iter().enumerate() {
            self.check_stop()?;
            let is_last_child = !self.nodes[index + 1..].iter().any(|other| other.parent == node.parent);
            let parent = &mut passing[node.parent];
            let input = if is_last_child { parent.take() } else { parent.clone() };
            let input = input.expect("nodes come after their parents, and rows are kept for the last child");
            match &node.work {
                Work::Step(step) => {
                    let first_row = input.place(0);
                    let mut report = StepReport::new(Arc::clone(&step.name));
                    let started = Instant::now();
                    let output = settle(step, input, batch, self, &mut report).map_err(|mut failure| {
                        failure.step = Some(Arc::clone(&step.name));
                        failure.component = Some(Arc::clone(step.component.digest()));
                        failure.first_row = first_row;
                        failure
                    });
                    report.busy = started.elapsed();
                    outcome.steps.push(report);
                    let settled = output.map_err(|failure| numbered(failure, batch))?;
                    outcome.rejected.extend(settled.rejected);
                    passing.push(Some(settled.rows));
                }
                Work::Sink(sink) => {
                    let encoded = self.encoders[*sink].encode(&input.columns);
                    outcome.encoded.push(encoded.map_err(|error| numbered(Box::new(Failure::host(&error)), batch))?);
                    outcome.sink_rows.push(input.count() as u64);
                    passing.push(None);
                }
            }
        }
        outcome.rejects = self.encode_rejects(&outcome.rejected).map_err(|error| numbered(error, batch))?;
        Ok(outcome)
    }

    fn encode_rejects(&self, rejected: &[Rejected]) -> Result<Option<Encoded>, Box<Failure>> {
        if rejected.is_empty() {
            return Ok(None);
        }
        let mut lines = Vec::new();
        for rejected in rejected {
            rejected.write(&self.run, &mut lines);
        }
        let bytes = compress(self.reject_compression, lines).map_err(|error| Box::new(Failure::host(&error)))?;
        Ok(Some(Encoded::Bytes(bytes)))
    }

    fn check_stop(&self) -> Result<(), Box<Failure>> {
        self.stop.reason().map_or(Ok(()), |reason| Err(Box::new(crate::failure::of_stop(reason))))
    }
}

fn numbered(mut failure: Box<Failure>, batch: u64) -> Box<Failure> {
    failure.batch = Some(batch);
    failure
}

/// The failure that a malformed input stands for.
pub(crate) fn of_source(error: &SourceError) -> Failure {
    let mut failure = Failure::host(error);
    failure.row = error.place.as_ref().map(|place| {
        let (line, row) = match place.spot {
            Spot::Whole => (None, None),
            Spot::Line(line) | Spot::Byte(line, _) => (Some(line), None),
            Spot::Row(row) => (None, Some(row)),
        };
        crate::failure::RowPlace { index: 0, file: Some(Arc::clone(&place.file)), line, row }
    });
    failure
}
