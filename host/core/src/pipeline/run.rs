//! A run of a pipeline: lock, plan, open, run the stages, settle.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use rand::RngExt as _;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::error::{Failed, RunError, failed, not_set_up, too_few_rows, too_many_rejects};
use super::files::{OpenFiles, open_files};
use super::options::RunOptions;
use super::planning::Planned;
use super::stages::StageResources;
use super::time_limit::TimeLimit;
use super::{Pipeline, batches, recording, remote_job};
use crate::bundle::BundleWriter;
use crate::config::{ConfigLocation, Diagnostic, Diagnostics};
use crate::corrupt::RESTART_HINT;
use crate::engine::StagedFolders;
use crate::event::Event;
use crate::failure::Failure;
use crate::interrupt::Stop;
use crate::model_client::{BatchJobs, Journal, ModelClient};
use crate::monitor::Monitor;
use crate::outline::Outline;
use crate::plan::{self, Plan, PlannedSink};
use crate::policy::MaxRejects;
use crate::remote::RemoteRun;
use crate::report::{Report, Resumable, StepReport, UntilReport};
use crate::runs::{self, Checkpointing, Fingerprint, OutputLocks, ResumePoint, RunHandle, RunRecord, StoredPath};
use crate::runtime::Engine;
use crate::scheduler::{self, AcceptedRows, CheckpointFile, CheckpointSettings, DroppedFile, RunOutcome, ScheduledRun};
use crate::stage::RejectCounter;

impl Pipeline {
    /// Runs the pipeline to its end, on this thread and those of the engine.
    ///
    /// Sinks are written next to their paths and renamed when all is done: unless this returns `Ok`, the files that were
    /// there before are still there. If the reader of the standard output closes it, the run ends early, and that is no
    /// error.
    ///
    /// # Errors
    /// The pipeline or its input is wrong, a step or sink failed, the run was cancelled, or its time limit has passed.
    pub fn run(&self, engine: &Engine, options: &RunOptions) -> Result<Report, RunError> {
        let Some(limit) = self.time_limit() else { return self.run_to_end(engine, options) };
        let options = RunOptions { interrupt: options.interrupt.child(), ..options.clone() };
        let timer = TimeLimit::start(limit, &options.interrupt, options.listener())?;
        let result = self.run_to_end(engine, &options);
        drop(timer);
        result
    }

    fn run_to_end(&self, engine: &Engine, options: &RunOptions) -> Result<Report, RunError> {
        let new = run_id();
        let (handle, outputs) = self.lock(&new, options).map_err(|error| error.with_run(&new))?;
        let id = handle.as_ref().map_or(new, |handle| Arc::clone(&handle.id));
        let run = LockedRun { pipeline: self, options, id: Arc::clone(&id), handle, _outputs: outputs };
        run.execute(engine).map_err(|error| error.with_time_limit().with_run(&id))
    }

    /// Checks that the pipeline neither reads nor writes a file of [`RunOptions::reserved_file`]. A run begins with this check.
    ///
    /// # Errors
    /// It reads or writes one.
    pub fn check_reserved_files(&self, options: &RunOptions) -> Result<(), Diagnostics> {
        let taken = options.reserved_files.iter().find_map(|file| plan::check_reserved(&self.config, file));
        taken.map_or(Ok(()), |diagnostic| Err(self.config.diagnostics(vec![diagnostic])))
    }

    /// Finds the run to resume, and takes the locks of the run. There is no handle for a run without state.
    fn lock(&self, new: &Arc<str>, options: &RunOptions) -> Result<(Option<RunHandle>, OutputLocks), RunError> {
        self.check_reserved_files(options)?;
        let written = self.written_files(&options.replacements);
        let handle = options.checkpointing.as_ref().map(|checkpointing| self.begin(checkpointing, &written, new));
        let handle = handle.transpose()?.flatten();
        Ok((handle, OutputLocks::take(&written, &options.cleanup)?))
    }

    /// Finds the run to resume in the state of runs, or starts a new one there.
    fn begin(
        &self,
        checkpointing: &Checkpointing,
        written: &[PathBuf],
        new: &Arc<str>,
    ) -> Result<Option<RunHandle>, RunError> {
        let state = runs::canonical_path(checkpointing.runs.directory());
        if let Some(output) = written.iter().find(|path| runs::canonical_path(path).starts_with(&state)) {
            let message = format!("{} is in the folder of the state of runs", output.display());
            let diagnostic = Diagnostic::new(ConfigLocation::File, message).help("write to another folder");
            return Err(RunError::Config(self.config.diagnostics(vec![diagnostic])));
        }
        let outputs = runs::Outputs { paths: written, are_own: self.overrides.output.is_none() };
        Ok(runs::begin(checkpointing, &self.config, outputs, new)?)
    }
}

/// A run that holds its locks, if it needs any, until it is dropped. Its methods are the phases of the run, in order.
struct LockedRun<'a> {
    pipeline: &'a Pipeline,
    options: &'a RunOptions,
    id: Arc<str>,
    handle: Option<RunHandle>,
    _outputs: OutputLocks,
}

impl LockedRun<'_> {
    fn execute(mut self, engine: &Engine) -> Result<Report, RunError> {
        let written_folders = StagedFolders::new(&self.options.cleanup);
        let journal = Journal::default();
        let planned = self.pipeline.plan(engine, self.options, Some(&written_folders), &journal)?;
        self.show_plan(&planned.plan)?;
        let fingerprint = self.check_unchanged(&planned.plan)?;
        if let Some(report) = self.prepare(&planned.plan, &journal)? {
            return Ok(report);
        }
        let models = planned.plan.models.clone();
        let jobs = self.batch_jobs(&models).inspect_err(|_| self.remove_empty_folder())?;
        let (remote, threads) = self.threads(engine, &planned.plan).inspect_err(|_| self.remove_empty_folder())?;
        let parts = self.handle.as_ref().map_or_else(Vec::new, |handle| recording::announce(handle, &planned.plan));
        let mut opened = self.open(&planned.plan, &threads).inspect_err(|_| self.remove_empty_folder())?;
        let (from, report) = self.progress(&planned.plan);
        let checkpoints = self.checkpoint_settings(&mut opened, fingerprint, &parts)?;
        let recorder = self.handle.as_ref().map(|handle| recording::RunRecorder::start(handle, &parts));
        self.announce(&planned.plan, &report);
        let accepted = self.accepted_rows(&planned.plan, &opened, &report);
        let max_rejects = planned.plan.rejects.as_ref().and_then(|rejects| rejects.max_rejects);
        let outputs = engine.result_cache().for_run(&self.options.cleanup);
        let stages = StageResources {
            encoders: opened.encoders.into(),
            sandbox: planned.reservation.loader().sandbox(),
            stop: stop_of(&planned, &self.options.monitor),
            reject_counter: reject_counter(max_rejects, &report),
            drop_sampler: opened.files.dropped.as_ref().map(DroppedFile::sampler),
            outputs: &outputs,
            run: &self.id,
            spills: opened.spills,
            bundles: self.bundle_writer(&planned.plan),
            remote: remote.as_ref(),
        };
        let mut stages = stages.stages(planned.plan);
        let (outcome, mut report) = scheduler::run(ScheduledRun {
            stages: stages.split_off(from.stage.min(stages.len() - 1)),
            files: opened.files,
            checkpoints,
            pool: threads,
            interrupt: &self.options.interrupt,
            on_event: &*self.options.listener(),
            report,
            models: models.clone(),
            accepted,
            from,
            id: Arc::clone(&self.id),
            max_rejects,
            grace: self.options.grace,
        });
        drop((recorder, remote));
        report.models = models.iter().map(|model| model.usage()).collect();
        if let Some(handle) = &self.handle {
            recording::settle(handle, &outcome, &opened.entries, (parts, report.rows_in));
        }
        outputs.abandon();
        // Spilled rows are not needed after the run.
        drop((opened.work, opened.entries));
        match (&outcome, jobs) {
            (RunOutcome::Waiting, Some(jobs)) => {
                let batches = batches::submit(&jobs, self.options)?;
                return Err(RunError::Waiting { batches, report: Box::new(report) });
            }
            (RunOutcome::Done | RunOutcome::OutputClosed, _) => self.complete(&written_folders)?,
            _ => {}
        }
        result_of(outcome, report, max_rejects)
    }

    /// Returns the counter of accepted rows for a pipeline with `until`. An estimate wants all rows.
    fn accepted_rows(&self, plan: &Plan, opened: &OpenFiles, report: &Report) -> Option<AcceptedRows> {
        let until = plan.until.as_ref().filter(|_| self.options.estimates.is_none())?;
        let accepted = report.until.as_ref().map_or(0, |until| until.accepted);
        Some(AcceptedRows::new(until.rows, accepted, opened.encoders.first()?))
    }

    /// Removes stored answers, and moves the files that steps have written to their places.
    fn complete(&self, written_folders: &StagedFolders) -> Result<(), RunError> {
        if let Some(handle) = &self.handle {
            Journal::remove(&handle.answers());
            BatchJobs::remove(&handle.answers());
        }
        // Steps write nothing for an estimate.
        if self.options.estimates.is_some() {
            return Ok(());
        }
        written_folders.publish().map_err(|error| failed(Failure::host(&error)))
    }

    /// Prepares the run's folder. Returns the report of a run that was complete but for the places of its outputs.
    fn prepare(&mut self, plan: &Plan, journal: &Journal) -> Result<Option<Report>, RunError> {
        let Some(handle) = &mut self.handle else { return Ok(None) };
        if let Some(report) = recording::placed(handle)? {
            return Ok(Some(report));
        }
        recording::prepare(handle, plan, !self.options.replacements.sources.is_empty())?;
        journal.keep_at(handle.answers());
        Ok(None)
    }

    /// Collects the results of batches that earlier runs have submitted. Returns what submits further ones, if the run can be continued.
    fn batch_jobs(&self, models: &[Arc<ModelClient>]) -> Result<Option<BatchJobs>, RunError> {
        if models.is_empty() || self.options.estimates.is_some() {
            return Ok(None);
        }
        let Some(handle) = self.resumable() else {
            let why = self.handle.as_ref().and_then(|handle| handle.record.unrepeatable.as_deref());
            batches::check(&self.pipeline.config, why.unwrap_or("it keeps no state"))?;
            return Ok(None);
        };
        let jobs = BatchJobs::new(&handle.answers(), models);
        let batches = batches::collect(&jobs, self.options)?;
        if batches.is_empty() { Ok(Some(jobs)) } else { Err(RunError::Waiting { batches, report: Box::default() }) }
    }

    /// Removes the run's folder if nothing is in it, because the run has not started.
    fn remove_empty_folder(&self) {
        if let Some(handle) = &self.handle {
            // A folder with files belongs to a run that can be resumed, and stays.
            let _ = std::fs::remove_dir(handle.folder.path());
        }
    }

    /// Returns the threads that run tasks. With an executor it starts its workers, and threads that wait for them.
    fn threads(&self, engine: &Engine, plan: &Plan) -> Result<(Option<RemoteRun>, Arc<ThreadPool>), RunError> {
        let Some(executor) = &self.options.executor else { return Ok((None, engine.thread_pool()?)) };
        let is_resumable = self.resumable().is_some();
        let job = remote_job::describe(self.pipeline, plan, &self.options.replacements, (&self.id, is_resumable));
        let remote = job.and_then(|job| RemoteRun::start(executor, &job)).map_err(RunError::Setup)?;
        let threads = ThreadPoolBuilder::new().num_threads(remote.slots).thread_name(|index| format!("task-{index}"));
        let threads = threads.build().map_err(|error| not_set_up(&error))?;
        Ok((Some(remote), Arc::new(threads)))
    }

    /// Makes sure that a run that is resumed is still the same. Returns what its next checkpoints depend on.
    fn check_unchanged(&self, plan: &Plan) -> Result<Option<Fingerprint>, RunError> {
        let Some(handle) = &self.handle else { return Ok(None) };
        let fingerprint = runs::fingerprint(&self.pipeline.config, &self.pipeline.overrides, plan);
        handle.check(&fingerprint)?;
        Ok(Some(fingerprint))
    }

    /// Shows the plan to the calling program, and checks the columns that bundles are to have.
    fn show_plan(&self, plan: &Plan) -> Result<(), RunError> {
        if let Some(on_plan) = &self.options.on_plan {
            on_plan(&Outline::from_plan(plan));
        }
        let unknown = self.options.bundles.as_ref().and_then(|bundles| bundles.unknown_column(plan));
        unknown.map_or(Ok(()), |wrong| Err(RunError::Config(self.pipeline.config.diagnostics(vec![wrong]))))
    }

    /// Returns the writer of bundles, if there are to be any.
    fn bundle_writer(&self, plan: &Plan) -> Option<Arc<BundleWriter>> {
        let bundles = self.options.bundles.as_ref()?;
        Some(Arc::new(BundleWriter::new(bundles, plan.redactor.clone(), &self.id, &plan.name)))
    }

    /// The handle of a run that can be resumed if it ends early.
    fn resumable(&self) -> Option<&RunHandle> {
        self.handle.as_ref().filter(|handle| handle.record.unrepeatable.is_none())
    }

    /// Opens sinks, reject file and spills.
    fn open(&self, plan: &Plan, pool: &Arc<ThreadPool>) -> Result<OpenFiles, RunError> {
        let resumable = self.resumable();
        let run = self.handle.as_ref().map(|_| &*self.id);
        let opened = open_files(plan, &self.options.cleanup, run, resumable, pool).map(|mut opened| {
            opened.files.monitor = self.options.monitor.clone();
            opened.files.dropped.iter_mut().for_each(|dropped| dropped.set_run(&self.id));
            opened
        });
        opened.map_err(|error: Box<dyn Error>| {
            let failure = Failure::host(&*error);
            let is_resumed = resumable.is_some_and(|handle| handle.checkpoint.is_some());
            RunError::Sink(Box::new(if is_resumed { failure.with_hint(RESTART_HINT) } else { failure }))
        })
    }

    /// Where the run starts, and what an earlier process did until there.
    fn progress(&self, plan: &Plan) -> (ResumePoint, Report) {
        match self.resumable().and_then(|handle| handle.checkpoint.as_ref()) {
            None => (ResumePoint::default(), nothing_done(plan)),
            Some(checkpoint) => {
                let report = checkpoint.report.clone();
                let resumable = Some(Resumable { run: Arc::clone(&self.id), rows: report.rows_in });
                (checkpoint.position, Report { resumable, ..report })
            }
        }
    }

    /// Prepares the checkpoint file and returns the settings of checkpoints, if the run can be resumed.
    fn checkpoint_settings(
        &self,
        opened: &mut OpenFiles,
        fingerprint: Option<Fingerprint>,
        parts: &[StoredPath],
    ) -> Result<Option<CheckpointSettings>, RunError> {
        let (Some(handle), Some(depends_on), Some(checkpointing)) =
            (self.resumable(), fingerprint, &self.options.checkpointing)
        else {
            return Ok(None);
        };
        let has_checkpoint = handle.checkpoint.is_some();
        // A signal may have come that ends the process whatever happens.
        if has_checkpoint && !opened.entries.keep() {
            return Err(not_set_up(&"the process is about to end"));
        }
        opened.files.checkpoint = Some(CheckpointFile {
            folder: handle.folder.clone(),
            record: RunRecord { parts: parts.to_vec(), ..handle.record.clone() },
            has_synced_record: handle.checkpoint.as_ref().is_some_and(|checkpoint| checkpoint.boot.is_none()),
        });
        Ok(Some(CheckpointSettings { depends_on, every: checkpointing.checkpoint_every }))
    }

    /// Reports the start of the run.
    fn announce(&self, plan: &Plan, report: &Report) {
        let on_event = self.options.listener();
        if report.resumable.is_some() {
            on_event(&Event::Resumed { run: &self.id, rows: report.rows_in });
        }
        let steps: Vec<_> = plan.steps().map(|step| Arc::clone(&step.name)).collect();
        let total_bytes = plan.sources.iter().map(|source| source.total_bytes).sum();
        on_event(&Event::Started { run: &self.id, pipeline: &plan.name, steps: &steps, total_bytes });
    }
}

/// The stop of the run's instances. The dispatcher decides when it reaches them: not before the grace period has passed.
fn stop_of(planned: &Planned, monitor: &Monitor) -> Stop {
    let stop = Stop::with_monitor(monitor);
    let sandbox = planned.reservation.loader().sandbox();
    stop.reaches(sandbox.engine());
    monitor.set_pauses(sandbox.clock());
    stop
}

fn result_of(end: RunOutcome, report: Report, max_rejects: Option<MaxRejects>) -> Result<Report, RunError> {
    match end {
        RunOutcome::Done => Ok(Report { resumable: None, ..report }),
        RunOutcome::OutputClosed => Ok(Report { output_closed: true, resumable: None, ..report }),
        RunOutcome::Failed(failures) => Err(RunError::Failed(Box::new(Failed { failures, report }))),
        RunOutcome::Waiting => Err(RunError::Waiting { batches: Vec::new(), report: Box::new(report) }),
        RunOutcome::TooFewRows => Err(too_few_rows(report)),
        RunOutcome::TooManyRejects => Err(too_many_rejects(max_rejects.unwrap_or(MaxRejects::Rows(0)), report)),
        RunOutcome::Interrupted(reason, failures) => {
            Err(RunError::Interrupted { reason, failures, report: Box::new(report) })
        }
    }
}

/// Returns the counter that ends tasks early. With `until`, a batch after the last row that is wanted may reject rows without an effect.
fn reject_counter(max_rejects: Option<MaxRejects>, report: &Report) -> Arc<RejectCounter> {
    Arc::new(RejectCounter::new(max_rejects.filter(|_| report.until.is_none()), report.rejected()))
}

fn nothing_done(plan: &Plan) -> Report {
    Report {
        steps: plan.steps().map(|step| StepReport::new(Arc::clone(&step.name))).collect(),
        sinks: plan.sinks.iter().map(PlannedSink::report).collect(),
        until: plan.until.as_ref().map(|until| UntilReport::new(until.rows)),
        ..Report::default()
    }
}

/// An id that no other run on this machine has: the time in seconds and a random number, both hexadecimal.
fn run_id() -> Arc<str> {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("{seconds:08x}-{:06x}", rand::rng().random_range(0..1_u32 << 24)).into()
}
