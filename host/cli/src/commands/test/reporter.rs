//! Shows the cases while they run and the result after them: for people on standard error, for programs as JSON.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use stillbox::text::{escape_controls, folder_name};
use stillbox_author::cases::{CaseReport, OutputListener, TestError, TestReport};

use super::records::{self, CaseCounts};
use super::{junit, text};
use crate::args::MessageFormat;
use crate::exit_code::Exit;
use crate::output::console::{eprint, eprintln};
use crate::output::errors;
use crate::output::failure;
use crate::output::guest;
use crate::output::messages::MessageWriter;
use crate::output::render::{self, is_quiet};
use crate::output::style::{BOLD, ERROR, STATUS};
use crate::output::summary::{duration, grouped};

/// Lives from before the first case until the result is printed.
pub(super) struct CaseReporter {
    /// Writes events to standard output. `None` without `--message-format json`.
    messages: Option<MessageWriter>,
    started: Instant,
    /// Cases finish on several threads; the lock keeps their lines apart.
    counts: Mutex<CaseCounts>,
}

impl CaseReporter {
    pub(super) fn new(format: MessageFormat) -> Self {
        let messages = (format == MessageFormat::Json).then(MessageWriter::default);
        Self { messages, started: Instant::now(), counts: Mutex::default() }
    }

    /// Shows a case that has ended.
    pub(super) fn case(&self, case: &CaseReport) {
        let mut counts = self.counts.lock();
        *(if case.passed() { &mut counts.passed } else { &mut counts.failed }) += 1;
        match &self.messages {
            Some(messages) => messages.print(&records::case(case)),
            None if is_quiet() && case.passed() && !case.is_flaky() => {}
            None => eprint!("{}", text::line(case)),
        }
    }

    /// Returns a function that shows what the step of a case logs and writes.
    pub(super) fn output(self: &Arc<Self>) -> OutputListener {
        let reporter = Arc::clone(self);
        Arc::new(move |case, message| {
            if let Some(messages) = &reporter.messages {
                let mut event = guest::event(message);
                event["case"] = case.into();
                messages.print(&event);
            } else {
                let _counts = reporter.counts.lock();
                eprint!("{}", guest::line_at(&escape_controls(case), message));
            }
        })
    }

    /// Shows the result after all cases, and writes the `JUnit` report.
    pub(super) fn done(&self, report: &TestReport, junit: Option<&Path>) -> Exit {
        for (step, problem) in &report.steps {
            let step = escape_controls(&folder_name(step)).into_owned();
            eprint!("{ERROR}error{ERROR:#}: {BOLD}{step}{BOLD:#} cannot be tested: {}", failure::error_text(problem));
        }
        match &self.messages {
            Some(messages) => messages.print(&records::end(report, self.started.elapsed())),
            None => self.print_details(report),
        }
        let mut end = exit(report);
        // The results have been printed by now, so an error below does not hide them.
        if let Some(file) = junit
            && let Err(error) = junit::write(file, report, self.started.elapsed())
        {
            failure::error(error.as_ref());
            end = Exit::Failed;
        }
        if let Some(error) = self.messages.as_ref().and_then(MessageWriter::error) {
            render::message(&error);
            end = Exit::Failed;
        }
        end
    }

    /// Shows why the cases have not all run.
    pub(super) fn not_done(&self, error: &TestError) -> Exit {
        let counts = *self.counts.lock();
        let ended = |status| records::ended(status, counts, self.started.elapsed());
        if let TestError::Interrupted(reason) = error {
            if let Some(messages) = &self.messages {
                let mut end = ended("interrupted");
                if let Some(signal) = reason.signal() {
                    end["signal"] = signal.name().into();
                }
                messages.print(&end);
            }
            return render::cancelled(*reason);
        }
        if let Some(messages) = &self.messages {
            messages.print(&errors::from_error(error));
            messages.print(&ended("failed"));
        }
        failure::error(error);
        Exit::Failed
    }

    fn print_details(&self, report: &TestReport) {
        let is_shown = |case: &&CaseReport| !case.passed() || case.is_flaky();
        for case in report.cases.iter().filter(is_shown) {
            eprint!("\n{}", text::details(case));
        }
        if report.cases.iter().any(|case| is_shown(&case)) {
            eprintln!();
        }
        for file in report.cases.iter().flat_map(|case| &case.updated) {
            let verb = if file.exists() { "Updated" } else { "Removed" };
            render::status(verb, &file.display().to_string());
        }
        let passed = report.cases.iter().filter(|case| case.passed()).count();
        let failed = report.cases.len() - passed;
        let failed = match failed {
            0 => String::new(),
            _ => format!(", {ERROR}{} failed{ERROR:#}", grouped(failed as u64)),
        };
        let counted = |count: usize, what: &str| match count {
            0 => String::new(),
            count => format!(", {} {what}", grouped(count as u64)),
        };
        let flaky = counted(report.cases.iter().filter(|case| case.is_flaky()).count(), "of them flaky");
        let not_run = counted(report.not_run, "not run");
        let skipped = counted(report.filtered + report.in_other_shards, "skipped");
        let untested = match report.steps.len() {
            0 => String::new(),
            1 => format!(", {ERROR}1 step not tested{ERROR:#}"),
            steps => format!(", {ERROR}{steps} steps not tested{ERROR:#}"),
        };
        let (passed, took) = (grouped(passed as u64), duration(self.started.elapsed()));
        if !is_quiet() {
            let counts = format!("{passed} passed{flaky}{failed}{not_run}{untested}{skipped}");
            eprintln!("{STATUS}{:>10}{STATUS:#} {counts} in {took}", "Summary");
        }
        if is_left_out(report) {
            render::message("no case has the text of `--filter` in its name");
        }
    }
}

fn exit(report: &TestReport) -> Exit {
    if report.cases.iter().any(|case| !case.passed()) {
        Exit::Failed
    } else if !report.steps.is_empty() || is_left_out(report) {
        Exit::Usage
    } else {
        Exit::Done
    }
}

/// Returns whether the filter matched no case. A step that could not be tested may have matching cases.
fn is_left_out(report: &TestReport) -> bool {
    report.cases.is_empty() && report.steps.is_empty() && report.filtered > 0
}
