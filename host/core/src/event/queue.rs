//! The events of a run that wait for their receiver.

use std::collections::VecDeque;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::{Event, OwnedEvent};

/// The number of events that wait for their receiver. A rejected row has at most 34 KiB of text, so they need at most about
/// 35 MiB, and usually a few KiB.
const CAPACITY: usize = 1024;

/// Receives the events of a run, in the order in which the run sent them, from [`Run::events`](crate::Run::events).
///
/// As an iterator it waits for the next event, and ends after the last event of the run. The run never waits for it: at most
/// 1,024 events are stored. A progress event replaces one before it that was not received yet, because its counts include
/// it. If more events arrive, the oldest are dropped, and [`OwnedEvent::Missed`] has their number.
pub struct Events {
    queue: Arc<EventQueue>,
}

/// Events that were sent and not yet received. Lives as long as the run or a receiver.
#[derive(Default)]
pub(crate) struct EventQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Default)]
struct QueueState {
    events: VecDeque<OwnedEvent>,
    missed: u64,
    is_closed: bool,
}

impl EventQueue {
    /// Stores an event.
    pub(crate) fn send(&self, event: &Event<'_>) {
        let event = OwnedEvent::from(event);
        let mut state = self.state.lock();
        let is_progress = |event: &OwnedEvent| matches!(event, OwnedEvent::Progress { .. });
        if is_progress(&event) && state.events.back().is_some_and(is_progress) {
            state.events.pop_back();
        }
        if state.events.len() == CAPACITY {
            state.events.pop_front();
            state.missed += 1;
        }
        state.events.push_back(event);
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the receivers once they have received the stored events.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Returns a receiver. All receivers of a queue share its events.
    pub(crate) fn receiver(self: &Arc<Self>) -> Events {
        Events { queue: Arc::clone(self) }
    }
}

impl QueueState {
    fn take(&mut self) -> Option<OwnedEvent> {
        match std::mem::take(&mut self.missed) {
            0 => self.events.pop_front(),
            events => Some(OwnedEvent::Missed { events }),
        }
    }
}

impl Events {
    /// Returns the next event without waiting. Returns `None` if none is stored at the moment.
    pub fn try_next(&mut self) -> Option<OwnedEvent> {
        self.queue.state.lock().take()
    }
}

impl Iterator for Events {
    type Item = OwnedEvent;

    fn next(&mut self) -> Option<OwnedEvent> {
        let mut state = self.queue.state.lock();
        loop {
            if let Some(event) = state.take() {
                return Some(event);
            }
            if state.is_closed {
                return None;
            }
            self.queue.changed.wait(&mut state);
        }
    }
}

impl FusedIterator for Events {}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("stored", &self.queue.state.lock().events.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::{Failure, FailureKind};
    use crate::report::Report;

    fn progress(queue: &EventQueue, bytes_read: u64) {
        queue.send(&Event::Progress { report: &Report::default(), bytes_read });
    }

    #[test]
    fn a_progress_event_replaces_the_one_before_it() {
        let queue = Arc::new(EventQueue::default());
        progress(&queue, 1);
        progress(&queue, 2);
        queue.send(&Event::Resumed { run: "id", rows: 3 });
        progress(&queue, 4);
        queue.close();
        let events: Vec<_> = queue.receiver().collect();
        let expected = [
            OwnedEvent::Progress { report: Box::default(), bytes_read: 2 },
            OwnedEvent::Resumed { run: "id".into(), rows: 3 },
            OwnedEvent::Progress { report: Box::default(), bytes_read: 4 },
        ];
        assert_eq!(events, expected);
    }

    #[test]
    fn a_slow_receiver_gets_the_number_of_dropped_events_and_then_the_newest() {
        let queue = Arc::new(EventQueue::default());
        for number in 0..CAPACITY + 5 {
            queue.send(&Event::Rejected { failure: &Failure::new(FailureKind::GuestError, number.to_string()) });
        }
        queue.close();
        let events: Vec<_> = queue.receiver().collect();
        assert_eq!(events[0], OwnedEvent::Missed { events: 5 });
        assert!(matches!(&events[1], OwnedEvent::Rejected { failure } if failure.message == "5"), "{:?}", events[1]);
        assert_eq!(events.len(), 1 + CAPACITY);
    }

    #[test]
    fn a_receiver_that_waits_ends_when_the_queue_is_closed() {
        let queue = Arc::new(EventQueue::default());
        let mut events = queue.receiver();
        assert_eq!(events.try_next(), None);
        let waiting = std::thread::spawn(move || events.next());
        queue.close();
        assert_eq!(waiting.join().expect("it does not panic"), None);
    }
}
