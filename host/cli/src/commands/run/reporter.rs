//! Shows a run while it runs and after its end: for people on standard error, for programs as JSON.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use stillbox::outline::Outline;
use stillbox::{Event, Monitor, Pipeline, Report, RunError, Snapshot, Span};

use super::ended::{interrupted, not_recorded, report_error, show};
use super::evidence::evidence;
use super::{RunSettings, resume};
use crate::args::MessageFormat;
use crate::exit_code::Exit;
use crate::os;
#[cfg(feature = "otlp")]
use crate::otlp::Otlp;
use crate::output::progress::Display;
use crate::output::records::{End, Records, could_be_made};
#[cfg(feature = "otlp")]
use crate::output::render;
use crate::output::snapshot::snapshot_text;
use crate::output::{console, errors, failure, guest, summary};
use crate::profile::{ProfileSettings, Sampler};
use crate::report::{Collector, ReportTargets};
use crate::signals::{LastCall, Viewer};
use crate::trace::Trace;

/// Shows snapshots next to the progress, or as events.
struct RunViewer {
    display: Arc<Display>,
    records: Arc<Records>,
    format: MessageFormat,
}

impl Viewer for RunViewer {
    fn show(&self, signal: &'static str, snapshot: &Snapshot) {
        match self.format {
            MessageFormat::Json => self.records.snapshot(signal, snapshot),
            MessageFormat::Human => self.display.print(&snapshot_text(signal, snapshot)),
        }
    }

    fn redraw(&self) {
        self.display.redraw();
    }
}

/// Lives from before the run until its result is printed.
pub(super) struct RunReporter {
    display: Arc<Display>,
    records: Arc<Records>,
    format: MessageFormat,
    last_call: Option<LastCall>,
    /// Follows the run for reports. `None` if there are none to write.
    collector: Option<Arc<Collector>>,
    reports: ReportTargets,
    /// Shows the run to snapshots, and to the trace.
    monitor: Monitor,
    trace: Option<Trace>,
    #[cfg(feature = "otlp")]
    otlp: Option<Otlp>,
    profile: Option<Sampler>,
}

/// Receives the spans of a run that end.
type Observer = Box<dyn Fn(&Span, Duration) + Send + Sync>;

impl RunReporter {
    /// Prints the problem and returns the exit code if the failures file cannot be created.
    pub(super) fn new(settings: &RunSettings, pipeline: &Pipeline, last_call: Option<LastCall>) -> Result<Self, Exit> {
        let format = settings.message_format;
        let is_json = format == MessageFormat::Json;
        let records = Records::new(settings.failures.as_deref(), is_json).map_err(|error| {
            if is_json {
                errors::print_errors(&[errors::from_error(error.as_ref())]);
            }
            failure::error(error.as_ref());
            Exit::Usage
        })?;
        let display = if is_json { Display::silent() } else { Display::new(settings.progress) };
        if let Err(error) = check_files(settings, pipeline) {
            if is_json {
                errors::print_errors(&[errors::from_error(error.as_ref())]);
            }
            failure::error(error.as_ref());
            return Err(Exit::Usage);
        }
        let reports = settings.reports.clone();
        let collector = (!reports.is_empty()).then(|| Arc::new(Collector::new()));
        let trace = settings.trace.as_deref().map(|path| Trace::new(path, pipeline.name()));
        #[cfg(feature = "otlp")]
        let otlp = telemetry(settings, pipeline.name())?;
        let mut observers: Vec<Observer> = Vec::new();
        observers.extend(trace.iter().map(|trace| Box::new(trace.observer()) as Observer));
        #[cfg(feature = "otlp")]
        observers.extend(otlp.iter().map(|otlp| Box::new(otlp.observer()) as Observer));
        let monitor = monitor(observers);
        let profile = settings.profile.as_ref().map(|profile| Sampler::start(profile, &monitor)).transpose();
        let profile = profile.map_err(|error| {
            failure::error(&error);
            Exit::Failed
        })?;
        let (display, records) = (Arc::new(display), Arc::new(records));
        if settings.show_output {
            let (display, records) = (Arc::clone(&display), Arc::clone(&records));
            monitor.on_output(move |message| match format {
                MessageFormat::Json => records.output(message),
                MessageFormat::Human => display.print(&guest::line(message)),
            });
        }
        Ok(Self {
            display,
            records,
            format,
            last_call,
            collector,
            reports,
            monitor,
            trace,
            #[cfg(feature = "otlp")]
            otlp,
            profile,
        })
    }

    /// The receiver of the run's events.
    pub(super) fn listener(&self) -> impl Fn(&Event<'_>) + Send + Sync + 'static {
        let (display, records) = (Arc::clone(&self.display), Arc::clone(&self.records));
        let (last_call, collector) = (self.last_call.clone(), self.collector.clone());
        let trace = self.trace.clone();
        #[cfg(feature = "otlp")]
        let otlp = self.otlp.clone();
        move |event| {
            // First, because the others may wait for a reader that does not read.
            if let (Event::TimeLimit { .. }, Some(last_call)) = (event, &last_call) {
                last_call.time_limit_passed();
            }
            if let (Event::Started { .. }, Some(trace)) = (event, &trace) {
                trace.start();
            }
            #[cfg(feature = "otlp")]
            if let (Event::Started { run, .. }, Some(otlp)) = (event, &otlp) {
                otlp.started(run);
            }
            if let Some(collector) = &collector {
                collector.event(event);
            }
            records.event(event);
            display.show(event);
        }
    }

    /// The monitor of the run.
    pub(super) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// The viewer of snapshots of the run.
    pub(super) fn viewer(&self) -> Arc<dyn Viewer> {
        let (display, records) = (Arc::clone(&self.display), Arc::clone(&self.records));
        Arc::new(RunViewer { display, records, format: self.format })
    }

    /// The receiver of the run's plan, if reports need it.
    pub(super) fn plan_listener(&self) -> Option<impl Fn(&Outline) + Send + Sync + 'static> {
        let collector = self.collector.clone()?;
        Some(move |outline: &Outline| collector.planned(outline))
    }

    /// Prints the result of the run, and writes the reports. The run was on this number of threads.
    pub(super) fn finish(mut self, pipeline: &Pipeline, result: &Result<Report, RunError>, threads: usize) -> Exit {
        self.display.end();
        let exit = match result {
            Ok(report) => self.done(pipeline, report),
            Err(error) => self.not_done(pipeline, error),
        };
        let mut errors: Vec<_> = self.trace.iter().filter_map(|trace| trace.finish(&self.monitor).err()).collect();
        errors.extend(self.profile.take().into_iter().flat_map(|profile| profile.finish(pipeline.name())));
        if let Some(collector) = &self.collector {
            errors.extend(self.reports.write(&evidence(collector, pipeline, result, threads)));
        }
        for error in &errors {
            failure::error(error.as_ref());
        }
        // A collector that is slow or missing is no failure of the run.
        #[cfg(feature = "otlp")]
        if let Some(warning) = self.otlp.as_ref().and_then(|otlp| otlp.finish(result)) {
            render::warning(&warning);
        }
        // The exit code of a run that failed says more.
        if errors.is_empty() || exit != Exit::Done { exit } else { Exit::Failed }
    }

    fn done(&self, pipeline: &Pipeline, report: &Report) -> Exit {
        let unrecorded = self.records.error();
        self.records.end(if unrecorded.is_some() { End::Failed } else { End::Done }, report);
        // The last message itself may not have been written.
        let unrecorded = unrecorded.or_else(|| self.records.error());
        // A reader that closes the output, such as `head`, wants no summary.
        if self.format == MessageFormat::Human && !report.output_closed {
            summary::print(pipeline.name(), report);
        }
        unrecorded.map_or(Exit::Done, |error| not_recorded(&error))
    }

    fn not_done(&self, pipeline: &Pipeline, error: &RunError) -> Exit {
        let no_report = Report::default();
        let report = error.report().unwrap_or(&no_report);
        let end = match error {
            RunError::Interrupted { reason, .. } => End::Interrupted(*reason),
            RunError::Waiting { batches, .. } => End::Waiting(batches),
            _ => End::Failed,
        };
        self.record(error, end, report);
        let exit = match error {
            RunError::Interrupted { reason, failures, report, .. } => {
                show(failures);
                interrupted(*reason, report, pipeline.writes_to_stdout())
            }
            error => {
                let exit = report_error(error);
                if exit != Exit::Waiting
                    && let Some(resumable) = &report.resumable
                {
                    let rows = summary::counted(resumable.rows, "row is", "rows are");
                    console::eprintln!("{rows} done and saved; resume with: {}", resume::command());
                }
                exit
            }
        };
        if let Some(error) = self.records.error() {
            not_recorded(&error);
        }
        exit
    }

    /// Writes the failures to their file, and everything to the messages for programs.
    fn record(&self, error: &RunError, end: End<'_>, report: &Report) {
        match error {
            RunError::Config(diagnostics) => self.records.errors(&errors::from_diagnostics(diagnostics)),
            RunError::Runs(_) => self.records.keep_earlier(),
            _ => {}
        }
        for failure in error.failures() {
            self.records.failure(&failure);
        }
        self.records.end(end, report);
    }
}

/// Returns the monitor of a run whose spans these receive.
fn monitor(observers: Vec<Observer>) -> Monitor {
    if observers.is_empty() {
        return Monitor::new();
    }
    Monitor::with_listener(move |span, duration| observers.iter().for_each(|observer| observer(span, duration)))
}

/// Starts to send telemetry, if it is wanted.
#[cfg(feature = "otlp")]
fn telemetry(settings: &RunSettings, pipeline: &str) -> Result<Option<Otlp>, Exit> {
    let started = settings.otlp.as_ref().map(|otlp| Otlp::start(otlp, pipeline)).transpose();
    started.map_err(|error| {
        if settings.message_format == MessageFormat::Json {
            errors::print_errors(&[errors::from_error(error.as_ref())]);
        }
        failure::error(error.as_ref());
        Exit::Usage
    })
}

/// Checks that the files that are written during the run or after it can be created.
fn check_files(settings: &RunSettings, pipeline: &Pipeline) -> anyhow::Result<()> {
    let reports = settings.reports.files().map(|(_, file)| ("report", file));
    let profile = settings.profile.iter().flat_map(ProfileSettings::files).map(|(_, file)| ("profile", file));
    for (what, file) in reports.chain(profile).chain(settings.trace.iter().map(|file| ("trace", file))) {
        could_be_made(file).with_context(|| format!("cannot write the {what} to {}", file.display()))?;
    }
    if let Some(file) = settings.trace.as_ref().filter(|file| os::is_pipe(file)) {
        let file = file.display();
        anyhow::bail!(
            "cannot write the trace to {file}: it is a pipe, and the end of a trace is written again and again; use a file"
        );
    }
    settings.bundles.check_directory(pipeline)
}
