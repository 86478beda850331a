//! The host's data of one instance, and the functions that it imports.

use std::time::Instant;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use wasmtime::component::{Linker, ResourceTable, WasmStr};
use wasmtime::{Engine, StoreContextMut};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::bindings::{log, types};
use super::capture::{Log, Output, PanicReport};
use super::denied;
use super::meter::{DeniedGrowth, Meter};
use super::permission::Permission;
use crate::failure::{Failure, FailureKind, Location, LogLevel, MESSAGE_BYTES, TEXT_BYTES};
use crate::limits::Limits;
use crate::text::cut;

/// The host's data of one instance. Lives as long as the instance.
pub(crate) struct State {
    /// Created when the guest first uses WASI; many never do.
    wasi: Option<WasiCtx>,
    table: ResourceTable,
    meter: Meter,
    captured: CapturedOutput,
    panic: Option<PanicReport>,
    seed: u64,
    /// The deadline of the current call.
    deadline: Instant,
}

/// Logged messages, written text and denied accesses of a guest.
pub(crate) struct CapturedOutput {
    stderr: Output,
    stdout: Output,
    log: Log,
    denied: Option<Permission>,
    peak_memory: u64,
}

impl CapturedOutput {
    /// Returns the peak of the instance's linear memory, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.peak_memory
    }

    /// Adds the captured output to a failure. A failure after an access that was denied becomes one of kind `denied`.
    pub(crate) fn attach_to(&self, failure: &mut Failure) {
        failure.stderr = self.stderr.text();
        failure.stdout = self.stdout.text();
        failure.log = self.log.entries();
        self.attach_denial(failure);
    }

    /// Marks a failure after a denied access, without adding output.
    pub(crate) fn attach_denial(&self, failure: &mut Failure) {
        let is_own = matches!(
            failure.kind,
            FailureKind::GuestError | FailureKind::Panic | FailureKind::Trap | FailureKind::Exit
        );
        if let Some(permission) = self.denied.filter(|_| is_own) {
            failure.kind = FailureKind::Denied;
            let hint = format!("the step tried to use the {}, and no step is granted that", permission.name());
            failure.hint.get_or_insert(hint);
        }
    }

    /// Returns the last line of this call that is not blank, of standard error or, without one, of standard output.
    pub(crate) fn last_line(&self) -> Option<String> {
        let last = |output: &Output| {
            output.of_call().lines().rev().map(str::trim).find(|line| !line.is_empty()).map(ToOwned::to_owned)
        };
        last(&self.stderr).or_else(|| last(&self.stdout))
    }
}

impl State {
    pub(crate) fn new(limits: &Limits, seed: u64) -> Self {
        Self {
            wasi: None,
            table: ResourceTable::new(),
            meter: Meter::new(limits),
            captured: CapturedOutput {
                stderr: Output::new(limits.log_bytes),
                stdout: Output::new(limits.log_bytes),
                log: Log::new(limits.log_bytes),
                denied: None,
                peak_memory: 0,
            },
            panic: None,
            seed,
            deadline: Instant::now(),
        }
    }

    /// Starts a call: resets state of earlier calls that would be attributed to this one.
    pub(crate) fn begin(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.panic = None;
        self.captured.denied = None;
        self.captured.stderr.begin();
        self.captured.stdout.begin();
        self.meter.forget_refusal();
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Records that the guest tried to use a permission that it does not have.
    pub(super) fn deny(&mut self, permission: Permission) {
        self.captured.denied.get_or_insert(permission);
    }

    pub(crate) fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    pub(crate) fn refused(&self) -> Option<DeniedGrowth> {
        self.meter.refused()
    }

    pub(crate) fn captured(&self) -> &CapturedOutput {
        &self.captured
    }

    pub(crate) fn into_captured(mut self) -> CapturedOutput {
        self.captured.peak_memory = self.meter.peak();
        self.captured
    }

    pub(crate) fn panic(&self) -> Option<&PanicReport> {
        self.panic.as_ref()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self.wasi.get_or_insert_with(|| nothing_granted(&self.captured, self.seed));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

/// Creates a WASI context without access: no file, no variable, no argument, no address, an empty standard input.
/// Clocks work. Random numbers depend on the seed alone, so that hash maps, and results that depend on their order, are
/// the same in every run.
fn nothing_granted(captured: &CapturedOutput, seed: u64) -> WasiCtx {
    let mut random = StdRng::seed_from_u64(seed);
    let mut ctx = WasiCtx::builder();
    ctx.stdout(captured.stdout.clone())
        .stderr(captured.stderr.clone())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .insecure_random_seed(random.random())
        .insecure_random(StdRng::seed_from_u64(random.random()))
        .secure_random(random);
    ctx.build()
}

/// Links everything that a component may import, once for all components of an engine.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    denied::link(&mut linker)?;
    linker.instance("stillbox:step/log@0.1.0")?.func_wrap(
        "write",
        |mut store: StoreContextMut<'_, State>, (level, message): (log::Level, WasmStr)| {
            // Read in place, so that a message of 100 MB takes no memory here.
            let text = store.data().captured.log.cut(&message.to_str(&store)?);
            store.data_mut().captured.log.push(level_of(level), text);
            Ok(())
        },
    )?;
    linker.instance("stillbox:step/panic@0.1.0")?.func_wrap(
        "report",
        |mut store: StoreContextMut<'_, State>,
         (message, location, row): (WasmStr, Option<types::Location>, Option<u32>)| {
            let message = cut(&message.to_str(&store)?, MESSAGE_BYTES);
            let location = location.map(|place| Location {
                file: cut(&place.file, TEXT_BYTES),
                line: place.line,
                column: place.column,
            });
            store.data_mut().panic = Some(PanicReport { message, location, row });
            Ok(())
        },
    )?;
    Ok(linker)
}

fn level_of(level: log::Level) -> LogLevel {
    match level {
        log::Level::Trace => LogLevel::Trace,
        log::Level::Debug => LogLevel::Debug,
        log::Level::Info => LogLevel::Info,
        log::Level::Warn => LogLevel::Warn,
        log::Level::Error => LogLevel::Error,
    }
}
