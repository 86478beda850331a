//! The requests of one call, at the same time.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};

use super::client::ModelClient;
use crate::failure::SHORTAGE_HINT;
use crate::http::AbortOnDrop;
use crate::model::ModelFailure;

/// Time for requests on their way after one has failed for good, so that their answers are stored.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// The results of one task, each with the index of its request.
type Results<T> = Result<Vec<(usize, T)>, ModelFailure>;

/// Tasks on the network's thread. They end when this is dropped.
pub(super) struct CallTasks<T> {
    running: Vec<AbortOnDrop<()>>,
    sender: UnboundedSender<Results<T>>,
    results: UnboundedReceiver<Results<T>>,
}

impl<T> Default for CallTasks<T> {
    fn default() -> Self {
        let (sender, results) = unbounded_channel();
        Self { running: Vec::new(), sender, results }
    }
}

/// Returns the failure of a task for which the system starts no thread.
pub(super) fn no_thread(error: &io::Error) -> ModelFailure {
    ModelFailure {
        message: "no thread can be started for requests to models".into(),
        causes: vec![error.to_string()],
        hint: SHORTAGE_HINT.into(),
    }
}

impl<T: Send + 'static> CallTasks<T> {
    /// Starts a task.
    ///
    /// # Errors
    /// The system refuses to start the thread.
    pub(super) fn start(
        &mut self,
        model: &ModelClient,
        work: impl Future<Output = Results<T>> + Send + 'static,
    ) -> Result<(), ModelFailure> {
        let sender = self.sender.clone();
        let task = model.http.spawn(async move {
            // Without a receiver the instance has ended.
            let _ = sender.send(work.await);
        });
        self.running.push(task.map_err(|error| no_thread(&error))?);
        Ok(())
    }

    /// Waits for all tasks, and puts their results into their places.
    ///
    /// # Errors
    /// The first failure of a task. Others have some seconds to end.
    pub(super) async fn collect(mut self, places: &mut [Option<T>]) -> Result<(), ModelFailure> {
        let (mut left, mut failed) = (self.running.len(), None);
        while left > 0 {
            let next = match &failed {
                None => self.results.recv().await,
                Some((_, until)) => timeout_at(*until, self.results.recv()).await.unwrap_or(None),
            };
            left -= 1;
            match next {
                Some(Ok(results)) => results.into_iter().for_each(|(index, result)| places[index] = Some(result)),
                Some(Err(failure)) => failed = failed.or(Some((failure, Instant::now() + LAST_ANSWERS))),
                None => break,
            }
        }
        failed.map_or(Ok(()), |(failure, _)| Err(failure))
    }
}
