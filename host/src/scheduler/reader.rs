//! The reader's thread: blocking input, and a task for every piece.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use rayon::ThreadPool;

use super::dispatcher::Message;
use super::permits::Permits;
use crate::failure::Failure;
use crate::source::Reader;
use crate::stage::{Stage, of_source};

/// What the reader works with.
pub(super) struct Reading {
    pub(super) reader: Box<dyn Reader>,
    pub(super) stage: Arc<Stage>,
    pub(super) pool: Arc<ThreadPool>,
    pub(super) permits: Arc<Permits>,
    pub(super) messages: Sender<Message>,
}

impl Reading {
    /// Reads to the end, or until the permits are closed.
    pub(super) fn run(mut self) {
        let messages = self.messages.clone();
        let end = catch_unwind(AssertUnwindSafe(|| self.read()));
        let end = end.unwrap_or_else(|panic| Err(Box::new(Failure::of_panic(&*panic))));
        // Nobody listens any more once the run has ended for another reason.
        let _ = messages.send(Message::InputEnded(end));
    }

    fn read(&mut self) -> Result<(), Box<Failure>> {
        let mut batch = 0;
        while self.permits.take() {
            let Some(piece) = self.reader.next_piece().map_err(|error| Box::new(of_source(&error)))? else { break };
            let _ = self.messages.send(Message::Read { bytes_read: piece.bytes_read });
            let (stage, messages) = (Arc::clone(&self.stage), self.messages.clone());
            self.pool.spawn_fifo(move || {
                let result = catch_unwind(AssertUnwindSafe(|| stage.run(batch, piece)));
                let result = result.unwrap_or_else(|panic| {
                    let mut failure = Box::new(Failure::of_panic(&*panic));
                    failure.batch = Some(batch);
                    Err(failure)
                });
                let _ = messages.send(Message::Done { batch, result });
            });
            batch += 1;
        }
        Ok(())
    }
}
