//! A run of a pipeline, from the first look at what is kept of earlier ones to the last.

use std::sync::Arc;
use std::time::SystemTime;

use rand::RngExt as _;

use super::recording;
use super::stages::{Stages, open_spools, work_directory};
use super::{Failed, Options, Pipeline, RunError, loader, not_set_up, too_many_rejects};
use crate::cleanup::{CleanupRegistry, Entries, Entry};
use crate::corrupt::RESTART_HINT;
use crate::event::Event;
use crate::failure::Failure;
use crate::interrupt::Stop;
use crate::plan::{self, Plan, PlannedSink};
use crate::policy::MaxRejects;
use crate::report::{Report, StepReport};
use crate::runs::{self, Position, Record, RunHandle};
use crate::scheduler::{self, Files, Keeping, Run, RunOutcome};
use crate::sink::{self, Encoder, SinkError, StagingDir};
use crate::stage::RejectCounter;

impl Pipeline {
    /// Runs the pipeline to its end, on this thread and those that it starts.
    ///
    /// Sinks are written beside their paths and renamed when all is done: unless this returns `Ok`, the files that were
    /// there before are still there. If whoever reads the standard output closes it, the run ends early, and that is no
    /// error.
    ///
    /// # Errors
    /// The pipeline or its input is wrong, a step or sink failed, or the interrupt was triggered.
    pub fn run(&self, options: &Options) -> Result<Report, RunError> {
        let new = run_id();
        self.begin(&new, options).map_err(|error| error.of_run(&new))
    }

    fn begin(&self, new: &Arc<str>, options: &Options) -> Result<Report, RunError> {
        let taken = options.failures.as_ref().and_then(|path| plan::check_failures(&self.config, path));
        if let Some(diagnostic) = taken {
            return Err(RunError::Config(self.config.diagnostics(vec![diagnostic])));
        }
        let begun = match &options.keep {
            Some(keep) => {
                let outputs = runs::Outputs { paths: &self.writes(), are_own: self.overrides.output.is_none() };
                runs::begin(keep, &self.config, outputs, new)?
            }
            None => None,
        };
        let Some(mut begun) = begun else { return self.run_as(new, options, None) };
        let id = Arc::clone(&begun.id);
        self.run_as(&id, options, Some(&mut begun)).map_err(|error| error.of_run(&id))
    }

    fn run_as(&self, id: &Arc<str>, options: &Options, mut begun: Option<&mut RunHandle>) -> Result<Report, RunError> {
        let loader = loader(&self.config, options)?;
        let plan = self.plan(options, &loader, &Stop::on(&options.interrupt, loader.sandbox().engine()))?;
        let depends_on = begun.as_ref().map(|_| runs::fingerprint(&self.config, &self.overrides, &plan));
        if let (Some(begun), Some(now)) = (&begun, &depends_on) {
            begun.check(now)?;
            if let Some(report) = recording::placed(begun)? {
                return Ok(report);
            }
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(options.threads())
            .thread_name(|index| format!("step-{index}"))
            .build()
            .map_err(|error| not_set_up(&error))?;
        if let Some(begun) = &mut begun {
            recording::prepare(begun, &plan)?;
        }
        let kept = begun.as_deref().filter(|begun| begun.record.unrepeatable.is_none());
        let failed = |error: &dyn std::error::Error| {
            let failure = Box::new(Failure::host(error));
            RunError::Sink(match kept.and_then(|begun| begun.checkpoint.as_ref()) {
                Some(_) => Box::new(failure.with_hint(RESTART_HINT)),
                None => failure,
            })
        };
        let parts = begun.as_deref().map_or_else(Vec::new, |begun| recording::announce(begun, &plan));
        let named = begun.as_ref().map(|_| &**id);
        let (encoders, mut files, mut entries) =
            open_files(&plan, &options.cleanup, named, kept).map_err(|error| failed(&error))?;
        let work = work_directory(&plan, kept.map(|begun| begun.folder.path())).map_err(|error| failed(&error))?;
        let durable = kept.and_then(|begun| begun.checkpoint.as_ref()).map(|checkpoint| checkpoint.kept.as_slice());
        let spills = open_spools(&plan, work.path(), durable, &mut files).map_err(|error| failed(&error))?;
        let checkpoint = kept.and_then(|begun| begun.checkpoint.as_ref());
        // What an earlier process has kept stays whatever happens.
        if checkpoint.is_none() {
            entries.extend(work.entries(&options.cleanup, &spills));
        }
        let entries = Entries::new(entries);
        files.entries = entries.clone();
        let from = checkpoint.map_or_else(Position::default, |checkpoint| checkpoint.position);
        let report = checkpoint.map_or_else(|| nothing_done(&plan), |checkpoint| checkpoint.report.clone());
        let recorder = begun.as_deref().map(|begun| recording::Recorder::start(begun, &parts));
        if let (Some(begun), Some(depends_on), Some(keep)) = (kept, depends_on, &options.keep) {
            // A signal may have come that ends the process whatever happens.
            if begun.checkpoint.is_some() && !entries.keep() {
                return Err(not_set_up(&"the process is about to end"));
            }
            files.keeping = Some(Keeping {
                folder: begun.folder.clone(),
                record: Record { parts: parts.clone(), ..begun.record.clone() },
                depends_on,
                every: keep.checkpoint_every,
                from,
                before: report.clone(),
                has_checkpoint: begun.checkpoint.is_some(),
            });
        }
        let on_event = options.listener();
        let steps: Vec<_> = plan.steps().map(|step| Arc::clone(&step.name)).collect();
        let total_bytes = plan.sources.iter().map(|source| source.total_bytes).sum();
        if files.keeping.as_ref().is_some_and(|keeping| keeping.has_checkpoint) {
            on_event(&Event::Resumed { run: id, rows: report.rows_in });
        }
        on_event(&Event::Started { run: id, pipeline: &plan.name, steps: &steps, total_bytes });
        // The dispatcher decides when the stop reaches the instances: not before the grace has passed.
        let stop = Stop::default();
        stop.reaches(loader.sandbox().engine());
        let max_rejects = plan.rejects.as_ref().and_then(|rejects| rejects.most);
        let outputs = options.outputs.of_run(&options.cleanup);
        let making = Stages {
            encoders: encoders.into(),
            sandbox: loader.sandbox(),
            stop,
            reject_counter: Arc::new(RejectCounter::new(max_rejects, report.rejected())),
            outputs: &outputs,
            run: id,
            spills,
        };
        let mut stages = making.stages(plan);
        let (end, report) = scheduler::run(Run {
            stages: stages.split_off(from.stage.min(stages.len() - 1)),
            files,
            pool: Arc::new(pool),
            interrupt: &options.interrupt,
            on_event: &*on_event,
            report,
            from,
            id: Arc::clone(id),
            max_rejects,
            grace: options.grace,
        });
        drop(recorder);
        if let Some(begun) = &begun {
            recording::apply_policy(begun, &end, &entries, (parts, report.rows_in));
        }
        outputs.abandon();
        // What was kept between the stages is of no use any more.
        drop(work);
        drop(entries);
        outcome(end, report, max_rejects)
    }
}

fn outcome(end: RunOutcome, report: Report, max_rejects: Option<MaxRejects>) -> Result<Report, RunError> {
    match end {
        RunOutcome::Done => Ok(Report { resumable: None, ..report }),
        RunOutcome::OutputClosed => Ok(Report { output_closed: true, resumable: None, ..report }),
        RunOutcome::Failed(failures) => Err(RunError::Failed(Box::new(Failed { failures, report }))),
        RunOutcome::TooManyRejects => Err(too_many_rejects(max_rejects.unwrap_or(MaxRejects::Rows(0)), report)),
        RunOutcome::Interrupted(signal, failures) => {
            Err(RunError::Interrupted { signal, failures, report: Box::new(report) })
        }
    }
}

fn nothing_done(plan: &Plan) -> Report {
    Report {
        steps: plan.steps().map(|step| StepReport::new(Arc::clone(&step.name))).collect(),
        sinks: plan.sinks.iter().map(PlannedSink::report).collect(),
        ..Report::default()
    }
}

/// What encodes for the sinks, what is written to, and the entries of what has to be removed if it is not finished.
type Opened = (Vec<Arc<dyn Encoder>>, Files, Vec<Entry>);

/// Opens sinks and reject file, each of which is listed as unfinished as soon as it is there, unless it is gone on with.
fn open_files(
    plan: &Plan,
    cleanup: &CleanupRegistry,
    run: Option<&str>,
    begun: Option<&RunHandle>,
) -> Result<Opened, SinkError> {
    let mut entries = Vec::new();
    let checkpoint = begun.and_then(|begun| begun.checkpoint.as_ref());
    let mut open = |spec, name: &str, durable| {
        let aside = begun.map(|begun| StagingDir { folder: begun.folder.path(), name, synced: durable });
        let (encoder, writer) = sink::open(spec, run, aside.as_ref())?;
        if durable.is_none() {
            entries.extend(writer.partial().map(|path| cleanup.add(path)));
        }
        Ok((encoder, writer))
    };
    let opened: Result<Vec<_>, _> = plan
        .sinks
        .iter()
        .enumerate()
        .map(|(index, sink)| {
            open(&sink.spec, &format!("sink-{index}"), checkpoint.and_then(|checkpoint| checkpoint.sinks.get(index)))
        })
        .collect();
    let (encoders, sinks) = opened?.into_iter().unzip();
    let durable = checkpoint.and_then(|checkpoint| checkpoint.rejects.as_ref());
    let rejects = plan.rejects.as_ref().map(|rejects| open(&rejects.spec, "rejects", durable)).transpose()?;
    let rejects = rejects.map(|(_, writer)| writer);
    Ok((encoders, Files { sinks, rejects, kept: Vec::new(), entries: Entries::default(), keeping: None }, entries))
}

/// An id that no other run on this machine has: the time in seconds and a random number, both hexadecimal.
fn run_id() -> Arc<str> {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("{seconds:08x}-{:06x}", rand::rng().random_range(0..1_u32 << 24)).into()
}
