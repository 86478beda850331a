//! Requests of rows that wait. They are sent together when no row can continue.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::{Answer, Request, host};
use crate::run::on_wait;
use crate::{Error, Result};

/// The answer to a request that is sent with others.
pub(super) struct PendingAnswer {
    request: Option<(Cow<'static, str>, Request, &'static Location<'static>)>,
    slot: Rc<Slot>,
}

#[derive(Default)]
struct Slot {
    answer: RefCell<Option<Result<Answer>>>,
    waker: RefCell<Option<Waker>>,
}

struct Waiting {
    request: Request,
    caller: &'static Location<'static>,
    slot: Rc<Slot>,
}

thread_local! {
    /// By the part that the model plays.
    static WAITING: RefCell<BTreeMap<Cow<'static, str>, Vec<Waiting>>> = const { RefCell::new(BTreeMap::new()) };
}

impl PendingAnswer {
    pub(super) fn new(role: Cow<'static, str>, request: Request, caller: &'static Location<'static>) -> Self {
        Self { request: Some((role, request, caller)), slot: Rc::default() }
    }
}

impl Future for PendingAnswer {
    type Output = Result<Answer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(answer) = self.slot.answer.take() {
            return Poll::Ready(answer);
        }
        *self.slot.waker.borrow_mut() = Some(cx.waker().clone());
        if let Some((role, request, caller)) = self.request.take() {
            let waiting = Waiting { request, caller, slot: Rc::clone(&self.slot) };
            WAITING.with_borrow_mut(|all| all.entry(role).or_default().push(waiting));
            on_wait(send_all);
        }
        Poll::Pending
    }
}

/// The answers to several requests that are sent together.
pub(super) struct PendingAnswers {
    pending: Vec<(PendingAnswer, Option<Result<Answer>>)>,
}

impl PendingAnswers {
    pub(super) fn new(pending: impl Iterator<Item = PendingAnswer>) -> Self {
        Self { pending: pending.map(|pending| (pending, None)).collect() }
    }
}

impl Future for PendingAnswers {
    type Output = Vec<Result<Answer>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        for (pending, answer) in &mut self.pending {
            if answer.is_none()
                && let Poll::Ready(ready) = Pin::new(pending).poll(cx)
            {
                *answer = Some(ready);
            }
        }
        if self.pending.iter().any(|(_, answer)| answer.is_none()) {
            return Poll::Pending;
        }
        Poll::Ready(std::mem::take(&mut self.pending).into_iter().filter_map(|(_, answer)| answer).collect())
    }
}

/// Sends all requests that wait, and wakes their rows. Returns whether there were any.
fn send_all() -> bool {
    let all = WAITING.take();
    let is_any = !all.is_empty();
    for (role, waiting) in all {
        // Those whose rows have ended are not sent.
        let waiting = waiting.into_iter().filter(|waiting| Rc::strong_count(&waiting.slot) > 1);
        let waiting: Vec<Waiting> = waiting.collect();
        let Some(caller) = waiting.first().map(|waiting| waiting.caller) else { continue };
        let (requests, slots): (Vec<_>, Vec<_>) =
            waiting.into_iter().map(|waiting| (waiting.request, (waiting.slot, waiting.caller))).unzip();
        let answers = host::generate(&role, requests, caller);
        let answers =
            answers.unwrap_or_else(|error| slots.iter().map(|_| Err(Error::internal(error.message()))).collect());
        for ((slot, caller), answer) in slots.into_iter().zip(answers) {
            *slot.answer.borrow_mut() = Some(answer.map_err(|error| error.at(caller)));
            if let Some(waker) = slot.waker.take() {
                waker.wake();
            }
        }
    }
    is_any
}
