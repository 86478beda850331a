//! The engine, and calls into it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use boa_engine::builtins::promise::PromiseState;
use boa_engine::context::ContextBuilder;
use boa_engine::context::time::{Clock, JsInstant};
use boa_engine::job::{Job, JobExecutor, SimpleJobExecutor};
use boa_engine::object::builtins::JsPromise;
use boa_engine::{Context, JsError, JsNativeError, JsObject, JsResult, JsValue};
use stillbox_js_engine::{Hooks, Timers, run_events};

use crate::failure::MAX_CALLS;
use crate::globals;
use crate::loader::Loader;

/// The most values on the engine's own stack, which is on the heap.
const MAX_STACK_VALUES: usize = 1 << 20;
/// Frames of a stack trace.
const MAX_FRAMES: usize = 30;

/// The engine, with the state that its functions use.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) context: Context,
    hooks: Rc<Hooks>,
    timers: Rc<RefCell<Timers>>,
}

/// The time of the host, asked only for dates, so that a step that uses none loads without a call of the host.
#[derive(Debug)]
struct DatesOnly;

impl Clock for DatesOnly {
    fn now(&self) -> JsInstant {
        JsInstant::new(0, 0)
    }

    fn system_time_millis(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }
}

/// The jobs of promises. Running them costs more than the function of a simple step, even if there is none.
#[derive(Debug, Default)]
struct Jobs {
    executor: Rc<SimpleJobExecutor>,
    has_jobs: Cell<bool>,
}

impl JobExecutor for Jobs {
    fn enqueue_job(self: Rc<Self>, job: Job, context: &mut Context) {
        self.has_jobs.set(true);
        Rc::clone(&self.executor).enqueue_job(job, context);
    }

    fn run_jobs(self: Rc<Self>, context: &mut Context) -> JsResult<()> {
        if !self.has_jobs.get() {
            return Ok(());
        }
        let ran = Rc::clone(&self.executor).run_jobs(context);
        self.has_jobs.set(false);
        ran
    }
}

impl Engine {
    /// Starts the engine.
    ///
    /// # Errors
    /// The engine has a bug.
    pub(crate) fn new(loader: Rc<Loader>) -> JsResult<Self> {
        let hooks = Hooks::new();
        let builder = ContextBuilder::new()
            .host_hooks(Rc::clone(&hooks))
            .clock(Rc::new(DatesOnly))
            .job_executor(Rc::<Jobs>::default())
            .module_loader(loader);
        #[cfg(feature = "counted")]
        let builder = builder.instructions_remaining(usize::MAX);
        let mut context = builder.build()?;
        let limits = context.runtime_limits_mut();
        limits.set_recursion_limit(MAX_CALLS);
        limits.set_stack_size_limit(MAX_STACK_VALUES);
        limits.set_backtrace_limit(MAX_FRAMES);
        let timers = Rc::new(RefCell::new(Timers::default()));
        context.insert_data(Rc::clone(&timers));
        globals::install(&mut context)?;
        Ok(Self { context, hooks, timers })
    }

    /// Calls a function, and waits for the promise that it may return. Whatever it returns, the callbacks of promises and timers run
    /// that it leaves, so that none runs during another call.
    ///
    /// # Errors
    /// What the function or a callback throws, or the reason of a promise that is left rejected.
    pub(crate) fn call(&mut self, function: &JsObject, this: &JsValue, arguments: &[JsValue]) -> JsResult<JsValue> {
        match function.call(this, arguments, &mut self.context) {
            Ok(value) => self.settle(value),
            Err(error) => {
                // The first error is reported.
                let _ = self.run_events(|| true);
                Err(error)
            }
        }
    }

    /// Runs the callbacks of promises and timers until none is left.
    fn run_events(&mut self, is_settled: impl Fn() -> bool) -> JsResult<()> {
        let ran = run_events(&mut self.context, &self.hooks, &self.timers, is_settled);
        if ran.is_err() {
            // The engine drops its jobs if one of them throws, but not if a timer does.
            let _ = self.context.run_jobs();
            self.timers.borrow_mut().clear();
            self.hooks.take_rejection();
        }
        ran
    }

    /// Returns a value, or the value of a promise.
    ///
    /// # Errors
    /// The promise is rejected or never settled, or a callback throws.
    pub(crate) fn settle(&mut self, value: JsValue) -> JsResult<JsValue> {
        let Some(promise) = value.as_promise() else { return self.run_events(|| true).map(|()| value) };
        let ran = self.run_events(|| !matches!(promise.state(), PromiseState::Pending));
        match promise.state() {
            PromiseState::Fulfilled(value) => ran.map(|()| value),
            PromiseState::Rejected(reason) => Err(JsError::from_opaque(reason)),
            PromiseState::Pending => Err(ran.err().unwrap_or_else(never_settled)),
        }
    }

    /// Waits for a promise.
    ///
    /// # Errors
    /// As for [`settle`](Self::settle).
    pub(crate) fn wait(&mut self, promise: JsPromise) -> JsResult<JsValue> {
        self.settle(promise.into())
    }
}

fn never_settled() -> JsError {
    JsNativeError::error().with_message("the promise is never settled").into()
}
