//! From the plan's stages to those that run, and the place for what is kept between them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tempfile::TempDir;

use crate::failure::Failure;
use crate::feed::{self, StageInput};
use crate::format::Compression;
use crate::interrupt::Stop;
use crate::plan::{From, Plan};
use crate::sandbox::Sandbox;
use crate::scheduler::{Files, RunStage};
use crate::sink::Encoder;
use crate::source::{Decoder, Reader};
use crate::spool::{Spool, SpoolError, SpoolWriter};
use crate::stage::{Stage, Tally, Workers};

/// The folder for what is kept between the stages: private, and removed when it is dropped. None where nothing is kept.
pub(super) fn work_directory(plan: &Plan) -> io::Result<Option<TempDir>> {
    let make = || tempfile::Builder::new().prefix("stillbox-").tempdir();
    (!plan.kept.is_empty()).then(make).transpose()
}

/// Makes the files for what is kept between the stages.
pub(super) fn open_spools(
    plan: &Plan,
    directory: Option<&TempDir>,
    files: &mut Files,
) -> Result<Vec<Arc<Spool>>, SpoolError> {
    let directory = directory.map_or(Path::new(""), TempDir::path);
    let mut spools = Vec::with_capacity(plan.kept.len());
    for (index, kept) in plan.kept.iter().enumerate() {
        let spool =
            Arc::new(Spool::new(directory.join(format!("{index}.rows")), &kept.title, Arc::clone(&kept.schema)));
        files.kept.push(SpoolWriter::create(&spool)?);
        spools.push(spool);
    }
    Ok(spools)
}

/// What all stages of a run share.
pub(super) struct Stages<'a> {
    pub(super) encoders: Arc<[Arc<dyn Encoder>]>,
    pub(super) sandbox: &'a Arc<Sandbox>,
    pub(super) stop: Stop,
    pub(super) tally: Arc<Tally>,
    /// The run's id.
    pub(super) run: &'a Arc<str>,
    pub(super) spools: Vec<Arc<Spool>>,
}

/// A source that one stage reads.
type Source = (Box<dyn Reader>, Arc<dyn Decoder>);

impl Stages<'_> {
    pub(super) fn stages(&self, plan: Plan) -> Vec<RunStage> {
        let Plan { stages, sources, rejects, batch_rows, .. } = plan;
        let reject_compression = rejects.map_or(Compression::None, |rejects| rejects.spec.compression);
        let mut sources: Vec<Option<Source>> =
            sources.into_iter().map(|source| Some((source.reader, source.decoder))).collect();
        let mut run = Vec::with_capacity(stages.len());
        for stage in stages {
            let mut inputs = Vec::with_capacity(stage.inputs.len());
            let mut readers = Vec::with_capacity(stage.inputs.len());
            for input in &stage.inputs {
                let source = match &input.from {
                    From::Source(index) => sources[*index].take(),
                    _ => None,
                };
                let (reader, decoder) = source.unzip();
                let counts = matches!(input.from, From::Source(_) | From::Generator(_));
                inputs.push(StageInput { decoder, counts, slots: input.slots.clone() });
                readers.push(reader);
            }
            let spools = self.spools.clone();
            let feeds = move || {
                let opened = stage
                    .inputs
                    .iter()
                    .zip(readers)
                    .map(|(input, reader)| feed::open(input, reader, &spools, batch_rows));
                opened.collect::<Result<Vec<_>, _>>().map_err(|error| Box::new(Failure::host(&error)))
            };
            let stage = Stage {
                inputs,
                operations: stage.operations,
                slots: stage.slots,
                encoders: Arc::clone(&self.encoders),
                sandbox: Arc::clone(self.sandbox),
                stop: self.stop.clone(),
                run: Arc::clone(self.run),
                reject_compression,
                workers: Workers::default(),
                guests: AtomicUsize::new(0),
                tally: Arc::clone(&self.tally),
            };
            run.push(RunStage { stage: Arc::new(stage), feeds: Box::new(feeds) });
        }
        run
    }
}
