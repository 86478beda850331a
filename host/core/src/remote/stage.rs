//! The stages of a run whose tasks an executor runs.

use std::sync::Arc;

use super::wire::{decode_output, encode_task};
use super::{Executor, ExecutorError, Job};
use crate::failure::{Failure, FailureKind};
use crate::plan::Work;
use crate::sandbox::wait;
use crate::stage::{DecodedRows, RemoteStage, Stage, TaskOutput};

/// The workers of a run, from their start to their end.
pub(crate) struct RemoteRun {
    executor: Arc<dyn Executor>,
    /// Tasks that run at the same time.
    pub(crate) slots: usize,
}

impl RemoteRun {
    /// Starts the workers.
    ///
    /// # Errors
    /// There are no workers.
    pub(crate) fn start(executor: &Arc<dyn Executor>, job: &Job) -> Result<Self, Box<Failure>> {
        // Ends what was started, also if this fails.
        let mut run = Self { executor: Arc::clone(executor), slots: 0 };
        run.slots = executor.start(job).map_err(|error| failure("the workers cannot be started", &error))?.max(1);
        Ok(run)
    }

    /// The stage with this index.
    pub(crate) fn stage(&self, index: usize) -> Arc<dyn RemoteStage> {
        Arc::new(ExecutorStage { executor: Arc::clone(&self.executor), index })
    }
}

impl Drop for RemoteRun {
    fn drop(&mut self) {
        self.executor.end();
    }
}

struct ExecutorStage {
    executor: Arc<dyn Executor>,
    index: usize,
}

impl RemoteStage for ExecutorStage {
    fn operate(&self, stage: &Stage, rows: DecodedRows) -> Result<TaskOutput, Box<Failure>> {
        let batch = rows.batch;
        // `concurrency` bounds the instances of all workers together.
        let limited = stage.operations.iter().filter_map(|operation| match &operation.work {
            Work::Step(step) => step.slots.as_ref(),
            _ => None,
        });
        let _slots: Vec<_> = limited.map(|slots| wait(&stage.stop, slots.acquire())).collect();
        let allowance = stage.reject_counter.allowance();
        let answer = encode_task(self.index, allowance, rows).and_then(|task| {
            let is_needed = || stage.stop.reason().is_none() && !stage.reject_counter.is_exceeded();
            let answer = self.executor.run(task, &is_needed)?;
            decode_output(&answer)
        });
        let output = match answer {
            Ok(output) => output?,
            Err(error) => {
                // A task that is not needed any more has no result.
                stage.check_stop()?;
                if stage.reject_counter.is_exceeded() {
                    return Ok(TaskOutput::default());
                }
                let mut failure = failure("a worker did not complete its task", &error);
                failure.batch = Some(batch);
                return Err(failure);
            }
        };
        stage.reject_counter.reject(output.rejected.len() as u64);
        Ok(output)
    }
}

fn failure(message: &str, error: &ExecutorError) -> Box<Failure> {
    let mut failure = Failure::new(FailureKind::Host, message);
    failure.causes =
        std::iter::once(error.to_string()).chain(crate::text::causes(&**error).map(ToString::to_string)).collect();
    Box::new(failure)
}
