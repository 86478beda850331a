//! `stillbox test`.

mod junit;
mod records;
mod reporter;
mod text;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use stillbox::config::models_from_arguments;
use stillbox::lockfile::LockError;
use stillbox::{CleanupRegistry, Interrupt, Lock};
use stillbox_author::cases::{CaseReport, Suite, TestOptions};

use crate::args::{Global, MessageFormat, Test};
use crate::commands::run::report_wrong;
use crate::commands::shared::file_needed;
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::errors;
use crate::output::failure;
use crate::output::messages::MessageWriter;
use crate::output::progress::show_preparation;
use crate::output::records::could_be_made;
use crate::output::render;
use crate::report::cannot_write;
use crate::signals::Signals;
use crate::watch::{Watched, watch};
use records::CaseCounts;
use reporter::CaseReporter;

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
        let error = anyhow::Error::new(error).context(cannot_write(file));
        print_error(arguments, &errors::from_error(&*error));
        failure::error(&*error);
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
    print_errors(arguments, std::slice::from_ref(error));
}

fn print_errors(arguments: &Test, errors: &[Value]) {
    if arguments.message_format == MessageFormat::Json {
        let messages = MessageWriter::default();
        for error in errors {
            messages.print(error);
        }
        messages.print(&records::ended("failed", CaseCounts::default(), Duration::ZERO));
    }
}

/// Returns whether `--update` writes this file.
fn is_expected(path: &Path) -> bool {
    let is_one = |name: &OsStr| name == "expected.jsonl" || name == "expected-rejects.jsonl";
    path.file_name().is_some_and(is_one) && path.ancestors().nth(2).is_some_and(|folder| folder.ends_with("cases"))
}

fn run(suite: &Suite, arguments: &Test, global: &Global, (interrupt, cleanup): (Interrupt, CleanupRegistry)) -> Exit {
    let reporter = Arc::new(CaseReporter::new(arguments.message_format));
    let show = |case: &CaseReport| reporter.case(case);
    let is_json = arguments.message_format == MessageFormat::Json;
    let policy = match arguments.allow.policy() {
        Ok(policy) => policy,
        Err(error) => {
            print_error(arguments, &errors::from_error(&error));
            return report_wrong(&error);
        }
    };
    let lock = match arguments.locked.as_deref().map(read_lock).transpose() {
        Ok(lock) => lock,
        Err(error) => {
            print_error(arguments, &errors::from_error(&error));
            failure::error(&error);
            return Exit::Usage;
        }
    };
    let models = match models_from_arguments(&arguments.set_model) {
        Ok(models) => models,
        Err(diagnostics) => {
            print_errors(arguments, &errors::from_diagnostics(&diagnostics));
            render::diagnostics(&diagnostics);
            return Exit::Usage;
        }
    };
    let options = TestOptions {
        lock,
        models,
        update: arguments.update,
        record: arguments.record,
        no_build: arguments.no_build,
        fail_fast: arguments.fail_fast,
        retries: arguments.retries,
        allow: arguments.allow.grants(),
        policy,
        interrupt,
        engine: engine(global, None, &cleanup),
        cleanup,
        on_event: Some(Arc::new(move |event| {
            if !is_json {
                show_preparation(event);
            }
        })),
        on_case: Some(&show),
        on_output: arguments.show.show_output.then(|| reporter.output()),
    };
    match suite.run(&options) {
        Ok(report) => reporter.done(&report, arguments.junit.as_deref()),
        Err(error) => reporter.not_done(&error),
    }
}

/// Reads a lock. Its paths start from its folder.
fn read_lock(path: &Path) -> Result<(Lock, PathBuf), LockError> {
    Ok((Lock::read(path)?, path.parent().unwrap_or(Path::new("")).to_owned()))
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
    if let Some(message) = file_needed("--component", arguments.component.as_deref()) {
        return Err(message);
    }
    if arguments.component.is_some() && folders.len() > 1 {
        return Err("`--component` is for the cases of one folder".into());
    }
    if let Some(missing) = folders.iter().find(|folder| !folder.exists()) {
        return Err(format!("there is no folder `{}`", missing.display()));
    }
    Ok(Suite {
        steps: folders,
        component: arguments.component.clone(),
        filter: arguments.filter.clone(),
        shard: arguments.shard,
    })
}
