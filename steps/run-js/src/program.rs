//! One run of code and its tests.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;

use boa_engine::builtins::promise::{Promise, PromiseState};
use boa_engine::context::ContextBuilder;
use boa_engine::module::IdleModuleLoader;
use boa_engine::object::builtins::JsPromise;
use boa_engine::{Context, JsError, JsResult, JsValue, Script, Source};
use stillbox_js_engine::{Hooks, Thrown, Timers, run_events, syntax_position};
use stillbox_sdk::{Error, Result};

use crate::Parameters;
use crate::globals::{self, PRELUDE, State};
use crate::output::Output;

/// The most calls of functions within each other. If native functions such as `sort` call the code back, an instance has stack
/// for between 1,000 and 1,500.
const MAX_CALLS: usize = 1000;
/// The most values on the engine's own stack, which is on the heap.
const MAX_STACK_VALUES: usize = 1 << 20;
/// Frames of a stack trace.
const MAX_FRAMES: usize = 10;
/// Instructions for the functions that are written in JavaScript, before the code.
const PRELUDE_INSTRUCTIONS: usize = 100_000;

/// How code ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    Error,
    Limit,
}

impl Verdict {
    /// The value of the column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Error => "error",
            Self::Limit => "limit",
        }
    }
}

/// The verdict, and the error.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) verdict: Verdict,
    pub(crate) traceback: Option<String>,
}

/// A context in which code and its tests run.
#[derive(Debug)]
pub(crate) struct Program {
    context: Context,
    hooks: Rc<Hooks>,
    state: Rc<State>,
    max_characters: usize,
    max_instructions: u32,
}

impl Program {
    /// Creates a context with the functions that code expects.
    ///
    /// # Errors
    /// The engine has a bug.
    pub(crate) fn new(parameters: &Parameters, stdin: &str) -> Result<Self> {
        let hooks = Hooks::new();
        let state = Rc::new(State {
            output: RefCell::new(Output::new(parameters.max_characters)),
            timers: RefCell::new(Timers::default()),
            exit: Cell::new(None),
            failed: RefCell::new(None),
            stdin: stdin.to_owned(),
        });
        let internal = |error: JsError| Error::internal(format!("cannot start the engine: {error}"));
        let instructions = (parameters.max_instructions as usize).saturating_add(PRELUDE_INSTRUCTIONS);
        let mut context = ContextBuilder::new()
            .host_hooks(Rc::clone(&hooks))
            .module_loader(Rc::new(IdleModuleLoader))
            .instructions_remaining(instructions)
            .build()
            .map_err(internal)?;
        let limits = context.runtime_limits_mut();
        limits.set_recursion_limit(MAX_CALLS);
        limits.set_stack_size_limit(MAX_STACK_VALUES);
        limits.set_backtrace_limit(MAX_FRAMES);
        context.insert_data(Rc::clone(&state));
        globals::install(&mut context).map_err(internal)?;
        let (max_characters, max_instructions) = (parameters.max_characters, parameters.max_instructions);
        Ok(Self { context, hooks, state, max_characters, max_instructions })
    }

    /// Runs a script to its end, with its promises and timers.
    pub(crate) fn run(&mut self, source: &str, name: &'static str) -> Ending {
        let is_test = name == "<tests>";
        let result = self.execute(source, name);
        if let Some(status) = self.state.exit.take() {
            // An exit in the tests leaves out the assertions after it.
            if status == 0 && !is_test {
                return Ending { verdict: Verdict::Passed, traceback: None };
            }
            let verdict = if is_test { Verdict::Failed } else { Verdict::Error };
            let frames = result.err().map(|error| describe(&error, name));
            return self.ending(verdict, frames);
        }
        // An error of the engine is lost if a promise gets it.
        if self.context.instructions_remaining() == 0 {
            let frames = result.err().map(|error| describe(&error, name)).unwrap_or_default();
            let message = format!("LimitReached: more than {} instructions", self.max_instructions);
            return self.ending(Verdict::Limit, Some(frames.with_message(message)));
        }
        let failed = self.state.failed.borrow_mut().take();
        match (result, failed) {
            (Err(error), None) => {
                let thrown = describe(&error, name);
                let verdict = if error.as_engine().is_some() {
                    let message = format!("LimitReached: more than {MAX_CALLS} calls of functions within each other");
                    return self.ending(Verdict::Limit, Some(thrown.with_message(message)));
                } else if is_test || thrown.name() == Some("AssertionError") {
                    Verdict::Failed
                } else {
                    Verdict::Error
                };
                self.ending(verdict, Some(thrown))
            }
            (_, Some(mut failed)) => {
                failed.retain_frames(is_shown);
                self.ending(Verdict::Failed, Some(failed))
            }
            (Ok(()), None) => Ending { verdict: Verdict::Passed, traceback: None },
        }
    }

    /// Returns what the code has printed. The context is not freed: the instance ends.
    pub(crate) fn into_output(self) -> String {
        let output = self.state.output.replace(Output::new(0));
        std::mem::forget(self);
        output.into_text()
    }

    fn execute(&mut self, source: &str, name: &str) -> JsResult<()> {
        let source = Source::from_bytes(source).with_path(Path::new(name));
        let script = Script::parse(source, None, &mut self.context)?;
        let value = script.evaluate(&mut self.context)?;
        // A timer that repeats runs until the limit of time.
        run_events(&mut self.context, &self.hooks, &self.state.timers, || false)?;
        settled(&value)
    }

    fn ending(&self, verdict: Verdict, thrown: Option<Thrown>) -> Ending {
        let text = thrown.map(|thrown| Output::cut(&thrown.text(), self.max_characters));
        Ending { verdict, traceback: Some(text.unwrap_or_default()) }
    }
}

fn describe(error: &JsError, name: &str) -> Thrown {
    let mut thrown = Thrown::new(error);
    thrown.retain_frames(is_shown);
    if thrown.frames().is_empty()
        && let Some((line, column)) = syntax_position(thrown.message())
    {
        thrown.add_frame(format!("{name}:{line}:{column}"));
    }
    thrown
}

fn is_shown(frame: &str) -> bool {
    !frame.contains(PRELUDE)
}

/// Checks the value of a script: a promise has to be settled, and fulfilled.
fn settled(value: &JsValue) -> JsResult<()> {
    let Some(promise) = value.as_object().filter(boa_engine::JsObject::is::<Promise>) else { return Ok(()) };
    match JsPromise::from_object(promise)?.state() {
        PromiseState::Fulfilled(_) => Ok(()),
        PromiseState::Rejected(reason) => Err(JsError::from_opaque(reason)),
        PromiseState::Pending => {
            let message = "the promise at the end of the script is never settled";
            Err(boa_engine::JsNativeError::error().with_message(message).into())
        }
    }
}
