//! Runs tasks of a run that is in another process.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_ipc::reader::StreamReader;

use super::error::not_set_up;
use super::options::RunOptions;
use super::stages::{StageResources, drop_sampler};
use super::{Pipeline, RunError};
use crate::cleanup::CleanupRegistry;
use crate::config::component_setting::ComponentSetting;
use crate::config::{AllowTable, Overrides};
use crate::interrupt::{Interrupt, Stop};
use crate::model_client::Journal;
use crate::plan::Replacements;
use crate::remote::{ExecutorError, JobDescription, VERSION, decode_task, encode_output};
use crate::runtime::{Engine, Reservation};
use crate::sink::{self, BatchSink};
use crate::source::{BatchSource, SourceSchema};
use crate::stage::{RejectCounter, Stage};

/// Runs tasks of a run that is in another process: the counterpart of an [`Executor`](crate::remote::Executor). It opens no
/// input and no output.
pub struct Worker {
    stages: Vec<Arc<Stage>>,
    reject_counter: Arc<RejectCounter>,
    /// Room for the instances.
    _reservation: Reservation,
}

impl Worker {
    /// Loads the steps of a job. `description` is that of the [`Job`](crate::remote::Job), and `components` is a folder with a
    /// file for each of its components, named by the digits of the digest and `.wasm`. A worker that ends when the
    /// interrupt is triggered answers with a failure.
    ///
    /// # Errors
    /// The job is of another version, or its steps cannot be loaded.
    pub fn new(
        engine: &Engine,
        description: &[u8],
        components: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self, RunError> {
        let job: JobDescription = serde_json::from_slice(description).map_err(|error| not_set_up(&error))?;
        if job.version != VERSION {
            let versions = format!("the worker has Stillbox {VERSION}, and the run Stillbox {}", job.version);
            return Err(not_set_up(&versions));
        }
        let options = RunOptions { replacements: replacements(&job)?, ..RunOptions::new() }.interrupt(interrupt);
        let pipeline = pipeline(&job, components)?;
        let planned = pipeline.plan(engine, &options, None, &Journal::default())?;
        let loader = planned.reservation.loader();
        let encoders = planned.plan.sinks.iter().map(|sink| sink::encoder(&sink.spec, job.is_resumable));
        let encoders = encoders.collect::<Result<Arc<[_]>, _>>().map_err(|error| not_set_up(&error))?;
        let reject_counter: Arc<RejectCounter> = Arc::default();
        let outputs = engine.result_cache().for_run(&CleanupRegistry::new());
        let resources = StageResources {
            encoders,
            sandbox: loader.sandbox(),
            stop: Stop::on(interrupt, loader.sandbox().engine()),
            reject_counter: Arc::clone(&reject_counter),
            drop_sampler: planned.plan.dropped.as_ref().map(|dropped| drop_sampler(dropped, &[])),
            outputs: &outputs,
            run: &job.run,
            spills: Vec::new(),
            bundles: None,
            remote: None,
        };
        let stages = resources.stages(planned.plan).into_iter().map(|stage| stage.stage).collect();
        Ok(Self { stages, reject_counter, _reservation: planned.reservation })
    }

    /// Runs a task, and returns its answer. A step that fails is an answer, too.
    ///
    /// # Errors
    /// The bytes are no task of this job, or its output cannot be encoded.
    pub fn run(&mut self, task: &[u8]) -> Result<Vec<u8>, ExecutorError> {
        let (header, rows) = decode_task(task)?;
        let stage = self.stages.get(header.stage).filter(|stage| rows.input < stage.inputs.len());
        let stage = stage.ok_or("the pipeline has no such stage")?;
        self.reject_counter.restart(header.allowance);
        encode_output(stage.operate(rows))
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("stages", &self.stages.len()).finish_non_exhaustive()
    }
}

/// Returns the pipeline with the components of this process.
fn pipeline(job: &JobDescription, components: &Path) -> Result<Pipeline, RunError> {
    let overrides = Overrides {
        set: job.set.clone(),
        limit: job.limit.clone(),
        output: job.output.as_ref().map(PathBuf::from),
        ..Overrides::default()
    };
    let mut pipeline = Pipeline::from_text(&job.file, &job.text)?.with(&overrides)?;
    let config = Arc::make_mut(&mut pipeline.config);
    // Steps with grants run in the process of the run.
    config.secrets.clear();
    for (step, digest) in config.steps.iter_mut().zip(&job.components) {
        step.allow = AllowTable::default();
        let written = PathBuf::from(format!("{}.wasm", digest.trim_start_matches("sha256:")));
        step.component.value = ComponentSetting::file(components.join(written));
    }
    Ok(pipeline)
}

/// Replaces all sources, and the sinks that the calling program replaces.
fn replacements(job: &JobDescription) -> Result<Replacements, RunError> {
    let config = Pipeline::from_text(&job.file, &job.text)?.config;
    let mut sources = BTreeMap::new();
    for (index, columns) in job.sources.iter().enumerate().take(config.sources.len()) {
        let schema = match columns {
            None => SourceSchema::Empty,
            Some(columns) => {
                let stream = StreamReader::try_new(Cursor::new(columns), None).map_err(|error| not_set_up(&error))?;
                SourceSchema::Known(stream.schema())
            }
        };
        sources.insert(config.source_name(index).to_string(), BatchSource::elsewhere(schema));
    }
    let taken = |name: &String| (name.clone(), BatchSink::new(|_| Ok(())));
    Ok(Replacements { sources, sinks: job.batch_sinks.iter().map(taken).collect() })
}
