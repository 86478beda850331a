//! Waits for the host: everything that futures wait for, at once.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use wasip2::io::poll::{Pollable, poll};

thread_local! {
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

/// A future that waits.
struct Waiting {
    pollable: Rc<Pollable>,
    is_ready: Rc<Cell<bool>>,
    waker: Waker,
}

/// Removes a future from the list when it is dropped.
struct Entry(Rc<Cell<bool>>);

impl Drop for Entry {
    fn drop(&mut self) {
        WAITING.with_borrow_mut(|waiting| waiting.retain(|entry| !Rc::ptr_eq(&entry.is_ready, &self.0)));
    }
}

/// Waits until the host says that something is ready.
pub(super) async fn ready(pollable: Pollable) {
    let pollable = Rc::new(pollable);
    let is_ready = Rc::new(Cell::new(false));
    let mut entry = None;
    poll_fn(|context| {
        if is_ready.get() {
            return Poll::Ready(());
        }
        if entry.is_none() {
            entry = Some(Entry(Rc::clone(&is_ready)));
            WAITING.with_borrow_mut(|waiting| {
                waiting.push(Waiting {
                    pollable: Rc::clone(&pollable),
                    is_ready: Rc::clone(&is_ready),
                    waker: context.waker().clone(),
                });
            });
        }
        Poll::Pending
    })
    .await;
}

/// Waits until at least one future can continue, and wakes those that can. Returns `false` if none waits.
pub(crate) fn wait_for_any() -> bool {
    let pollables: Vec<Rc<Pollable>> =
        WAITING.with_borrow(|waiting| waiting.iter().map(|entry| Rc::clone(&entry.pollable)).collect());
    if pollables.is_empty() {
        return false;
    }
    let all: Vec<&Pollable> = pollables.iter().map(|pollable| &**pollable).collect();
    let mut ready = poll(&all);
    // From the last to the first, so that the indices remain those of the list.
    ready.sort_unstable_by(|one, other| other.cmp(one));
    WAITING.with_borrow_mut(|waiting| {
        for index in ready {
            let entry = waiting.swap_remove(index as usize);
            entry.is_ready.set(true);
            entry.waker.wake();
        }
    });
    true
}
