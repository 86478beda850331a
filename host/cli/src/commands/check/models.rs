//! The models of a checked pipeline, for people and as JSON.

use std::fmt::Write as _;

use serde_json::Value;
use stillbox::model::{KeyVerdict, ModelEstimate, ModelProbe};
use stillbox::text::escape_controls;
use stillbox::units::{counted, grouped};

use super::Checked;

/// Returns the graph as JSON, with `probes` and `estimate` if they were asked for.
///
/// # Errors
/// It cannot be written as JSON.
pub(super) fn in_json(checked: &Checked) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(&checked.outline)?;
    if let Some(probes) = &checked.probes {
        value["probes"] = serde_json::to_value(probes)?;
    }
    if let Some(estimate) = &checked.estimate {
        value["estimate"] = serde_json::to_value(estimate)?;
    }
    Ok(value)
}

/// Returns the verdict on each model, and the estimate. Empty if neither was asked for.
pub(super) fn text(checked: &Checked) -> String {
    let mut text = String::new();
    checked.probes.iter().flatten().for_each(|probe| write_probe(&mut text, probe));
    if let Some(estimate) = &checked.estimate {
        write_estimate(&mut text, estimate);
    }
    text
}

fn write_probe(text: &mut String, probe: &ModelProbe) {
    let verdict = match (&probe.error, probe.seconds) {
        (None, Some(seconds)) => format!("answers after {seconds:.2} s"),
        _ => "cannot be used".to_owned(),
    };
    let [name, url, model] = [&probe.name, &probe.url, &probe.model].map(|text| escape_controls(text));
    let _ = writeln!(text, "\nmodel {name}: {verdict}\n  url          {url}\n  model        {model}");
    let reachable = if probe.reachable { "answers" } else { "does not answer" };
    let key = match probe.key {
        KeyVerdict::Accepted => "accepted",
        KeyVerdict::Rejected => "rejected",
        KeyVerdict::NotNeeded => "none, and the server asks for none",
        _ => "unknown",
    };
    let _ = writeln!(text, "  server       {reachable}\n  key          {key}");
    for kind in &probe.kinds {
        let verdict = match &kind.message {
            None => "supported".to_owned(),
            Some(message) => format!("not supported: {}", escape_controls(message)),
        };
        let _ = writeln!(text, "  {:<11}  {verdict}", kind.kind.name());
    }
}

fn write_estimate(text: &mut String, estimate: &ModelEstimate) {
    let rows = counted(estimate.rows, "row", "rows");
    let sample = counted(estimate.sample_rows, "row", "rows");
    let _ = writeln!(text, "\nestimate for {rows}, from a sample of {sample}:");
    let header = ["model", "requests", "tokens in", "tokens out", "cost"].map(str::to_owned);
    let lines = estimate.models.iter().map(|model| {
        let [requests, input, output] = [model.requests, model.input_tokens, model.output_tokens].map(grouped);
        let cost = model.cost.map_or_else(|| "no price".to_owned(), |cost| format!("{cost:.4}"));
        [escape_controls(&model.name).into_owned(), requests, input, output, cost]
    });
    let table: Vec<_> = std::iter::once(header).chain(lines).collect();
    let widths: [usize; 5] =
        std::array::from_fn(|column| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    for row in &table {
        let _ = write!(text, "  {:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    for model in estimate.models.iter().filter(|model| model.exceeds_budget) {
        let _ = writeln!(text, "  model {}: more than its `budget`", escape_controls(&model.name));
    }
    for rejected in &estimate.rejected {
        let rows = counted(rejected.rows, "row", "rows");
        let _ = writeln!(text, "  step {} rejected {rows} of the sample", escape_controls(&rejected.step));
    }
    text.push_str(
        "assumed:\n  a token for three bytes of a request\n  `max-tokens` of a request as the tokens of its answer",
    );
    let without: u64 = estimate.models.iter().map(|model| model.without_max_tokens).sum();
    if without > 0 {
        let _ = write!(text, ", and 256 for {} without", counted(without, "request", "requests"));
    }
    text.push_str(
        "\n  no retries and no corrections\n  placeholders as answers: steps that choose rows by answers may let other numbers of rows pass\n",
    );
}
