//! Messages of small items, which are received in bursts.
//!
//! A thread that waits for a message has to be woken by the one that sends it, which takes some microseconds of both. While messages come
//! fast and the threads have enough work, the dispatcher sleeps for a moment instead of waiting, and then finds several.

use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use crate::scheduler::message::Message;

/// The time between two bursts. An output waits for about as long until it is ordered to be written, and again until it is counted.
const PAUSE: Duration = Duration::from_micros(500);
/// So many messages within twice this time are a burst.
const MESSAGES: u32 = 8;

/// Counts the messages since the last pause.
#[derive(Debug)]
pub(super) struct Burst {
    messages: u32,
    since: Instant,
}

impl Default for Burst {
    fn default() -> Self {
        Self { messages: 0, since: Instant::now() }
    }
}

impl Burst {
    /// Returns a message that has arrived. `None` if there is none, after a pause if many have come just now and the threads have work meanwhile.
    pub(super) fn next(&mut self, inbox: &Receiver<Message>, has_work: bool) -> Option<Message> {
        // The one that is returned now, or waited for after this.
        self.messages = self.messages.saturating_add(1);
        if let Ok(message) = inbox.try_recv() {
            return Some(message);
        }
        if self.messages < MESSAGES {
            return None;
        }
        if self.is_fast() && has_work {
            thread::sleep(PAUSE);
        }
        *self = Self::default();
        inbox.try_recv().ok()
    }

    fn is_fast(&self) -> bool {
        self.since.elapsed() <= 2 * PAUSE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn messages_keep_their_order_and_are_not_waited_for() {
        let (sender, inbox) = channel();
        let mut burst = Burst::default();
        for bytes in 0..100 {
            sender.send(Message::ItemSkipped { bytes_read: Some(bytes) }).unwrap();
        }
        for bytes in 0..100 {
            let next = burst.next(&inbox, true);
            assert!(matches!(next, Some(Message::ItemSkipped { bytes_read: Some(of) }) if of == bytes));
        }
        assert!(burst.next(&inbox, true).is_none());
        assert_eq!(burst.messages, 0, "the burst has ended");
    }

    #[test]
    fn messages_are_fast_in_a_short_time() {
        // As if no time passed.
        let later = Instant::now() + Duration::from_hours(1);
        let long_ago = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
        assert!(Burst { messages: MESSAGES, since: later }.is_fast());
        assert!(!Burst { messages: MESSAGES, since: long_ago }.is_fast());
    }
}
