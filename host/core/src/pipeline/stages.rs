//! From the plan's stages to the stages that run.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::bundle::BundleWriter;
use crate::failure::Failure;
use crate::format::Compression;
use crate::interrupt::Stop;
use crate::plan::{Dropped, InputSource, Plan, Work, carried_columns};
use crate::remote::RemoteRun;
use crate::result_cache::ResultCache;
use crate::sandbox::Sandbox;
use crate::scheduler::RunStage;
use crate::sink::Encoder;
use crate::source::{OpenSource, SourceSchema};
use crate::spill::Spill;
use crate::stage::StageInput;
use crate::stage::{DropSampler, RejectCounter, Stage, Workers};
use crate::stage_input;

/// Values that all stages of a run share.
pub(super) struct StageResources<'a> {
    pub(super) encoders: Arc<[Arc<dyn Encoder>]>,
    pub(super) sandbox: &'a Arc<Sandbox>,
    pub(super) stop: Stop,
    pub(super) reject_counter: Arc<RejectCounter>,
    /// Chooses the dropped rows that are written. `None` if they are not recorded.
    pub(super) drop_sampler: Option<Arc<DropSampler>>,
    pub(super) outputs: &'a ResultCache,
    /// The run's id.
    pub(super) run: &'a Arc<str>,
    pub(super) spills: Vec<Arc<Spill>>,
    /// Writes a bundle for each failure, if there are to be any.
    pub(super) bundles: Option<Arc<BundleWriter>>,
    /// The workers that run the tasks. `None` to run them in this process.
    pub(super) remote: Option<&'a RemoteRun>,
}

/// Returns what chooses the dropped rows that are written. `taken` are the rows that an earlier process has written.
pub(super) fn drop_sampler(dropped: &Dropped, taken: &[(usize, String, u64)]) -> Arc<DropSampler> {
    Arc::new(DropSampler::new(dropped.sample, dropped.by, taken))
}

impl StageResources<'_> {
    pub(super) fn stages(&self, plan: Plan) -> Vec<RunStage> {
        let Plan { stages, sources, sinks, rejects, batch_rows, redactor, .. } = plan;
        let reject_compression = rejects.map_or(Compression::None, |rejects| rejects.spec.compression);
        let mut sources: Vec<Option<OpenSource>> = sources.into_iter().map(Some).collect();
        let mut run = Vec::with_capacity(stages.len());
        for (index, stage) in stages.into_iter().enumerate() {
            // Secrets stay in this process, and folders are those of this machine.
            let is_granted = |work: &Work| matches!(work, Work::Step(step) if step.access.is_some());
            let remote = self.remote.filter(|_| !stage.operations.iter().any(|operation| is_granted(&operation.work)));
            let mut inputs = Vec::with_capacity(stage.inputs.len());
            let mut readers = Vec::with_capacity(stage.inputs.len());
            for input in &stage.inputs {
                let source = match &input.from {
                    InputSource::Source(index) => sources[*index].take(),
                    _ => None,
                };
                // Rows that leave the process need all of their columns.
                let may_carry = remote.is_none() && self.bundles.is_none();
                let carried = source.as_ref().filter(|_| may_carry).and_then(|source| match &source.schema {
                    SourceSchema::Known(schema) => {
                        source.decoder.carrying(&carried_columns(&stage, &input.slots, schema, &sinks))
                    }
                    SourceSchema::Empty => None,
                });
                if let Some(files) = source.as_ref().and_then(|source| source.carried.as_ref()).filter(|_| may_carry) {
                    files.activate();
                }
                let (reader, decoder) = source.map(|source| (source.reader, carried.unwrap_or(source.decoder))).unzip();
                let counts = matches!(input.from, InputSource::Source(_) | InputSource::Generator { .. });
                inputs.push(StageInput { decoder, counts, slots: input.slots.clone() });
                readers.push(reader);
            }
            let spills = self.spills.clone();
            let input_readers = move || {
                let opened = stage
                    .inputs
                    .iter()
                    .zip(readers)
                    .map(|(input, reader)| stage_input::open(input, reader, &spills, batch_rows));
                opened.collect::<Result<Vec<_>, _>>().map_err(|error| Box::new(Failure::host(&error)))
            };
            let remote = remote.map(|remote| remote.stage(index));
            let stage = Stage {
                inputs,
                operations: stage.operations,
                slots: stage.slots,
                encoders: Arc::clone(&self.encoders),
                sandbox: Arc::clone(self.sandbox),
                stop: self.stop.clone(),
                run: Arc::clone(self.run),
                reject_compression,
                result_cache: self.outputs.clone(),
                workers: Workers::default(),
                active_guests: AtomicUsize::new(0),
                reject_counter: Arc::clone(&self.reject_counter),
                drop_sampler: self.drop_sampler.clone(),
                redactor: redactor.clone(),
                bundles: self.bundles.clone(),
                remote,
            };
            run.push(RunStage { stage: Arc::new(stage), input_readers: Box::new(input_readers) });
        }
        run
    }
}
