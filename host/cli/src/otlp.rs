//! Telemetry of a run by the OpenTelemetry protocol (OTLP over HTTP, as JSON): spans of the run, of the calls of steps and of the requests to
//! models, and metrics at the end.
//!
//! A thread of its own sends what is collected. A collector that is slow or missing loses telemetry: the queue is bounded, and the end
//! of the run waits for a short time only.

mod encode;
mod exporter;
mod histogram;
mod settings;
mod values;

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use stillbox::{Report, RunError, Span, SpanKind};

use encode::{RunSpan, Times};
use exporter::Exporter;
use histogram::ModelHistograms;
pub(crate) use settings::OtlpSettings;

/// The time that the end of a run waits for the collector.
const FLUSH: Duration = Duration::from_secs(3);
/// The same after a signal, which gives the process no more time.
const FLUSH_AFTER_SIGNAL: Duration = Duration::from_millis(30);

/// The telemetry of one run. Clones are the same.
#[derive(Clone)]
pub(crate) struct Otlp {
    state: Arc<OtlpState>,
}

struct OtlpState {
    pipeline: String,
    times: Times,
    /// The id of the trace, and the number that the ids of spans begin with.
    trace: u128,
    first_span: u64,
    started: Instant,
    run: Mutex<Option<String>>,
    histograms: Mutex<ModelHistograms>,
    exporter: Exporter,
}

impl Otlp {
    /// Starts the thread that sends telemetry.
    ///
    /// # Errors
    /// The endpoint is not a URL, or the system starts no thread.
    pub(crate) fn start(settings: &OtlpSettings, pipeline: &str) -> anyhow::Result<Self> {
        let started = Instant::now();
        let times = Times::new(SystemTime::now(), started);
        let trace = (u128::from(random()) << 64) | u128::from(random()) | 1;
        let exporter = Exporter::start(settings)?;
        let (run, histograms) = (Mutex::default(), Mutex::default());
        let pipeline = pipeline.to_owned();
        let first_span = random();
        Ok(Self {
            state: Arc::new(OtlpState { pipeline, times, trace, first_span, started, run, histograms, exporter }),
        })
    }

    /// The receiver of spans that end.
    pub(crate) fn observer(&self) -> impl Fn(&Span, Duration) + Send + Sync + 'static {
        let state = Arc::clone(&self.state);
        move |span, duration| state.add(span, duration)
    }

    /// Notes the id of the run, which has started.
    pub(crate) fn started(&self, run: &str) {
        *self.state.run.lock() = Some(run.to_owned());
    }

    /// Sends the rest: the span of the run, and the metrics. Returns why telemetry is missing, if it is.
    pub(crate) fn finish(&self, result: &Result<Report, RunError>) -> Option<String> {
        let state = &self.state;
        // A run that was rejected has no telemetry.
        let run = state.run.lock().clone()?;
        let no_report = Report::default();
        let report = match result {
            Ok(report) => report,
            Err(error) => error.report().unwrap_or(&no_report),
        };
        let times = state.times.between(state.started, Instant::now());
        let root =
            RunSpan { run: &run, pipeline: &state.pipeline, error: result.as_ref().err().map(ToString::to_string) };
        let span = encode::run_span(&root, state.ids(0), times.clone());
        let metrics = encode::metrics(report, &state.histograms.lock(), times);
        let patience = match result {
            Err(RunError::Interrupted { .. }) => FLUSH_AFTER_SIGNAL,
            _ => FLUSH,
        };
        state.exporter.finish(span, metrics, patience)
    }
}

impl OtlpState {
    fn add(&self, span: &Span, duration: Duration) {
        let ends = span.started + duration;
        let times = self.times.between(span.started, ends);
        match (span.kind, &span.model) {
            (SpanKind::Model, Some(request)) => {
                self.histograms.lock().add(request, duration);
                let ids = encode::Ids { parent: Some(self.span_id(span.parent.unwrap_or(0))), ..self.ids(span.id) };
                self.exporter.add(encode::model_span(span, request, ids, times));
            }
            (SpanKind::Call, _) if span.step.is_some() && span.batch.is_some() => {
                self.exporter.add(encode::call_span(span, self.ids(span.id), times));
            }
            _ => {}
        }
    }

    /// Returns the ids of a span of the run.
    fn ids(&self, span: u64) -> encode::Ids {
        let parent = (span != 0).then(|| self.span_id(0));
        encode::Ids { trace: self.trace, span: self.span_id(span), parent }
    }

    /// Returns the id for a number of a span; that of the run is 0.
    fn span_id(&self, number: u64) -> u64 {
        self.first_span.wrapping_add(number).max(1)
    }
}

/// Returns a number that no other run has. It comes from the keys of hash maps, which are random.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
