//! Spans and metrics in the JSON of the OpenTelemetry protocol: ids are hexadecimal digits, and integers of 64 bits are texts.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use stillbox::{ModelRequestSpan, Report, Span};

use super::histogram::ModelHistograms;
use super::values::{attributes_of, integer, metric, shortened, text};

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_CLIENT`.
const INTERNAL: u32 = 1;
const CLIENT: u32 = 3;
/// `STATUS_CODE_ERROR`.
const ERROR: u32 = 2;

/// Turns instants into times of the system's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    system: Duration,
    instant: Instant,
}

impl Times {
    pub(super) fn new(system: SystemTime, instant: Instant) -> Self {
        Self { system: system.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(), instant }
    }

    /// Returns two times in nanoseconds.
    pub(super) fn between(&self, start: Instant, end: Instant) -> (String, String) {
        let nanoseconds = |instant: Instant| {
            let since = self.system + instant.saturating_duration_since(self.instant);
            since.saturating_sub(self.instant.saturating_duration_since(instant)).as_nanos().to_string()
        };
        (nanoseconds(start), nanoseconds(end))
    }
}

/// The ids of a span.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) parent: Option<u64>,
}

/// The span of a run.
pub(super) struct RunSpan<'a> {
    pub(super) run: &'a str,
    pub(super) pipeline: &'a str,
    /// Why the run did not finish.
    pub(super) error: Option<String>,
}

pub(super) fn run_span(run: &RunSpan<'_>, ids: Ids, times: (String, String)) -> Value {
    let attributes = vec![text("stillbox.run.id", run.run), text("stillbox.pipeline.name", run.pipeline)];
    let mut span = span(&format!("run {}", run.pipeline), INTERNAL, &attributes, ids, times);
    if let Some(error) = &run.error {
        span["status"] = json!({ "code": ERROR, "message": shortened(error) });
    }
    span
}

/// The call of a step for a batch.
pub(super) fn call_span(call: &Span, ids: Ids, times: (String, String)) -> Value {
    let step = call.step.as_deref().unwrap_or_default();
    let mut attributes = vec![text("stillbox.step.name", step), text("stillbox.function", &call.name)];
    attributes.extend(call.batch.map(|batch| integer("stillbox.batch", batch)));
    attributes.extend(call.rows.map(|rows| integer("stillbox.rows", rows)));
    span(&format!("step {step}"), INTERNAL, &attributes, ids, times)
}

/// A request to a model, by the conventions for generative AI.
pub(super) fn model_span(request: &Span, model: &ModelRequestSpan, ids: Ids, times: (String, String)) -> Value {
    let mut attributes = attributes_of(model, None);
    if !model.error {
        attributes.push(integer("gen_ai.usage.input_tokens", model.input_tokens));
        attributes.push(integer("gen_ai.usage.output_tokens", model.output_tokens));
    }
    if !model.response_model.is_empty() {
        attributes.push(text("gen_ai.response.model", &model.response_model));
    }
    if let Some(reason) = model.finish_reason {
        let reasons = json!({ "arrayValue": { "values": [{ "stringValue": reason }] } });
        attributes.push(json!({ "key": "gen_ai.response.finish_reasons", "value": reasons }));
    }
    attributes.extend(request.step.as_deref().map(|step| text("stillbox.step.name", step)));
    attributes.extend(request.batch.map(|batch| integer("stillbox.batch", batch)));
    attributes.push(text("stillbox.model.name", &model.name));
    attributes.extend(model.error.then(|| text("error.type", "_OTHER")));
    let mut span = span(&format!("{} {}", model.operation, model.model), CLIENT, &attributes, ids, times);
    if model.error {
        span["status"] = json!({ "code": ERROR });
    }
    span
}

/// Returns the metrics of a run that has ended.
pub(super) fn metrics(report: &Report, models: &ModelHistograms, (start, end): (String, String)) -> Value {
    let point = |attributes: Vec<Value>, key: &str, value: Value| json!({ "attributes": attributes, "startTimeUnixNano": start, "timeUnixNano": end, key: value });
    let count = |attributes, rows: u64| point(attributes, "asInt", rows.to_string().into());
    let seconds = |attributes, time: Duration| point(attributes, "asDouble", time.as_secs_f64().into());
    let steps = report.steps.iter().flat_map(|step| {
        let rows =
            [("in", step.rows_in), ("out", step.rows_out), ("dropped", step.dropped), ("rejected", step.rejected)];
        rows.map(|(kind, rows)| {
            count(vec![text("stillbox.step.name", &step.name), text("stillbox.rows.kind", kind)], rows)
        })
    });
    let busy = report.steps.iter().map(|step| seconds(vec![text("stillbox.step.name", &step.name)], step.busy));
    let sinks = report.sinks.iter().map(|sink| count(vec![text("stillbox.sink.name", &sink.name)], sink.rows));
    let sum = |points: Vec<Value>| json!({ "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": points });
    let mut metrics = vec![
        metric("stillbox.run.rows", "{row}", "sum", &sum(vec![count(Vec::new(), report.rows_in)])),
        metric("stillbox.run.duration", "s", "sum", &sum(vec![seconds(Vec::new(), report.elapsed)])),
        metric("stillbox.step.rows", "{row}", "sum", &sum(steps.collect())),
        metric("stillbox.step.busy", "s", "sum", &sum(busy.collect())),
        metric("stillbox.sink.rows", "{row}", "sum", &sum(sinks.collect())),
    ];
    metrics.extend(models.metrics((&start, &end)));
    metrics.into()
}

/// Returns the request for spans.
pub(super) fn spans_request(spans: &[Value], service: &str) -> Value {
    json!({ "resourceSpans": [{ "resource": resource(service), "scopeSpans": [{ "scope": scope(), "spans": spans }] }] })
}

/// Returns the request for metrics.
pub(super) fn metrics_request(metrics: &Value, service: &str) -> Value {
    let scoped = json!([{ "scope": scope(), "metrics": metrics }]);
    json!({ "resourceMetrics": [{ "resource": resource(service), "scopeMetrics": scoped }] })
}

fn resource(service: &str) -> Value {
    json!({ "attributes": [text("service.name", service), text("service.version", env!("CARGO_PKG_VERSION"))] })
}

fn scope() -> Value {
    json!({ "name": "stillbox", "version": env!("CARGO_PKG_VERSION") })
}

fn span(name: &str, kind: u32, attributes: &[Value], ids: Ids, (start, end): (String, String)) -> Value {
    let mut span = json!({
        "traceId": format!("{:032x}", ids.trace),
        "spanId": format!("{:016x}", ids.span),
        "name": shortened(name),
        "kind": kind,
        "startTimeUnixNano": start,
        "endTimeUnixNano": end,
        "attributes": attributes,
    });
    if let Some(parent) = ids.parent {
        span["parentSpanId"] = format!("{parent:016x}").into();
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_from_the_epoch() {
        let now = Instant::now();
        let times = Times::new(SystemTime::UNIX_EPOCH + Duration::from_secs(10), now);
        let (start, end) = times.between(now, now + Duration::from_millis(1500));
        assert_eq!((&*start, &*end), ("10000000000", "11500000000"));
    }
}
