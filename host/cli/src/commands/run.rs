//! `stillbox run`.

mod ended;
mod resume;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use stillbox::{
    Checkpointing, CleanupRegistry, ConfigError, Interrupt, Overrides, Pipeline, Report, RunError, RunOptions,
    RunStore, Start,
};

use crate::args::{Changes, Global, MessageFormat, Progress, Run};
use crate::directories::{engine, state_directory};
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::errors;
use crate::output::progress::Display;
use crate::output::records::{End, Records, is_stdout};
use crate::output::render;
use crate::output::summary;
use crate::signals::Signals;
use crate::watch::{Watched, watch};
pub(crate) use ended::report_error;
use ended::{interrupted, not_recorded, show};

/// Options of a run.
#[derive(Debug, Default)]
pub(crate) struct Running {
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) progress: Progress,
    pub(crate) failures: Option<PathBuf>,
    pub(crate) message_format: MessageFormat,
    pub(crate) grace: Option<Duration>,
    /// Where to save checkpoints, and whether to resume a run. `None` if the run cannot be resumed.
    pub(crate) keep: Option<Checkpointing>,
}

/// Runs the pipeline, and prints the result.
pub(crate) fn execute(arguments: &Run, global: &Global, signals: &Signals) -> Exit {
    if arguments.watch {
        return watched(arguments, global, signals);
    }
    match open(&arguments.changes, arguments.max_rejects.as_deref(), arguments.message_format) {
        Ok(pipeline) => {
            let interrupt = signals.interrupt_within(arguments.grace.unwrap_or_default());
            let keep = state_directory(&arguments.state).map(|directory| Checkpointing {
                start: start(arguments),
                checkpoint_every: arguments.checkpoint_every,
                ..Checkpointing::at(RunStore::at(directory))
            });
            drive(&pipeline, &Running { keep, ..running(arguments) }, global, (interrupt, signals.cleanup()))
        }
        Err(exit) => exit,
    }
}

/// Runs the pipeline again after each change of a file that it depends on.
fn watched(arguments: &Run, global: &Global, signals: &Signals) -> Exit {
    let file = &arguments.changes.pipeline;
    let watched_files = |pipeline: &Pipeline| {
        let mut outputs = pipeline.writes();
        outputs.extend(arguments.failures.clone());
        Watched { outputs, ..Watched::new(pipeline.reads()) }
    };
    let first = load(&arguments.changes, arguments.max_rejects.as_deref());
    let first = first.map_or_else(|_| Watched::new(vec![file.clone()]), |pipeline| watched_files(&pipeline));
    watch(&signals.interrupt_within(arguments.grace.unwrap_or_default()), first, |interrupt| {
        // An invalid pipeline file is watched alone, because its inputs and steps are unknown.
        let Ok(pipeline) = open(&arguments.changes, arguments.max_rejects.as_deref(), arguments.message_format) else {
            return Watched::new(vec![file.clone()]);
        };
        if pipeline.reads_stdin() {
            let text = "`--watch` runs the pipeline again and again, and standard input can be read once; give a file";
            return Watched::end(refuse(text, arguments.message_format));
        }
        drive(&pipeline, &running(arguments), global, (interrupt, signals.cleanup()));
        watched_files(&pipeline)
    })
}

fn start(arguments: &Run) -> Start {
    match &arguments.resume {
        Some(Some(run)) => Start::ResumeRun(run.clone()),
        Some(None) => Start::Resume,
        None if arguments.restart => Start::Restart,
        None => Start::New,
    }
}

fn running(arguments: &Run) -> Running {
    Running {
        threads: arguments.threads,
        progress: arguments.progress,
        failures: arguments.failures.clone(),
        message_format: arguments.message_format,
        grace: arguments.grace,
        keep: None,
    }
}

/// Runs a pipeline until it ends or is interrupted, and prints the result. Temporary files and child processes are
/// registered in `cleanup`.
pub(crate) fn drive(
    pipeline: &Pipeline,
    running: &Running,
    global: &Global,
    (interrupt, cleanup): (Interrupt, CleanupRegistry),
) -> Exit {
    let is_json = running.message_format == MessageFormat::Json;
    if is_json && pipeline.writes_to_stdout() {
        let text = "with `--message-format json` the standard output is for messages; give the sink a file";
        return refuse(text, running.message_format);
    }
    let on_stdout = if is_json { Some("messages") } else { pipeline.writes_to_stdout().then_some("rows") };
    if let (Some(path), Some(what)) = (&running.failures, on_stdout)
        && is_stdout(path)
    {
        let text = format!(
            "`--failures {}` leads to the standard output, where the {what} go; use a separate file for failures",
            path.display()
        );
        return refuse(&text, running.message_format);
    }
    let records = match Records::new(running.failures.as_deref(), is_json) {
        Ok(records) => Arc::new(records),
        Err(error) => {
            if is_json {
                errors::print_errors(&[errors::from_error(error.as_ref())]);
            }
            render::error(error.as_ref());
            return Exit::Usage;
        }
    };
    let display = Arc::new(Display::new(if is_json { Progress::None } else { running.progress }));
    let mut options = RunOptions::new().interrupt(&interrupt).cleanup(&cleanup).on_event({
        let (display, records) = (Arc::clone(&display), Arc::clone(&records));
        move |event| {
            records.event(event);
            display.show(event);
        }
    });
    options = options.grace(running.grace.unwrap_or_default());
    if let Some(path) = &running.failures {
        options = options.failures_file(path);
    }
    if let Some(checkpointing) = &running.keep {
        options = options.checkpointing(checkpointing.clone());
    }
    let result = pipeline.run(&engine(global, running.threads), &options);
    display.end();
    let no_report = Report::default();
    match result {
        Ok(report) => {
            let unrecorded = records.error();
            records.end(if unrecorded.is_some() { End::Failed } else { End::Done }, &report);
            // Writing the last message may fail, too.
            let unrecorded = unrecorded.or_else(|| records.error());
            // A reader that closed the output early does not need the summary.
            if !is_json && !report.output_closed {
                summary::print(pipeline.name(), &report);
            }
            unrecorded.map_or(Exit::Done, |error| not_recorded(&error))
        }
        Err(error) => {
            match &error {
                RunError::Config(diagnostics) => records.errors(&errors::from_diagnostics(diagnostics)),
                RunError::Runs(_) => records.keep_earlier(),
                _ => {}
            }
            for failure in error.failures() {
                records.failure(&failure);
            }
            let (how, report) = match &error {
                RunError::Failed(failed) => (End::Failed, &failed.report),
                RunError::TooManyRejects { report, .. } => (End::Failed, &**report),
                RunError::Interrupted { signal, report, .. } => (End::Interrupted(*signal), &**report),
                _ => (End::Failed, &no_report),
            };
            records.end(how, report);
            let exit = match error {
                RunError::Interrupted { signal, ref failures, ref report } => {
                    show(failures);
                    interrupted(signal, report, pipeline.writes_to_stdout())
                }
                ref error => {
                    let exit = report_error(error);
                    if let Some(resumable) = &report.resumable {
                        let rows = summary::grouped(resumable.rows);
                        console::eprintln!("{rows} rows are done and saved; resume with: {}", resume::command());
                    }
                    exit
                }
            };
            if let Some(error) = records.error() {
                not_recorded(&error);
            }
            exit
        }
    }
}

/// Prints why the pipeline is not run.
fn refuse(text: &str, format: MessageFormat) -> Exit {
    if format == MessageFormat::Json {
        errors::print_errors(&[errors::from_message(text)]);
    }
    render::message(text);
    Exit::Usage
}

/// Reads the pipeline file and applies the changes, or prints the errors.
fn open(changes: &Changes, max_rejects: Option<&str>, format: MessageFormat) -> Result<Pipeline, Exit> {
    load(changes, max_rejects).map_err(|error| {
        if format == MessageFormat::Json {
            errors::print_errors(&errors::from_config(&error));
        }
        report_wrong(&error)
    })
}

/// Prints the errors of a pipeline file that cannot be loaded.
pub(crate) fn report_wrong(error: &ConfigError) -> Exit {
    match error {
        ConfigError::Invalid(diagnostics) => render::diagnostics(diagnostics),
        other => render::error(other),
    }
    Exit::Usage
}

/// Reads the pipeline file and applies the changes.
pub(crate) fn load(changes: &Changes, max_rejects: Option<&str>) -> Result<Pipeline, ConfigError> {
    let overrides = Overrides {
        set: changes.set.clone(),
        input: changes.input.clone(),
        output: changes.output.clone(),
        limit: changes.limit.clone(),
        max_rejects: max_rejects.map(ToOwned::to_owned),
    };
    Pipeline::from_file(&changes.pipeline).and_then(|pipeline| Ok(pipeline.with(&overrides)?))
}
