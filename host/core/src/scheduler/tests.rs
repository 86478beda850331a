//! Faults of the host itself: they end the run, and never hold it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;

use super::{Files, RunOutcome, RunStage, ScheduledRun, run};
use crate::cleanup::Entries;
use crate::component::{CompileCache, Compiler};
use crate::engine::{Fuel, Traps, engine_without_pool};
use crate::failure::{Failure, FailureKind};
use crate::format::Compression;
use crate::interrupt::{Interrupt, Stop};
use crate::loader::ComponentLoader;
use crate::monitor::Monitor;
use crate::plan::{Operation, Work};
use crate::report::Report;
use crate::runs::ResumePoint;
use crate::sink::{Encoded, Encoder, SinkError};
use crate::source::{Chunk, ChunkData, DecodedBatch, Decoder, Reader, RowPositions, SourceError};
use crate::stage::{Stage, Workers};
use crate::stage::{StageInput, WorkItem, WorkRows};
use crate::stage_input::{FileInput, InputReader, StepReporter};
use crate::writeback::Writeback;

struct Endless;

impl Reader for Endless {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        let data = ChunkData::Text {
            bytes: Vec::new().into(),
            first_line: 1,
            bytes_before: 0,
            first_row: 1,
            layout: Arc::default(),
            bad: Vec::new(),
        };
        Ok(Some(Chunk { file: "endless".into(), data, rows: 0, bytes_read: 0 }))
    }
}

struct Broken;

impl Reader for Broken {
    fn next_chunk(&mut self) -> Result<Option<Chunk>, SourceError> {
        panic!("the reader is broken")
    }
}

impl Decoder for Broken {
    fn decode(&self, _: Chunk) -> Result<DecodedBatch, SourceError> {
        panic!("the decoder is broken")
    }
}

/// The host panics while a source or an aggregate is called.
struct BrokenCall;

impl InputReader for BrokenCall {
    fn next(&mut self, stage: &Stage, _: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>> {
        let _guard = stage.count_guest_call();
        panic!("the call is broken")
    }
}

/// One row without columns.
struct OneRow {
    is_read: bool,
}

impl InputReader for OneRow {
    fn next(&mut self, _: &Stage, _: StepReporter<'_>) -> Result<Option<WorkItem>, Box<Failure>> {
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options);
        let rows =
            WorkRows::Ready(vec![row.expect("there is nothing to be wrong")], RowPositions::rows("one".into(), 1));
        let item = WorkItem { rows, first: 0, bytes_read: None, rejected: Vec::new(), is_cut: false };
        Ok((!std::mem::replace(&mut self.is_read, true)).then_some(item))
    }
}

impl Encoder for OneRow {
    fn encode(&self, _: &RecordBatch) -> Result<Encoded, SinkError> {
        Ok(Encoded::Bytes(b"a row".to_vec()))
    }
}

fn ended(reader: Box<dyn Reader>) -> RunOutcome {
    ended_with(Box::new(FileInput::new(reader)), Vec::new())
}

/// How a run ends that has no file to write to.
fn ended_with(input_reader: Box<dyn InputReader>, operations: Vec<Operation>) -> RunOutcome {
    let loader = ComponentLoader::new(
        engine_without_pool(Fuel::Off, Traps::default()).expect("it can be set up"),
        CompileCache::disabled(),
        Compiler::default(),
    )
    .expect("this machine runs the tests");
    let stage = Stage {
        inputs: vec![StageInput { decoder: Some(Arc::new(Broken)), counts: true, slots: vec![0] }],
        operations,
        slots: 1,
        encoders: Arc::new([Arc::new(OneRow { is_read: false }) as Arc<dyn Encoder>]),
        sandbox: Arc::clone(loader.sandbox()),
        stop: Stop::default(),
        run: "run".into(),
        reject_compression: Compression::None,
        result_cache: crate::result_cache::ResultCache::disabled(),
        workers: Workers::default(),
        active_guests: AtomicUsize::new(0),
        reject_counter: Arc::default(),
        drop_sampler: None,
        redactor: crate::grants::Redactor::default(),
        bundles: None,
        remote: None,
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("this machine has threads");
    let (ended, _) = run(ScheduledRun {
        stages: vec![RunStage { stage: Arc::new(stage), input_readers: Box::new(|| Ok(vec![input_reader])) }],
        files: Files {
            sinks: Vec::new(),
            rejects: None,
            dropped: None,
            spills: Vec::new(),
            entries: Entries::default(),
            writeback: Writeback::default(),
            monitor: Monitor::default(),
            checkpoint: None,
        },
        checkpoints: None,
        pool: Arc::new(pool),
        interrupt: &Interrupt::new(),
        on_event: &|_| (),
        report: Report::default(),
        models: Vec::new(),
        from: ResumePoint::default(),
        id: "run".into(),
        accepted: None,
        max_rejects: None,
        grace: Duration::ZERO,
    });
    ended
}

fn assert_is_a_bug(ended: &RunOutcome, words: &str) {
    let RunOutcome::Failed(failures) = ended else { panic!("{ended:?}") };
    assert_eq!(failures[0].kind, FailureKind::Host);
    assert_eq!(failures[0].message, "a part of Stillbox panicked; this is a bug in Stillbox");
    assert_eq!(failures[0].causes, [words]);
}

#[test]
fn a_panic_in_a_task_ends_the_run() {
    assert_is_a_bug(&ended(Box::new(Endless)), "the decoder is broken");
}

#[test]
fn a_panic_of_the_reader_ends_the_run() {
    assert_is_a_bug(&ended(Box::new(Broken)), "the reader is broken");
}

/// Nothing else ends the wait for a guest that is being called.
#[test]
fn a_panic_while_a_source_is_called_ends_the_run() {
    assert_is_a_bug(&ended_with(Box::new(BrokenCall), Vec::new()), "the call is broken");
}

#[test]
fn a_panic_of_the_writer_ends_the_run() {
    // The pipeline has no such sink.
    let write = Operation { reads: vec![0], fills: None, work: Work::Sink(0) };
    let ended = ended_with(Box::new(OneRow { is_read: false }), vec![write]);
    assert_is_a_bug(&ended, "index out of bounds: the len is 0 but the index is 0");
}
