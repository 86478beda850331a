//! Sends requests to models: the I/O of [`crate::model`].
//!
//! A [`ModelClient`] belongs to one model of a run, and all steps that use the model share it: its rate, its budget and its journal.
//! A call of a step passes all requests of a batch at once.
//!
//! The way of a request: an answer that the journal has is returned at once (`client`). For every other request a task on the
//! network's thread waits for a place and for its turn (`pace`), reserves its tokens (`budget`), sends the request, and sends it again
//! after errors that may pass (`attempts`, `outcome`). An answer with a schema is validated (`schema`). The answer is written to
//! the journal and synced (`journal`) before the step gets it, so that nothing is paid twice.
//!
//! A model with `batch = true` sends its requests in files (`batch`), and a step gets the answers in a later run.

mod attempts;
mod batch;
mod batch_queue;
mod budget;
mod client;
mod embed;
mod estimate;
mod followed;
mod generate;
mod health;
mod journal;
mod log;
mod outcome;
mod pace;
mod probe;
mod schema;
mod source;
mod tasks;
mod total;

pub(crate) use batch::{BatchJobs, ModelEnd, RunningBatches};
pub(crate) use client::{ModelClient, ModelContext};
pub(crate) use estimate::Estimates;
pub(crate) use journal::Journal;
pub(crate) use probe::RunningProbe;
pub(crate) use source::{ModelCall, ModelSource, read_schema};
