//! `stillbox run`.

mod bundles;
mod ended;
mod evidence;
mod locked;
mod reporter;
mod resume;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use stillbox::build::BuildProfile;
use stillbox::config::ConfigError;
use stillbox::remote::Executor;
use stillbox::runs::{Checkpointing, RunStore, Start};
use stillbox::{CleanupRegistry, Interrupt, Overrides, Pipeline, RunOptions};

use crate::args::{self, Annotations, Changes, Global, MessageFormat, Progress};
use crate::ci;
use crate::directories::{engine, state_directory};
use crate::exit_code::Exit;
use crate::os;
#[cfg(feature = "otlp")]
use crate::otlp::OtlpSettings;
use crate::output::console;
use crate::output::errors;
use crate::output::failure;
use crate::output::records::is_stdout;
use crate::output::render;
use crate::profile::ProfileSettings;
use crate::program;
use crate::report::ReportTargets;
use crate::signals::{LastCall, Signals, Snapshots};
use crate::watch::{Watched, watch};
pub(crate) use bundles::BundleSettings;
pub(crate) use ended::report_error;
pub(crate) use locked::{LockCheck, with_lock};
use reporter::RunReporter;

/// Options of a run.
#[derive(Default)]
pub(crate) struct RunSettings {
    pub(crate) threads: Option<NonZeroUsize>,
    pub(crate) progress: Progress,
    pub(crate) failures: Option<PathBuf>,
    /// The file of the trace.
    pub(crate) trace: Option<PathBuf>,
    /// Where to send telemetry.
    #[cfg(feature = "otlp")]
    pub(crate) otlp: Option<OtlpSettings>,
    /// The profile of the steps.
    pub(crate) profile: Option<ProfileSettings>,
    /// Reports that are written after the run.
    pub(crate) reports: ReportTargets,
    pub(crate) message_format: MessageFormat,
    pub(crate) grace: Option<Duration>,
    /// Where to write bundles, and their columns.
    pub(crate) bundles: BundleSettings,
    /// Whether folders of steps are rejected.
    pub(crate) no_build: bool,
    /// How folders of steps are compiled.
    pub(crate) build_profile: BuildProfile,
    /// Whether the steps are compared with the lock of the pipeline.
    pub(crate) locked: LockCheck,
    /// Runs the tasks on a cluster.
    pub(crate) executor: Option<Arc<dyn Executor>>,
    /// Whether to show what steps log and write.
    pub(crate) show_output: bool,
    /// Where to save checkpoints, and whether to resume a run. `None` if the run cannot be resumed.
    pub(crate) keep: Option<Checkpointing>,
}

impl RunSettings {
    /// Returns the files that the command itself writes, each with the option that names it.
    fn written_files(&self) -> impl Iterator<Item = (&'static str, &PathBuf)> {
        let failures = self.failures.iter().map(|path| ("--failures", path));
        let own = failures.chain(self.trace.iter().map(|path| ("--trace", path)));
        own.chain(self.profile.iter().flat_map(ProfileSettings::files)).chain(self.reports.files())
    }

    /// Returns the error message if two options name the same file.
    fn repeated_file(&self) -> Option<String> {
        let files: Vec<_> = self.written_files().map(|(option, path)| (option, path, resolved(path))).collect();
        let repeated = files.iter().enumerate().find_map(|(index, (option, path, file))| {
            let other = files[..index].iter().find(|(_, _, other)| other == file)?;
            Some((*option, other.0, path))
        });
        repeated.map(|(option, other, path)| format!("`{option}` and `{other}` name the same file, {}", path.display()))
    }
}

/// Returns a path that is the same for every spelling of it, also of a file that does not exist yet.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let in_folder = || Some(dunce::canonicalize(absolute.parent()?).ok()?.join(absolute.file_name()?));
    dunce::canonicalize(&absolute).ok().or_else(in_folder).unwrap_or(absolute)
}

/// The interrupt that ends a run early, and the files to clean up then.
pub(crate) struct Control {
    pub(crate) interrupt: Interrupt,
    pub(crate) cleanup: CleanupRegistry,
    /// Shows what the run does when a signal asks for it.
    pub(crate) snapshots: Snapshots,
    /// Ends the process after the time limit of the run, if the run does not. `None` if the process does more than this run.
    pub(crate) last_call: Option<LastCall>,
}

/// Runs the pipeline, and prints the result.
pub(crate) fn execute(arguments: &args::Run, global: &Global, signals: &Signals) -> Exit {
    if arguments.watch {
        return watched(arguments, global, signals);
    }
    match open(arguments) {
        Ok(pipeline) => {
            locked::warn(&pipeline, LockCheck::new(arguments));
            let executor = match arguments.on.as_deref().map(cluster).transpose() {
                Ok(executor) => executor,
                Err(error) => return usage_error(&error, arguments.message_format),
            };
            let interrupt = signals.interrupt_within(arguments.grace.unwrap_or_default());
            let keep = state_directory(&arguments.state).map(|directory| {
                let checkpointing = Checkpointing::at(RunStore::at(directory));
                checkpointing.start(start(arguments)).checkpoint_every(arguments.checkpoint_every)
            });
            drive(
                &pipeline,
                &RunSettings { executor, keep, ..settings(arguments) },
                global,
                Control {
                    interrupt,
                    cleanup: signals.cleanup(),
                    snapshots: signals.snapshots(),
                    last_call: Some(signals.last_call()),
                },
            )
        }
        Err(exit) => exit,
    }
}

/// Runs the pipeline again after each change of a file that it depends on.
fn watched(arguments: &args::Run, global: &Global, signals: &Signals) -> Exit {
    let file = &arguments.changes.pipeline;
    let watched_files = |pipeline: &Pipeline| {
        let mut outputs = pipeline.writes();
        outputs.extend(settings(arguments).written_files().map(|(_, path)| path.clone()));
        Watched { outputs, ..Watched::new(pipeline.reads()) }
    };
    let first = load_run(arguments);
    let first = first.map_or_else(|_| Watched::new(vec![file.clone()]), |pipeline| watched_files(&pipeline));
    watch(&signals.interrupt_within(arguments.grace.unwrap_or_default()), first, |interrupt| {
        // An invalid pipeline file is watched alone, because its inputs and steps are unknown.
        let Ok(pipeline) = open(arguments) else {
            return Watched::new(vec![file.clone()]);
        };
        if pipeline.reads_stdin() {
            let text = "`--watch` runs the pipeline again and again, and standard input can be read once; give a file";
            return Watched::end(usage_error(text, arguments.message_format));
        }
        drive(
            &pipeline,
            &settings(arguments),
            global,
            Control { interrupt, cleanup: signals.cleanup(), snapshots: signals.snapshots(), last_call: None },
        );
        watched_files(&pipeline)
    })
}

/// Connects to the cluster of `--on`.
///
/// # Errors
/// It is not the name of a cluster, or there is no such cluster.
fn cluster(on: &str) -> Result<Arc<dyn Executor>, String> {
    let address = match (on, on.strip_prefix("ray:")) {
        ("ray", _) => "",
        (_, Some(address)) => address,
        _ => return Err(format!("`--on {on}` is not a cluster; write `--on ray` or `--on ray:ADDRESS`")),
    };
    let connect = program::get()
        .ray
        .as_ref()
        .ok_or("`--on` needs the command of the Python package; install it with: pip install \"stillbox[ray]\"")?;
    connect(address)
}

fn start(arguments: &args::Run) -> Start {
    match &arguments.resume {
        Some(Some(run)) => Start::ResumeRun(run.clone()),
        Some(None) => Start::Resume,
        None if arguments.restart => Start::Restart,
        None => Start::New,
    }
}

fn reports(arguments: &args::Run) -> ReportTargets {
    let annotates = match arguments.annotations {
        Annotations::Auto => ci::is_github(),
        Annotations::Github => true,
        Annotations::None => false,
    };
    ReportTargets {
        page: arguments.report.clone(),
        junit: arguments.junit.clone(),
        sarif: arguments.sarif.clone(),
        annotates,
    }
}

fn settings(arguments: &args::Run) -> RunSettings {
    RunSettings {
        threads: arguments.threads,
        progress: arguments.progress,
        failures: arguments.failures.clone(),
        trace: arguments.trace.clone(),
        #[cfg(feature = "otlp")]
        otlp: OtlpSettings::new(arguments.otlp.as_deref()),
        profile: None,
        reports: reports(arguments),
        message_format: arguments.message_format,
        grace: arguments.grace,
        bundles: BundleSettings::new(arguments),
        no_build: arguments.changes.no_build || arguments.untrusted,
        build_profile: if arguments.watch { BuildProfile::Development } else { BuildProfile::Release },
        locked: LockCheck::new(arguments),
        executor: None,
        show_output: arguments.show.show_output,
        keep: None,
    }
}

/// Runs a pipeline until it ends or is interrupted, and prints the result. Temporary files and child processes are
/// registered in `cleanup`.
pub(crate) fn drive(pipeline: &Pipeline, settings: &RunSettings, global: &Global, control: Control) -> Exit {
    let Control { interrupt, cleanup, snapshots, last_call } = control;
    let conflict = stdout_conflict(pipeline, settings).or_else(|| settings.repeated_file());
    if let Some(conflict) = conflict.or_else(|| settings.bundles.problem(pipeline)) {
        return usage_error(&conflict, settings.message_format);
    }
    let is_stdout_used = pipeline.writes_to_stdout() || settings.message_format == MessageFormat::Json;
    if is_stdout_used && let Err(error) = os::check_stdout() {
        return console::cannot_write(&error);
    }
    if pipeline.reads_stdin()
        && let Err(error) = os::check_stdin()
    {
        render::message(&format!("cannot read the standard input: {error}"));
        return Exit::Failed;
    }
    let reporter = match RunReporter::new(settings, pipeline, last_call) {
        Ok(reporter) => reporter,
        Err(exit) => return exit,
    };
    snapshots.show_run(reporter.monitor(), reporter.viewer());
    let mut options = RunOptions::new().interrupt(&interrupt).cleanup(&cleanup).on_event(reporter.listener());
    options = options.monitor(reporter.monitor());
    options = options.grace(settings.grace.unwrap_or_default()).no_build(settings.no_build);
    options = options.build_profile(settings.build_profile);
    options = match with_lock(options, pipeline, settings.locked) {
        Ok(options) => options,
        Err(error) => return usage_error(&error.to_string(), settings.message_format),
    };
    for (option, path) in settings.written_files() {
        options = options.reserved_file(option, path);
    }
    // Before anything is written: the reports of a run that fails are written, too.
    if let Err(diagnostics) = pipeline.check_reserved_files(&options) {
        if settings.message_format == MessageFormat::Json {
            errors::print_errors(&errors::from_diagnostics(&diagnostics));
        }
        render::diagnostics(&diagnostics);
        return Exit::Usage;
    }
    if let Some(on_plan) = reporter.plan_listener() {
        options = options.on_plan(on_plan);
    }
    if let Some(executor) = &settings.executor {
        options = options.executor(Arc::clone(executor));
    }
    if let Some(checkpointing) = &settings.keep {
        options = options.checkpointing(checkpointing.clone());
    }
    let bundles = settings.bundles.bundles(pipeline);
    if let Some(bundles) = &bundles {
        options = options.bundles(bundles);
    }
    let engine = engine(global, settings.threads, &cleanup);
    let result = pipeline.run(&engine, &options);
    let exit = reporter.finish(pipeline, &result, engine.threads());
    bundles.iter().for_each(bundles::show);
    exit
}

/// Returns the error message if two kinds of output would go to the standard output.
fn stdout_conflict(pipeline: &Pipeline, settings: &RunSettings) -> Option<String> {
    let is_json = settings.message_format == MessageFormat::Json;
    if is_json && pipeline.writes_to_stdout() {
        let text = "with `--message-format json` standard output is for events; give the sink a file";
        return Some(text.to_owned());
    }
    if settings.failures.as_deref() == Some(Path::new("-")) {
        return Some("failures cannot go to standard output; give `--failures` a file".to_owned());
    }
    let on_stdout = if is_json { Some("events") } else { pipeline.writes_to_stdout().then_some("rows") }?;
    let path = settings.failures.as_deref().filter(|path| is_stdout(path))?;
    Some(format!(
        "`--failures {}` leads to standard output, where the {on_stdout} go; use a separate file for failures",
        path.display()
    ))
}

/// Prints why the pipeline is not run.
fn usage_error(text: &str, format: MessageFormat) -> Exit {
    if format == MessageFormat::Json {
        errors::print_errors(&[errors::from_message(text)]);
    }
    render::message(text);
    Exit::Usage
}

/// Reads the pipeline file and applies the changes, or prints the errors.
fn open(arguments: &args::Run) -> Result<Pipeline, Exit> {
    load_run(arguments).map_err(|error| {
        if arguments.message_format == MessageFormat::Json {
            errors::print_errors(&errors::from_config(&error));
        }
        report_wrong(&error)
    })
}

/// Prints the errors of a pipeline file that cannot be loaded.
pub(crate) fn report_wrong(error: &ConfigError) -> Exit {
    match error {
        ConfigError::Invalid(diagnostics) => render::diagnostics(diagnostics),
        other => failure::error(other),
    }
    Exit::Usage
}

/// Reads the pipeline file and applies the changes, with those of a run.
fn load_run(arguments: &args::Run) -> Result<Pipeline, ConfigError> {
    let mut overrides = Overrides::new();
    overrides.max_rejects.clone_from(&arguments.max_rejects);
    overrides.time.clone_from(&arguments.time);
    let pipeline = load(&arguments.changes, overrides)?;
    Ok(if arguments.untrusted { pipeline.untrusted() } else { pipeline })
}

/// Reads the pipeline file and applies the changes, in addition to `overrides`.
pub(crate) fn load(changes: &Changes, mut overrides: Overrides) -> Result<Pipeline, ConfigError> {
    overrides.set.clone_from(&changes.set);
    overrides.limit.clone_from(&changes.limit);
    overrides.set_model.clone_from(&changes.set_model);
    overrides.input.clone_from(&changes.input);
    overrides.output.clone_from(&changes.output);
    overrides.allow = changes.allow.grants();
    let pipeline = Pipeline::from_file(&changes.pipeline)?.with(&overrides)?;
    Ok(match changes.allow.policy()? {
        Some(policy) => pipeline.policy(policy),
        None => pipeline,
    })
}
