//! `stillbox test`.

mod junit;
mod records;
mod text;

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anstream::{eprint, eprintln};
use stillbox::{CaseReport, Interrupt, Suite, TestError, TestOptions, TestReport};

use super::args::{Global, MessageFormat, Test};
use super::exit_code::Exit;
use super::render::{self, BOLD, ERROR, STATUS};
use super::run::{cache, show_preparation};
use super::signals::Signals;
use super::summary::{duration, grouped};
use super::watch::{Watched, watch};

/// Runs the cases, and prints what came of them.
pub(super) fn execute(arguments: &Test, global: &Global, signals: &Signals) -> Exit {
    let Some(suite) = suite(arguments) else { return Exit::Usage };
    if !arguments.watch {
        return run(&suite, arguments, global, signals.interrupt());
    }
    watch(&signals.interrupt_within(Duration::ZERO), |interrupt| {
        run(&suite, arguments, global, interrupt);
        let inputs = suite.steps.iter().chain(&suite.component).cloned().collect();
        Watched { outputs: arguments.junit.iter().cloned().collect(), ..Watched::of(inputs) }
    })
}

fn run(suite: &Suite, arguments: &Test, global: &Global, interrupt: Interrupt) -> Exit {
    let is_json = arguments.message_format == MessageFormat::Json;
    let started = Instant::now();
    // The cases come from several threads; a line of one is not to be cut by another's.
    let printing = Mutex::new(());
    let show = |case: &CaseReport| {
        let _printing = printing.lock();
        if is_json { records::case(case) } else { eprint!("{}", text::line(case)) }
    };
    let options = TestOptions {
        update: arguments.update,
        interrupt,
        cache: Some(cache(global)),
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
            eprintln!("stopped by {}", signal.name());
            return Exit::Stopped(signal);
        }
        Err(error) => {
            render::error(&error);
            return Exit::Failed;
        }
    };
    if let Some(file) = &arguments.junit
        && let Err(error) = junit::write(file, &report, started.elapsed())
    {
        render::error(error.as_ref());
        return Exit::Usage;
    }
    for (step, problem) in &report.steps {
        eprintln!("{ERROR}error{ERROR:#}: {BOLD}{}{BOLD:#} cannot be tested", step.display());
        render::error(problem);
    }
    if is_json {
        records::end(&report, started.elapsed());
    } else {
        print_details(&report, started);
    }
    exit(&report)
}

/// What is to be tested; nothing if the command line is wrong, which it has told then.
fn suite(arguments: &Test) -> Option<Suite> {
    let mut steps = arguments.folders.clone();
    if steps.is_empty() {
        steps.push(PathBuf::from("."));
    }
    // `steps/*` of a shell names files, too.
    let (folders, files): (Vec<_>, Vec<_>) = steps.into_iter().partition(|path| path.is_dir() || !path.exists());
    if folders.is_empty() {
        let file = files.first().map(|file| file.display().to_string()).unwrap_or_default();
        render::message(&format!("`{file}` is not a folder: give the folder of a step, with its cases in `cases`"));
        return None;
    }
    if arguments.component.is_some() && folders.len() > 1 {
        render::message("`--component` is for the cases of one folder");
        return None;
    }
    if let Some(missing) = folders.iter().find(|folder| !folder.exists()) {
        render::message(&format!("there is no folder `{}`", missing.display()));
        return None;
    }
    Some(Suite { steps: folders, component: arguments.component.clone(), filter: arguments.filter.clone() })
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
    if report.cases.is_empty() && report.filtered > 0 {
        render::message("no case has the text of `--filter` in its name");
    }
}

fn exit(report: &TestReport) -> Exit {
    if report.cases.iter().any(|case| !case.passed()) {
        Exit::Failed
    } else if !report.steps.is_empty() || (report.cases.is_empty() && report.filtered > 0) {
        Exit::Usage
    } else {
        Exit::Done
    }
}
