//! The host's data of one instance, and the functions that it imports.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::ArrayRef;
use arrow_schema::FieldRef;
use bytes::Bytes;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::access::Access;
use super::call_deadline::{CallDeadline, UncountedWait};
use super::capture::{Log, PanicReport};
use super::captured_output::CapturedOutput;
use super::drop_reasons::DropReasons;
use super::followed::{LineFollower, pass_on};
use super::meter::{DeniedGrowth, Meter};
use super::quota::WriteQuota;
use super::requests::HttpState;
use crate::failure::{LogEntry, LogLevel};
use crate::grants::Denial;
use crate::instance_log::{InstanceLog, MonotonicLog, WallLog};
use crate::limits::Limits;
use crate::model_client::{ModelCall, ModelSource};
use crate::monitor::{CallMonitor, GuestStream};
use crate::text::cut;

/// The most bytes that a guest passes to a host function in one call, or asks for, such as random numbers. Reading or making
/// them takes at most some milliseconds, in every encoding of text.
pub(crate) const HOST_CALL_BYTES: usize = 4 << 20;

/// The most streams, timers and other handles of the host that an instance has at the same time. Each takes some hundred bytes of
/// the host, and a wait for all of them some milliseconds.
pub(crate) const MAX_HANDLES: usize = 10_000;

/// Bound of the request that a guest is shown to wait for, in bytes.
const AWAITED_BYTES: usize = 500;

/// The columns of a call as they are before the conversion to the contract, in the order of the batch.
pub(crate) type CallColumns = Vec<(FieldRef, ArrayRef)>;

/// The host's data of one instance. Lives as long as the instance.
pub(crate) struct State {
    /// Created when the guest first uses `wasi:http`. Dropped first, so that the network knows that the bodies of requests in
    /// the table are not complete.
    http: Option<Box<HttpState>>,
    /// Created when the guest first uses WASI; many never do.
    wasi: Option<WasiCtx>,
    table: ResourceTable,
    /// The grants of the step. `None` without any.
    pub(super) access: Option<Arc<Access>>,
    meter: Meter,
    captured: CapturedOutput,
    panic: Option<PanicReport>,
    seed: u64,
    /// The deadline of the current call. `None` before the first call.
    deadline: Option<CallDeadline>,
    /// The requests to models, from the first one.
    model_call: Option<Box<ModelCall>>,
    batch: u64,
    /// The columns of the current call, for a component that asks for them.
    columns: CallColumns,
    /// The source code that the component carries.
    source: Bytes,
    /// The reasons of dropped rows of the current call. `None` if they are not recorded.
    pub(super) drop_reasons: Option<Box<DropReasons>>,
    /// Records or replays everything that is returned to the instance.
    log: Option<InstanceLog>,
    /// The current call, for snapshots and traces. `None` before the first call.
    monitored: Option<CallMonitor>,
}

impl State {
    pub(crate) fn new(limits: &Limits, seed: u64, access: Option<&Arc<Access>>, log: Option<&InstanceLog>) -> Self {
        Self {
            http: None,
            wasi: None,
            table: resource_table(),
            access: access.cloned(),
            meter: Meter::new(limits),
            captured: CapturedOutput::new(limits, access),
            panic: None,
            seed,
            deadline: None,
            model_call: None,
            batch: seed,
            columns: Vec::new(),
            source: Bytes::new(),
            drop_reasons: None,
            log: log.cloned(),
            monitored: None,
        }
    }

    /// Starts a call: resets state of earlier calls that would be attributed to this one.
    pub(crate) fn begin(&mut self, deadline: CallDeadline, monitored: CallMonitor) {
        self.captured.stderr.begin(LineFollower::new(&monitored, GuestStream::Stderr, self.access.as_ref()));
        self.captured.stdout.begin(LineFollower::new(&monitored, GuestStream::Stdout, self.access.as_ref()));
        self.monitored = Some(monitored);
        self.deadline = Some(deadline);
        self.panic = None;
        self.captured.denied = None;
        if let Some(http) = &mut self.http {
            http.begin();
        }
        self.columns = Vec::new();
        self.drop_reasons = None;
        self.meter.forget_refusal();
    }

    /// Ends a call.
    pub(crate) fn end(&self) {
        if self.monitored.as_ref().is_some_and(CallMonitor::is_output_followed) {
            self.captured.stderr.end();
            self.captured.stdout.end();
        }
    }

    /// Returns the current call, for snapshots and traces.
    pub(crate) fn monitored(&self) -> Option<&CallMonitor> {
        self.monitored.as_ref()
    }

    /// Returns what the guest can be waiting for.
    pub(super) fn awaited(&self) -> Cow<'static, str> {
        match self.http.as_ref().and_then(|http| http.open_requests()) {
            Some((request, others)) => {
                let redacted = self.access.as_ref().map(|access| access.redactor().redact(&request));
                let request = cut(redacted.as_deref().unwrap_or(&request), AWAITED_BYTES);
                if others == 0 { request.into() } else { format!("{request} (and {others} more)").into() }
            }
            None if self.has_folders() => "a timer or a file".into(),
            None => "a timer".into(),
        }
    }

    /// Sets the source code that the component carries.
    pub(crate) fn set_source(&mut self, source: Bytes) {
        self.source = source;
    }

    /// Returns the source code that the component carries.
    pub(super) fn source(&self) -> &Bytes {
        &self.source
    }

    /// Sets the columns of the current call.
    pub(crate) fn set_columns(&mut self, columns: CallColumns) {
        self.columns = columns;
    }

    /// Returns the columns of the current call.
    pub(super) fn columns(&self) -> &CallColumns {
        &self.columns
    }

    /// Returns the deadline of the current call, for a wait that it ends. While a snapshot is made there is no call.
    pub(super) fn call_deadline(&self) -> CallDeadline {
        self.deadline.clone().unwrap_or_else(|| CallDeadline::new(Instant::now()))
    }

    /// Returns the deadline of the current call, unless something moves it.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline.as_ref()?.get()
    }

    /// Starts a wait that does not count as time of the step.
    pub(super) fn uncounted_wait(&self) -> Option<UncountedWait> {
        self.deadline.as_ref().map(CallDeadline::wait)
    }

    /// Sets the number of the batch that the instance processes next.
    pub(crate) fn set_batch(&mut self, batch: u64) {
        self.batch = batch;
        if let Some(call) = &mut self.model_call {
            call.begin(batch);
        }
    }

    /// Returns the model that plays this part in the step.
    pub(super) fn model(&self, role: &str) -> Option<Arc<ModelSource>> {
        if let Some(log) = &self.log {
            if log.is_replay() {
                return log.has_role(role).then(|| Arc::new(ModelSource::replayed(role)));
            }
            let model = self.access.as_ref()?.model(role)?;
            log.add_role(role);
            return Some(model);
        }
        self.access.as_ref()?.model(role)
    }

    /// Takes the requests to models so far, to which [`put_model_call`](Self::put_model_call) returns them. They are lost with a call that
    /// ends meanwhile, as is the instance.
    pub(super) fn take_model_call(&mut self) -> ModelCall {
        let mut call = self.model_call.take().map_or_else(
            || {
                let mut call = ModelCall::new(self.log.clone());
                call.begin(self.batch);
                call
            },
            |call| *call,
        );
        call.follow(self.monitored.as_ref());
        call
    }

    /// Returns the requests to models.
    pub(super) fn put_model_call(&mut self, call: ModelCall) {
        self.model_call = Some(Box::new(call));
    }

    /// The messages that the guest has logged.
    pub(super) fn log(&self) -> &Log {
        &self.captured.log
    }

    /// Adds a message that was [truncated](Log::cut) to the log.
    pub(super) fn write_log(&mut self, level: LogLevel, message: String) {
        if let Some(call) = &self.monitored {
            pass_on(call, GuestStream::Log(level), &message, self.access.as_deref());
        }
        self.captured.log.push(level, message);
    }

    /// Logs what another instance has logged before its memory was stored, and this one does not log again.
    pub(crate) fn log_again(&mut self, entries: &[LogEntry]) {
        for entry in entries {
            let message = self.captured.log.cut(&entry.message);
            self.write_log(entry.level, message);
        }
    }

    /// Records the message of a panic, which the guest reports before it traps.
    pub(super) fn set_panic(&mut self, report: PanicReport) {
        self.panic = Some(report);
    }

    /// Records that the guest tried something that is not granted.
    pub(super) fn deny(&mut self, denial: Denial) {
        self.captured.denied.get_or_insert(denial);
    }

    /// Returns whether any folder is granted.
    pub(super) fn has_folders(&self) -> bool {
        self.access.as_ref().is_some_and(|access| access.has_folders())
    }

    /// Returns the bytes that the step may still write, if it may write.
    pub(super) fn quota(&self) -> Option<&Arc<WriteQuota>> {
        self.access.as_ref()?.quota()
    }

    /// Returns the requests of the instance, and the table with their resources.
    pub(super) fn http_and_table(&mut self) -> (&mut HttpState, &mut ResourceTable) {
        let Self { http, table, access, captured, log, .. } = self;
        let http = http.get_or_insert_with(|| {
            let notices = Arc::clone(captured.requests.get_or_insert_default());
            let client = access.as_ref().and_then(|access| access.http()).cloned();
            Box::new(HttpState::new(client, notices, log.clone()))
        });
        (http, table)
    }

    pub(crate) fn meter(&mut self) -> &mut Meter {
        &mut self.meter
    }

    pub(crate) fn denied_growth(&self) -> Option<DeniedGrowth> {
        self.meter.denied_growth()
    }

    pub(crate) fn captured(&self) -> &CapturedOutput {
        &self.captured
    }

    /// Returns the peak of the instance's linear memory so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.meter.peak()
    }

    pub(crate) fn into_captured(self) -> CapturedOutput {
        self.captured
    }

    /// Returns whether the guest has used WASI.
    #[cfg(test)]
    pub(crate) fn has_used_wasi(&self) -> bool {
        self.wasi.is_some()
    }

    pub(crate) fn panic(&self) -> Option<&PanicReport> {
        self.panic.as_ref()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let ctx = self
            .wasi
            .get_or_insert_with(|| context(&self.captured, self.seed, self.access.as_deref(), self.log.as_ref()));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

fn resource_table() -> ResourceTable {
    let mut table = ResourceTable::new();
    table.set_max_capacity(MAX_HANDLES);
    table
}

/// The seed of hash maps, the same for all instances: an instance may start from the memory of another one, with hash maps in it.
/// It protects no step from keys that collide, as little as one that can be computed from the number of the batch.
const INSECURE_SEED: u128 = 0x5da7_30c1_1f6e_92b4_8e3b_c46a_0d95_72f1;

/// Returns the seed of hash maps as a guest gets it.
pub(super) const fn insecure_seed() -> (u64, u64) {
    (INSECURE_SEED as u64, (INSECURE_SEED >> 64) as u64)
}

/// Creates a WASI context with the variables and folders that are granted, and nothing else: no argument, no socket, an empty
/// standard input. Clocks work. Random numbers depend on the seed alone, and the order of hash maps on nothing, so that results
/// are the same in every run.
fn context(captured: &CapturedOutput, seed: u64, access: Option<&Access>, log: Option<&InstanceLog>) -> WasiCtx {
    let mut random = StdRng::seed_from_u64(seed);
    let mut ctx = WasiCtx::builder();
    ctx.stdout(captured.stdout.clone())
        .stderr(captured.stderr.clone())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .max_random_size(HOST_CALL_BYTES as u64)
        .insecure_random_seed(INSECURE_SEED)
        .insecure_random(StdRng::seed_from_u64(random.random()))
        .secure_random(random);
    if let Some(log) = log {
        ctx.wall_clock(WallLog(log.clone())).monotonic_clock(MonotonicLog(log.clone(), Instant::now()));
    }
    if let Some(access) = access {
        ctx.envs(access.env());
        access.open_folders(&mut ctx);
    }
    ctx.build()
}
