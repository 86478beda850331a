//! The sections of the page. Each is bounded, so that the page is smaller than 2 MiB.

use std::fmt::Write as _;
use std::time::Duration;

use stillbox::Limits;
use stillbox::outline::NodeRole;
use stillbox::report::StepReport;
use stillbox::text::truncate;
use stillbox::units::{counted, format_duration, grouped};

use crate::output::summary::{duration, memory};
use crate::picture;
use crate::report::edges::edge_rows;
use crate::report::evidence::Evidence;
use crate::report::groups::{FailureGroup, write_groups};
use crate::report::text::html;

/// The largest picture of the graph, and the largest list of failures, in bytes.
const MAX_GRAPH: usize = 512 << 10;
const MAX_FAILURES: usize = 768 << 10;
/// The number of steps in tables. With their names, of at most 100 bytes each, a table takes less than 200 KiB.
const MAX_STEPS: usize = 200;
/// The largest value in the list of facts, in characters.
const MAX_FACT: usize = 2000;

/// Warnings about inputs and components.
pub(super) fn warnings(page: &mut String, evidence: &Evidence) {
    if evidence.warnings.is_empty() {
        return;
    }
    page.push_str("<section><h2>Warnings</h2><ul>\n");
    for warning in &evidence.warnings {
        let _ = writeln!(page, "<li>{}</li>", html(&cut(warning)));
    }
    page.push_str("</ul></section>\n");
}

/// Failures by message, with rows and source lines.
pub(super) fn failures(page: &mut String, evidence: &Evidence) {
    let groups = evidence.failures.sorted();
    let _ = writeln!(page, "<section><h2>Failures</h2>");
    if groups.is_empty() {
        page.push_str("<p class=\"soft\">None.</p></section>\n");
        return;
    }
    let total = counted(evidence.failures.total(), "failure", "failures");
    let _ = writeln!(page, "<p class=\"soft\">{total} in {}</p>", counted(groups.len() as u64, "group", "groups"));
    // The first groups are open, so that the essentials are there in print.
    let (items, rest) =
        write_groups(&evidence.failures, &groups, (usize::MAX, MAX_FAILURES), |index, group| failure(group, index < 3));
    page.push_str(&items);
    if rest > 0 {
        let _ = writeln!(page, "<p>and {} with other messages</p>", counted(rest, "more failure", "more failures"));
    }
    page.push_str("</section>\n");
}

fn failure(group: &FailureGroup, is_open: bool) -> String {
    let open = if is_open { " open" } else { "" };
    let first_line = group.message.lines().next().unwrap_or_default();
    let mut item = format!(
        "<details{open}><summary><b>{}</b> <span class=\"message\">{}</span></summary><dl>\n",
        html(&group.title()),
        html(first_line)
    );
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(item, "<dt>{name}</dt><dd>{}</dd>", html(value));
        }
    };
    for line in group.message.lines().skip(1).take(20) {
        fact("", line);
    }
    for cause in &group.causes {
        fact("caused by", cause);
    }
    fact("at", &group.places());
    fact("source", &group.location.as_ref().map(ToString::to_string).unwrap_or_default());
    fact("hint", group.hint.as_deref().unwrap_or_default());
    item.push_str("</dl></details>\n");
    item
}

/// The graph with the rows along its edges.
pub(super) fn graph(page: &mut String, evidence: &Evidence) {
    let Some(outline) = &evidence.outline else { return };
    let rows = edge_rows(outline, &evidence.report);
    let picture = picture::svg_with_rows(outline, &rows);
    page.push_str("<section><h2>Graph</h2>\n");
    if picture.len() > MAX_GRAPH {
        page.push_str("<p class=\"soft\">The graph is too large for this page; `stillbox graph` draws it.</p>\n");
    } else {
        let _ = writeln!(page, "<div class=\"graph\">{picture}</div>");
    }
    page.push_str("</section>\n");
}

/// The rows that each step got, returned, dropped and rejected.
pub(super) fn steps(page: &mut String, evidence: &Evidence) {
    let steps = &evidence.report.steps;
    if steps.is_empty() {
        return;
    }
    page.push_str(
        "<section><h2>Steps</h2><p class=\"soft key\">Rows in:<i class=\"out\"></i>passed<i class=\"dropped\"></i>dropped\
         <i class=\"rejected\"></i>rejected</p><div class=\"wide\"><table><tr><th>step</th><th class=\"text\">rows in</th>\
         <th>in</th><th>out</th><th>dropped</th><th>rejected</th><th>busy</th><th>instances</th></tr>\n",
    );
    let most = steps.iter().map(|step| step.rows_in.max(step.rows_out)).max().unwrap_or(0).max(1);
    for step in steps.iter().take(MAX_STEPS) {
        let [rows_in, rows_out, dropped, rejected, instances] =
            [step.rows_in, step.rows_out, step.dropped, step.rejected, step.instances].map(grouped);
        let cached = if step.cached > 0 { format!(" + {} cached", grouped(step.cached)) } else { String::new() };
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{rows_in}</td><td>{rows_out}</td><td>{dropped}</td><td>{rejected}</td>\
             <td>{}</td><td>{instances}{cached}</td></tr>",
            html(&step.name),
            bar(step, most),
            duration(step.busy),
        );
    }
    page.push_str("</table></div>\n");
    more_steps(page, steps.len());
    page.push_str("</section>\n");
}

/// A bar as long as the rows in, in parts.
fn bar(step: &StepReport, most: u64) -> String {
    let share = |rows: u64| rows as f64 * 100.0 / most as f64;
    let gone = step.dropped + step.rejected;
    // A source has no rows in, and an aggregate returns other rows than it gets.
    let passed = if step.rows_in == 0 { step.rows_out } else { step.rows_in.saturating_sub(gone) };
    let part = |class: &str, rows: u64| format!("<i class=\"{class}\" style=\"width:{:.2}%\"></i>", share(rows));
    format!(
        "<div class=\"bar\">{}{}{}</div>",
        part("out", passed),
        part("dropped", step.dropped),
        part("rejected", step.rejected)
    )
}

fn more_steps(page: &mut String, number: usize) {
    if let Some(more) = number.checked_sub(MAX_STEPS).filter(|more| *more > 0) {
        let _ = writeln!(page, "<p>and {}</p>", counted(more as u64, "more step", "more steps"));
    }
}

/// The most that an instance of each step has used of its limits.
pub(super) fn limits(page: &mut String, evidence: &Evidence) {
    let limits = |name: &str| {
        let nodes = evidence.outline.as_ref()?.nodes.iter();
        nodes.filter(|node| *node.name == *name).find_map(|node| match &node.role {
            NodeRole::Step { limits, .. } => Some(&**limits),
            _ => None,
        })
    };
    let steps = evidence.report.steps.iter().filter_map(|step| Some((step, limits(&step.name)?)));
    let steps: Vec<(&StepReport, &Limits)> = steps.collect();
    if steps.is_empty() {
        return;
    }
    page.push_str(
        "<section><h2>Limits</h2><p class=\"soft\">The most that one instance or batch has used.</p><div class=\"wide\"><table>\
         <tr><th>step</th><th>memory</th><th>limit</th><th></th><th>time of a batch</th><th>limit</th><th></th></tr>\n",
    );
    for (step, limits) in steps.iter().take(MAX_STEPS) {
        let percent = |used: f64, limit: f64| format!("{:.0} %", 100.0 * used / limit.max(f64::MIN_POSITIVE));
        let _ = writeln!(
            page,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            html(&step.name),
            memory(step.peak_memory),
            memory(limits.memory),
            percent(step.peak_memory as f64, limits.memory as f64),
            duration(step.longest),
            format_duration(limits.time),
            percent(step.longest.as_secs_f64(), limits.time.as_secs_f64()),
        );
    }
    page.push_str("</table></div>\n");
    more_steps(page, steps.len());
    page.push_str("</section>\n");
}

/// The rows over time.
pub(super) fn timeline(page: &mut String, evidence: &Evidence) {
    let points = evidence.timeline.points();
    let (Some((end, rows)), true) = (points.last(), points.len() > 1) else { return };
    let (width, height) = (1000.0, 100.0);
    let x = |time: &Duration| time.as_secs_f64() / end.as_secs_f64().max(f64::MIN_POSITIVE) * width;
    let y = |count: u64| height - count as f64 / (*rows).max(1) as f64 * height;
    let line: Vec<String> = points.iter().map(|(time, rows)| format!("{:.1},{:.1}", x(time), y(*rows))).collect();
    let _ = writeln!(
        page,
        "<section><h2>Rows over time</h2><div class=\"axis\"><span>{} rows</span></div>\
         <svg class=\"time\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"Rows over time\"><line x1=\"0\" y1=\"{height}\" x2=\"{width}\" y2=\"{height}\"/>\
         <polyline points=\"0,{height} {}\"/></svg>\
         <div class=\"axis\"><span>0</span><span>{}</span></div></section>",
        grouped(*rows),
        line.join(" "),
        duration(*end),
    );
}

/// Facts about the command, the machine and the components.
pub(super) fn environment(page: &mut String, evidence: &Evidence) {
    page.push_str("<section><h2>Environment</h2><dl>\n");
    let mut fact = |name: &str, value: &str| {
        let _ = writeln!(page, "<dt>{}</dt><dd>{}</dd>", html(&cut(name)), html(&cut(value)));
    };
    if let Some(run) = &evidence.run {
        fact("run", run);
    }
    for (name, value) in &evidence.environment {
        fact(name, value);
    }
    let nodes = evidence.outline.iter().flat_map(|outline| &outline.nodes);
    for node in nodes.filter(|node| matches!(node.role, NodeRole::Step { .. })).take(MAX_STEPS) {
        if let NodeRole::Step { component, digest, .. } = &node.role {
            fact(&node.name, &format!("{component}, {digest}"));
        }
    }
    page.push_str("</dl></section>\n");
}

fn cut(text: &str) -> String {
    truncate(text, MAX_FACT).into_owned()
}
