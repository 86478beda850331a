//! `stillbox test`.

mod junit;
mod records;
mod text;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::output::console::{eprint, eprintln};
use parking_lot::Mutex;
use serde_json::Value;
use stillbox::{CleanupRegistry, Interrupt};
use stillbox_author::cases::{CaseReport, Suite, TestError, TestOptions, TestReport};

use crate::args::{Global, MessageFormat, Test};
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::errors;
use crate::output::messages::Messages;
use crate::output::progress::show_preparation;
use crate::output::records::could_be_made;
use crate::output::render::{self, BOLD, ERROR, STATUS};
use crate::output::summary::{duration, grouped};
use crate::signals::Signals;
use crate::watch::{Watched, watch};

/// Runs the cases, and prints their results.
pub(crate) fn execute(arguments: &Test, global: &Global, signals: &Signals) -> Exit {
    let suite = match suite(arguments) {
        Ok(suite) => suite,
        Err(text) => {
            print_error(arguments, &errors::from_message(&text));
            render::message(&text);
            return Exit::Usage;
        }
    };
    if let Some(file) = &arguments.junit
        && let Err(error) = could_be_made(file)
    {
        let error = anyhow::Error::new(error).context(junit::cannot_write(file));
        print_error(arguments, &errors::from_error(&*error));
        render::error(&*error);
        return Exit::Usage;
    }
    if !arguments.watch {
        return run(&suite, arguments, global, (signals.interrupt(), signals.cleanup()));
    }
    let watched = || {
        let inputs = suite.steps.iter().chain(&suite.component).cloned().collect();
        let outputs = arguments.junit.iter().cloned().collect();
        let rewritten = if arguments.update { is_expected } else { |_: &Path| false };
        Watched { outputs, rewritten, ..Watched::new(inputs) }
    };
    watch(&signals.interrupt_within(Duration::ZERO), watched(), |interrupt| {
        run(&suite, arguments, global, (interrupt, signals.cleanup()));
        watched()
    })
}

/// With `--message-format json`, prints the error that keeps the cases from running, and the event `finished`.
fn print_error(arguments: &Test, error: &Value) {
    if arguments.message_format == MessageFormat::Json {
        let messages = Messages::default();
        messages.print(error);
        messages.print(&records::ended("failed", Counts::default(), Duration::ZERO));
    }
}

/// Returns whether `--update` writes this file.
fn is_expected(path: &Path) -> bool {
    let is_one = |name: &OsStr| name == "expected.jsonl" || name == "expected-rejects.jsonl";
    path.file_name().is_some_and(is_one) && path.ancestors().nth(2).is_some_and(|folder| folder.ends_with("cases"))
}

fn run(suite: &Suite, arguments: &Test, global: &Global, (interrupt, cleanup): (Interrupt, CleanupRegistry)) -> Exit {
    let is_json = arguments.message_format == MessageFormat::Json;
    let started = Instant::now();
    // Cases finish on several threads; the lock keeps their lines apart.
    let counts = Mutex::new(Counts::default());
    let messages = Messages::default();
    let show = |case: &CaseReport| {
        let mut counts = counts.lock();
        counts.add(case);
        if is_json { messages.print(&records::case(case)) } else { eprint!("{}", text::line(case)) }
    };
    let options = TestOptions {
        update: arguments.update,
        interrupt,
        engine: engine(global, None, &cleanup),
        cleanup,
        on_event: Some(std::sync::Arc::new(move |event| {
            if !is_json {
                show_preparation(event);
            }
        })),
        on_case: Some(&show),
    };
    let report = match suite.run(&options) {
        Ok(report) => report,
        Err(TestError::Interrupted(signal)) => {
            if is_json {
                let counts = counts.into_inner();
                let mut end = records::ended("interrupted", counts, started.elapsed());
                end["signal"] = signal.name().into();
                messages.print(&end);
            }
            render::stopped(signal);
            return Exit::Stopped(signal);
        }
        Err(error) => {
            if is_json {
                let counts = counts.into_inner();
                messages.print(&errors::from_error(&error));
                messages.print(&records::ended("failed", counts, started.elapsed()));
            }
            render::error(&error);
            return Exit::Failed;
        }
    };
    for (step, problem) in &report.steps {
        eprintln!("{ERROR}error{ERROR:#}: {BOLD}{}{BOLD:#} cannot be tested", step.display());
        render::error(problem);
    }
    if is_json {
        messages.print(&records::end(&report, started.elapsed()));
    } else {
        print_details(&report, started);
    }
    let mut end = exit(&report);
    // The results have been printed by now, so an error below does not hide them.
    if let Some(file) = &arguments.junit
        && let Err(error) = junit::write(file, &report, started.elapsed())
    {
        render::error(error.as_ref());
        end = Exit::Failed;
    }
    if let Some(error) = messages.error() {
        render::message(&error);
        end = Exit::Failed;
    }
    end
}

/// The numbers of finished cases.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    passed: usize,
    failed: usize,
}

impl Counts {
    fn add(&mut self, case: &CaseReport) {
        *(if case.passed() { &mut self.passed } else { &mut self.failed }) += 1;
    }
}

/// Returns the steps and cases to test, or a message about an error in the command line.
fn suite(arguments: &Test) -> Result<Suite, String> {
    let mut steps = arguments.folders.clone();
    if steps.is_empty() {
        steps.push(PathBuf::from("."));
    }
    // A pattern such as `steps/*` also matches files.
    let (folders, files): (Vec<_>, Vec<_>) = steps.into_iter().partition(|path| path.is_dir() || !path.exists());
    if folders.is_empty() {
        let file = files.first().map(|file| file.display().to_string()).unwrap_or_default();
        return Err(format!("`{file}` is not a folder: give the folder of a step, with its cases in `cases`"));
    }
    if arguments.component.is_some() && folders.len() > 1 {
        return Err("`--component` is for the cases of one folder".into());
    }
    if let Some(missing) = folders.iter().find(|folder| !folder.exists()) {
        return Err(format!("there is no folder `{}`", missing.display()));
    }
    Ok(Suite { steps: folders, component: arguments.component.clone(), filter: arguments.filter.clone() })
}

fn print_details(report: &TestReport, started: Instant) {
    for case in report.cases.iter().filter(|case| !case.passed()) {
        eprint!("\n{}", text::details(case));
    }
    if report.cases.iter().any(|case| !case.passed()) {
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
    let filtered = match report.filtered {
        0 => String::new(),
        left_out => format!(", {} left out", grouped(left_out as u64)),
    };
    let untested = match report.steps.len() {
        0 => String::new(),
        1 => format!(", {ERROR}1 step not tested{ERROR:#}"),
        steps => format!(", {ERROR}{steps} steps not tested{ERROR:#}"),
    };
    let (passed, took) = (grouped(passed as u64), duration(started.elapsed()));
    eprintln!("{STATUS}{:>10}{STATUS:#} {passed} passed{failed}{untested}{filtered} in {took}", "Summary");
    if is_left_out(report) {
        render::message("no case has the text of `--filter` in its name");
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
