//! How the other threads tell the dispatcher what happened.
//!
//! A channel of the standard library wakes its receiver while it holds a lock that the receiver then needs. Threads that
//! run steps give way to those that wake (`priority.rs`), so the dispatcher would wake, wait for the lock, and with it for
//! the turn of the least urgent of all threads: 70 ms, with 64 of them on two cores. Here the lock is free by then.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A mailbox, and the first of those who write to it.
pub(super) fn mailbox<T>() -> (Sender<T>, Mailbox<T>) {
    let state = State { messages: VecDeque::new(), is_waited_for: false, is_closed: false };
    let shared = Arc::new(Shared { state: Mutex::new(state), arrived: Condvar::new() });
    (Sender { shared: Arc::clone(&shared) }, Mailbox { shared })
}

/// Writes to a mailbox. Clones write to the same one.
pub(super) struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// Gives out what was sent, in the order in which it came. When it is dropped, what comes later is thrown away.
pub(super) struct Mailbox<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

struct State<T> {
    messages: VecDeque<T>,
    /// Whether the receiver sleeps, so that it is only woken then.
    is_waited_for: bool,
    is_closed: bool,
}

impl<T> Sender<T> {
    /// Never waits for the receiver.
    pub(super) fn send(&self, message: T) {
        let mut state = self.shared.lock();
        if state.is_closed {
            return;
        }
        state.messages.push_back(message);
        let wakes = std::mem::take(&mut state.is_waited_for);
        drop(state);
        if wakes {
            self.shared.arrived.notify_one();
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Mailbox<T> {
    /// Waits for the next message.
    pub(super) fn receive(&self) -> T {
        let waited = self.shared.arrived.wait_while(self.shared.lock(), State::is_to_wait);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.messages.pop_front().expect("the wait ends when there is a message")
    }

    /// The same, but for no longer than this.
    pub(super) fn receive_within(&self, time: Duration) -> Option<T> {
        let waited = self.shared.arrived.wait_timeout_while(self.shared.lock(), time, State::is_to_wait);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_waited_for = false;
        state.messages.pop_front()
    }
}

impl<T> State<T> {
    /// Whether there is nothing to receive; then the receiver goes to sleep.
    fn is_to_wait(&mut self) -> bool {
        self.is_waited_for = self.messages.is_empty();
        self.is_waited_for
    }
}

impl<T> Drop for Mailbox<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.is_closed = true;
        let unread = std::mem::take(&mut state.messages);
        drop(state);
        drop(unread);
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_all_senders_arrive_in_the_order_of_each() {
        let (sender, mailbox) = mailbox();
        let send = |from: u32| {
            let sender = sender.clone();
            std::thread::spawn(move || (0..1000).for_each(|number| sender.send((from, number))))
        };
        let threads = [send(0), send(1)];
        let mut next = [0, 0];
        for _ in 0..2000 {
            let (from, number) = mailbox.receive();
            assert_eq!(number, next[from as usize]);
            next[from as usize] += 1;
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(mailbox.receive_within(Duration::ZERO), None);
    }

    #[test]
    fn a_sleeping_receiver_is_woken() {
        let (sender, mailbox) = mailbox();
        let thread = std::thread::spawn(move || mailbox.receive_within(Duration::from_mins(1)));
        while !sender.shared.lock().is_waited_for {
            std::thread::yield_now();
        }
        sender.send("news");
        assert_eq!(thread.join().unwrap(), Some("news"));
    }

    #[test]
    fn what_nobody_receives_is_thrown_away() {
        let (sender, mailbox) = mailbox();
        let message = Arc::new(());
        sender.send(Arc::clone(&message));
        drop(mailbox);
        sender.send(Arc::clone(&message));
        assert_eq!(Arc::strong_count(&message), 1);
    }
}
