//! The summary of a run.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use crate::output::console::eprint;
use crate::output::render::is_quiet;
use stillbox::Report;
use stillbox::model::ModelUsage;
use stillbox::report::UntilReport;
use stillbox::text::escape_controls;
pub(crate) use stillbox::units::{counted, grouped};

/// Prints the summary to standard error, unless the command is quiet.
pub(crate) fn print(name: &str, report: &Report) {
    if !is_quiet() {
        eprint!("{}", summary(name, report, terminal_columns()));
    }
}

/// Returns the width of the terminal that standard error is, if it is one.
fn terminal_columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stderr()).map(|(columns, _)| columns.0.into())
}

/// Returns the summary. The last columns of the table are left out if it is wider than the terminal.
fn summary(name: &str, report: &Report, terminal_columns: Option<usize>) -> String {
    let mut text = format!("{}: {} in", escape_controls(name), rows(report.rows_in));
    if report.bad_rows > 0 {
        let _ = write!(text, ", {} of them rejected as unreadable", grouped(report.bad_rows));
    }
    for sink in &report.sinks {
        let _ = write!(text, ", {} to {}", rows(sink.rows), escape_controls(&sink.name));
    }
    let _ = writeln!(text, " in {} ({} rows/s)", duration(report.elapsed), rate(report.rows_in, report.elapsed));
    let header = ["step", "rows in", "rows out", "dropped", "rejected", "busy", "instances"].map(str::to_owned);
    let lines = report.steps.iter().map(|step| {
        let numbers = [step.rows_in, step.rows_out, step.dropped, step.rejected].map(grouped);
        let [rows_in, rows_out, dropped, rejected] = numbers;
        let name = escape_controls(&step.name).into_owned();
        [name, rows_in, rows_out, dropped, rejected, duration(step.busy), grouped(step.instances)]
    });
    let table: Vec<_> = std::iter::once(header).chain(lines).collect();
    if report.steps.is_empty() {
        return text;
    }
    let models = report.models.iter().filter(|model| model.requests + model.stored_answers > 0);
    let models: String = models.map(model_line).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let fits = |count: usize| {
        terminal_columns.is_none_or(|columns| widths[..count].iter().map(|width| width + 2).sum::<usize>() <= columns)
    };
    let count = [7, 6].into_iter().find(|count| fits(*count)).unwrap_or(5);
    for row in &table {
        let _ = write!(text, "  {:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(widths).take(count).skip(1) {
            let _ = write!(text, "  {cell:>width$}");
        }
        text.push('\n');
    }
    if let Some(until) = &report.until {
        let _ = writeln!(text, "  until: {}, {} left out", accepted(until), grouped(until.left_out));
    }
    for step in report.steps.iter().filter(|step| step.cached > 0) {
        let (name, calls) = (escape_controls(&step.name), counted(step.cached, "call", "calls"));
        let _ = writeln!(text, "  {name}: the output of {calls} was in the cache");
    }
    text + &models
}

/// Returns how many rows of a pipeline with `until` are accepted.
pub(crate) fn accepted(until: &UntilReport) -> String {
    format!("{} of {} accepted", grouped(until.accepted), rows(until.rows))
}

/// Returns what the run used of a model, as a line.
pub(crate) fn model_line(model: &ModelUsage) -> String {
    format!("  model {}: {}\n", escape_controls(&model.name), model_usage(model))
}

/// Returns what the run used of a model.
pub(crate) fn model_usage(model: &ModelUsage) -> String {
    let mut text = counted(model.requests, "request", "requests");
    if model.retries > 0 {
        let _ = write!(text, " ({})", counted(model.retries, "retry", "retries"));
    }
    if model.stored_answers > 0 {
        let _ = write!(text, ", {}", counted(model.stored_answers, "stored answer", "stored answers"));
    }
    let (input, output) = (grouped(model.input_tokens), grouped(model.output_tokens));
    let _ = write!(text, ", {input} tokens in, {output} out");
    if let Some(cost) = model.cost {
        let _ = write!(text, ", cost {cost:.4}");
    }
    if model.rate_limit_seconds >= 0.05 {
        let _ = write!(
            text,
            ", {} of waiting for rate limits",
            duration(Duration::from_secs_f64(model.rate_limit_seconds))
        );
    }
    text
}

/// Returns a number of rows as text: `1 row`, `2,000 rows`.
pub(crate) fn rows(number: u64) -> String {
    counted(number, "row", "rows")
}

/// Returns the rows per second as text.
pub(crate) fn rate(rows: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { grouped((rows as f64 / seconds) as u64) } else { "-".into() }
}

/// Returns a number of bytes in a suitable unit.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return counted(bytes, "byte", "bytes");
    }
    let mut size = bytes as f64 / 1000.0;
    let mut unit = 0;
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Returns a size of memory, in the unit in which limits of memory are usually written.
pub(crate) fn memory(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// Returns a duration in a suitable unit.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds >= 60.0 {
        format!("{}m {:02}s", duration.as_secs() / 60, duration.as_secs() % 60)
    } else if seconds >= 1.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{:.1} ms", seconds * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use stillbox::report::{SinkReport, StepReport};

    use super::*;

    #[test]
    fn names_do_not_drive_the_terminal() {
        let name = "a\u{1b}[2J\u{9b}1A\u{202e}\n";
        let mut step = StepReport::new(name.into());
        (step.rows_in, step.rows_out, step.dropped, step.rejected, step.instances) = (1234, 1230, 3, 1, 5);
        step.busy = Duration::from_millis(20);
        let mut sink = SinkReport::new(name.into(), false);
        sink.rows = 1230;
        let mut report = Report::default();
        (report.rows_in, report.elapsed) = (1234, Duration::from_millis(500));
        (report.steps, report.sinks) = (vec![step], vec![sink]);
        insta::assert_snapshot!(summary(name, &report, None), @r"
        a\u{1b}[2J\u{9b}1A\u{202e}\u{a}: 1,234 rows in, 1,230 rows to a\u{1b}[2J\u{9b}1A\u{202e}\u{a} in 500.0 ms (2,468 rows/s)
          step                             rows in  rows out  dropped  rejected     busy  instances
          a\u{1b}[2J\u{9b}1A\u{202e}\u{a}    1,234     1,230        3         1  20.0 ms          5
        ");
    }

    #[test]
    fn a_narrow_terminal_has_fewer_columns() {
        let mut step = StepReport::new("clean".into());
        (step.rows_in, step.rows_out, step.instances) = (400_000, 400_000, 400);
        let mut report = Report::default();
        report.steps.push(step);
        let header = |columns| summary("p", &report, Some(columns)).lines().nth(1).unwrap_or_default().to_owned();
        assert_eq!(header(69), "  step   rows in  rows out  dropped  rejected    busy  instances");
        assert_eq!(header(60), "  step   rows in  rows out  dropped  rejected    busy");
        assert_eq!(header(20), "  step   rows in  rows out  dropped  rejected");
    }

    #[test]
    fn the_line_of_a_model_says_what_was_used() {
        let mut model = ModelUsage::default();
        (model.name, model.requests, model.input_tokens, model.output_tokens) = ("writer".into(), 1, 1234, 5);
        assert_eq!(model_line(&model), "  model writer: 1 request, 1,234 tokens in, 5 out\n");
        (model.retries, model.stored_answers, model.cost, model.rate_limit_seconds) = (1, 2, Some(0.5), 1.5);
        let line = "  model writer: 1 request (1 retry), 2 stored answers, 1,234 tokens in, 5 out, cost 0.5000, 1.50 s of waiting for rate limits\n";
        assert_eq!(model_line(&model), line);
    }

    #[test]
    fn sizes_are_in_the_unit_that_fits() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1), "1 byte");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(1500), "1.5 KB");
        assert_eq!(size(999_999), "1.0 MB");
        assert_eq!(size(2_340_000_000), "2.3 GB");
        assert_eq!(size(u64::MAX), "18446744.1 TB");
    }

    #[test]
    fn durations_are_in_the_unit_that_fits() {
        assert_eq!(duration(Duration::from_micros(1500)), "1.5 ms");
        assert_eq!(duration(Duration::from_millis(1500)), "1.50 s");
        assert_eq!(duration(Duration::from_secs(125)), "2m 05s");
    }
}
