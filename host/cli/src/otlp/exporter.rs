//! The thread that sends telemetry, and its queue.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use parking_lot::{Condvar, Mutex};
use serde_json::Value;
use stillbox::telemetry::TelemetrySender;
use stillbox::units::counted;

use super::encode::{metrics_request, spans_request};
use super::settings::OtlpSettings;

/// The spans of one request.
const BATCH: usize = 512;
/// The spans that wait to be sent. Each takes about a KiB; more are lost.
const MAX_WAITING: usize = 8192;
/// The time between two requests if there are few spans.
const EVERY: Duration = Duration::from_secs(5);
/// The time of a request while the run lasts.
const REQUEST: Duration = Duration::from_secs(10);
/// The requests that may fail one after the other. After them nothing is sent before the end of the run.
const MAX_FAILURES: u32 = 3;

/// Sends spans in the background.
pub(super) struct Exporter {
    shared: Arc<Shared>,
    endpoint: String,
    /// Gets a message when everything was sent or given up.
    ended: Mutex<Receiver<()>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    spans: Vec<Value>,
    /// The metrics, once the run has ended, and until when to send the rest.
    last: Option<(Value, Instant)>,
    /// Spans that were not delivered.
    lost: u64,
    /// The first error.
    error: Option<String>,
}

impl Exporter {
    pub(super) fn start(settings: &OtlpSettings) -> anyhow::Result<Self> {
        let OtlpSettings { endpoint, set_by, headers, service } = settings.clone();
        let sender = TelemetrySender::new(&endpoint, &headers)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("`{set_by}` does not name an endpoint for telemetry"))?;
        let shared = Arc::new(Shared::default());
        let (ending, ended) = channel();
        let sending = Sending { shared: Arc::clone(&shared), sender, service, failures: 0 };
        thread::Builder::new()
            .name("otlp".into())
            .spawn(move || {
                sending.run();
                // The run may have ended without waiting.
                let _ = ending.send(());
            })
            .context("cannot start the thread for telemetry")?;
        Ok(Self { shared, endpoint, ended: Mutex::new(ended) })
    }

    /// Adds a span, unless too many wait already.
    pub(super) fn add(&self, span: Value) {
        let mut queue = self.shared.queue.lock();
        if queue.spans.len() < MAX_WAITING {
            queue.spans.push(span);
        } else {
            queue.lost += 1;
        }
        if queue.spans.len() == BATCH {
            self.shared.changed.notify_one();
        }
    }

    /// Sends the last span and the metrics, and waits for at most this time. Returns why telemetry is missing, if it is.
    pub(super) fn finish(&self, span: Value, metrics: Value, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        {
            let mut queue = self.shared.queue.lock();
            queue.spans.push(span);
            queue.last = Some((metrics, deadline));
            self.shared.changed.notify_one();
        }
        let is_done = self.ended.lock().recv_timeout(patience).is_ok();
        let queue = self.shared.queue.lock();
        let reason = match &queue.error {
            Some(error) => error.clone(),
            None if !is_done => format!("there was no answer in {} s", patience.as_secs_f32()),
            None if queue.lost > 0 => "it takes spans more slowly than they are made".to_owned(),
            None => return None,
        };
        let lost = match queue.lost + queue.spans.len() as u64 {
            0 => String::new(),
            lost => format!(" ({} lost)", counted(lost, "span", "spans")),
        };
        Some(format!("telemetry could not be sent to {}{lost}: {reason}", self.endpoint))
    }
}

/// The thread's own part.
struct Sending {
    shared: Arc<Shared>,
    sender: TelemetrySender,
    service: String,
    /// Requests that have failed since the last one that did not.
    failures: u32,
}

impl Sending {
    fn run(mut self) {
        loop {
            let (spans, end) = self.next();
            if !spans.is_empty() && (self.failures < MAX_FAILURES || end.is_some()) {
                let count = spans.len() as u64;
                if !self.send("v1/traces", &spans_request(&spans, &self.service), end) {
                    self.shared.queue.lock().lost += count;
                }
                continue;
            }
            let metrics = {
                let mut queue = self.shared.queue.lock();
                queue.lost += spans.len() as u64;
                if spans.is_empty() { queue.last.take() } else { None }
            };
            if let Some((metrics, deadline)) = metrics {
                self.send("v1/metrics", &metrics_request(&metrics, &self.service), Some(deadline));
                return;
            }
        }
    }

    /// Waits for spans to send, and returns them with the time at which sending ends, if the run has ended. There are no spans if
    /// only the metrics are left.
    fn next(&self) -> (Vec<Value>, Option<Instant>) {
        let mut queue = self.shared.queue.lock();
        let start = Instant::now();
        while queue.last.is_none() && queue.spans.len() < BATCH {
            let left = EVERY.saturating_sub(start.elapsed());
            if left.is_zero() && !queue.spans.is_empty() {
                break;
            }
            self.shared.changed.wait_for(&mut queue, if left.is_zero() { EVERY } else { left });
        }
        let count = queue.spans.len().min(BATCH);
        (queue.spans.drain(..count).collect(), queue.last.as_ref().map(|(_, end)| *end))
    }

    /// Sends a request, until the end if there is one. Returns whether the collector has taken it.
    fn send(&mut self, path: &str, body: &Value, end: Option<Instant>) -> bool {
        let time = end.map_or(REQUEST, |end| end.saturating_duration_since(Instant::now()));
        let sent = self.sender.send(path, body.to_string().into_bytes(), time);
        self.failures = if sent.is_ok() { 0 } else { self.failures + 1 };
        let is_sent = sent.is_ok();
        if let Err(error) = sent {
            self.shared.queue.lock().error.get_or_insert(error);
        }
        is_sent
    }
}
