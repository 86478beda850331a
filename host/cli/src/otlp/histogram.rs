//! The distributions of the tokens and durations of requests to models.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use stillbox::ModelRequestSpan;

use super::values::{attributes_of, metric};

/// The borders of buckets that the conventions name.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
const SECONDS: [f64; 14] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];

/// The histograms of all models, by their attributes as JSON.
#[derive(Debug, Default)]
pub(super) struct ModelHistograms {
    tokens: BTreeMap<String, Histogram>,
    durations: BTreeMap<String, Histogram>,
}

#[derive(Debug, Default)]
struct Histogram {
    count: u64,
    sum: f64,
    buckets: [u64; 15],
}

impl Histogram {
    fn add(&mut self, value: f64, borders: &[f64; 14]) {
        self.count += 1;
        self.sum += value;
        // A border is the last value of its bucket.
        self.buckets[borders.partition_point(|border| *border < value)] += 1;
    }
}

impl ModelHistograms {
    /// Adds a request that has ended after this time.
    pub(super) fn add(&mut self, request: &ModelRequestSpan, duration: Duration) {
        let own = |more: Option<(&str, &str)>| Value::from(attributes_of(request, more)).to_string();
        let error = request.error.then_some(("error.type", "_OTHER"));
        self.durations.entry(own(error)).or_default().add(duration.as_secs_f64(), &SECONDS);
        if request.error {
            return;
        }
        for (kind, tokens) in [("input", request.input_tokens), ("output", request.output_tokens)] {
            let attributes = own(Some(("gen_ai.token.type", kind)));
            self.tokens.entry(attributes).or_default().add(tokens as f64, &TOKENS);
        }
    }

    /// Returns the metrics. `times` are the start and the end in nanoseconds.
    pub(super) fn metrics(&self, times: (&str, &str)) -> Vec<Value> {
        let points = |histograms: &BTreeMap<String, Histogram>, borders: &[f64]| -> Vec<Value> {
            histograms.iter().map(|(attributes, histogram)| point(attributes, histogram, borders, times)).collect()
        };
        let histogram = |points| json!({ "aggregationTemporality": 2, "dataPoints": points });
        let tokens = points(&self.tokens, &TOKENS);
        let durations = points(&self.durations, &SECONDS);
        [("gen_ai.client.token.usage", "{token}", tokens), ("gen_ai.client.operation.duration", "s", durations)]
            .into_iter()
            .filter(|(_, _, points)| !points.is_empty())
            .map(|(name, unit, points)| metric(name, unit, "histogram", &histogram(points)))
            .collect()
    }
}

fn point(attributes: &str, histogram: &Histogram, borders: &[f64], (start, end): (&str, &str)) -> Value {
    json!({
        "attributes": serde_json::from_str::<Value>(attributes).unwrap_or_default(),
        "startTimeUnixNano": start,
        "timeUnixNano": end,
        "count": histogram.count.to_string(),
        "sum": histogram.sum,
        "bucketCounts": histogram.buckets.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "explicitBounds": borders,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_border_belongs_to_the_bucket_below_it() {
        let mut histogram = Histogram::default();
        for value in [0.0, 1.0, 1.5, 4.0, 1e9] {
            histogram.add(value, &TOKENS);
        }
        assert_eq!((histogram.buckets[0], histogram.buckets[1], histogram.buckets[14]), (2, 2, 1));
        assert_eq!(histogram.count, 5);
    }
}
