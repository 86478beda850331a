//! Promises and timers: what runs after a script.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use boa_engine::builtins::promise::{OperationType, Promise, PromiseState};
use boa_engine::context::HostHooks;
use boa_engine::object::builtins::{JsFunction, JsPromise};
use boa_engine::{Context, JsError, JsObject, JsResult, JsValue};

/// Remembers the promises that were rejected and that nothing handles.
#[derive(Debug, Default)]
pub struct Hooks {
    rejected: RefCell<Vec<JsObject>>,
}

impl Hooks {
    /// Creates hooks that have seen nothing.
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Removes all rejections, and returns the reason of the first one.
    pub fn take_rejection(&self) -> Option<JsError> {
        let promise = self.rejected.borrow_mut().drain(..).next()?;
        match JsPromise::from_object(promise).ok()?.state() {
            PromiseState::Rejected(reason) => Some(JsError::from_opaque(reason)),
            PromiseState::Pending | PromiseState::Fulfilled(_) => None,
        }
    }
}

impl HostHooks for Hooks {
    fn promise_rejection_tracker(&self, promise: &JsObject<Promise>, operation: OperationType, _: &mut Context) {
        let promise = promise.clone().upcast();
        let mut rejected = self.rejected.borrow_mut();
        match operation {
            OperationType::Reject => rejected.push(promise),
            OperationType::Handle => rejected.retain(|other| !JsObject::equals(other, &promise)),
        }
    }
}

/// Functions that are called after a time. The time is simulated: if nothing else is left to run, it is the time of the next
/// function, so that no code waits.
#[derive(Debug, Default)]
pub struct Timers {
    now: f64,
    last: u32,
    /// By time, and for the same time by number. Times are at least 0, so their bits compare as they do.
    waiting: BTreeMap<(u64, u32), Timer>,
}

#[derive(Debug, Clone)]
struct Timer {
    function: JsFunction,
    arguments: Vec<JsValue>,
    interval: Option<f64>,
}

impl Timers {
    /// Calls a function after a number of milliseconds, once or again and again. Returns the number of the timer.
    pub fn add(&mut self, function: JsFunction, delay: f64, is_repeated: bool, arguments: &[JsValue]) -> u32 {
        // As in browsers and Node; also for NaN.
        let delay = if delay >= 1.0 { delay.min(f64::from(i32::MAX)) } else { 1.0 };
        self.last += 1;
        let timer = Timer { function, arguments: arguments.to_vec(), interval: is_repeated.then_some(delay) };
        self.waiting.insert(((self.now + delay).to_bits(), self.last), timer);
        self.last
    }

    /// Removes a timer.
    pub fn remove(&mut self, number: u32) {
        self.waiting.retain(|(_, other), _| *other != number);
    }

    /// Removes all timers.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Returns whether all timers are repeated.
    fn are_repeated(&self) -> bool {
        self.waiting.values().all(|timer| timer.interval.is_some())
    }

    fn next(&mut self) -> Option<Timer> {
        let ((time, number), timer) = self.waiting.pop_first()?;
        self.now = f64::from_bits(time);
        if let Some(interval) = timer.interval {
            self.waiting.insert(((self.now + interval).to_bits(), number), timer.clone());
        }
        Some(timer)
    }
}

/// Runs the jobs of promises and the timers until none is left. Once `is_settled` returns true, timers that repeat end when nothing else
/// is left.
///
/// # Errors
/// The value that one of them throws, or the reason of a rejected promise that nothing handles. The others do not run.
pub fn run_events(
    context: &mut Context,
    hooks: &Hooks,
    timers: &RefCell<Timers>,
    is_settled: impl Fn() -> bool,
) -> JsResult<()> {
    loop {
        context.run_jobs()?;
        if let Some(error) = hooks.take_rejection() {
            return Err(error);
        }
        if timers.borrow().are_repeated() && is_settled() {
            timers.borrow_mut().clear();
        }
        let timer = timers.borrow_mut().next();
        let Some(timer) = timer else { return Ok(()) };
        timer.function.call(&JsValue::undefined(), &timer.arguments, context)?;
    }
}
