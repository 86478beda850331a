//! Faults of the host itself: they end the run, and never hold it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::{Ended, Files, Run, RunStage, run};
use crate::component::{CompileCache, Fuel, Workshop};
use crate::failure::FailureKind;
use crate::feed::{FileFeed, StageInput};
use crate::format::Compression;
use crate::interrupt::{Interrupt, Stop};
use crate::report::Report;
use crate::runs::Position;
use crate::source::{DecodedBatch, Decoder, Piece, PieceData, Reader, SourceError};
use crate::stage::{Stage, Workers};
use crate::unfinished::Entries;

struct Endless;

impl Reader for Endless {
    fn next_piece(&mut self) -> Result<Option<Piece>, SourceError> {
        let data = PieceData::Text { bytes: Vec::new().into(), first_line: 1, fields: None };
        Ok(Some(Piece { file: "endless".into(), data, rows: 0, bytes_read: 0 }))
    }
}

struct Broken;

impl Reader for Broken {
    fn next_piece(&mut self) -> Result<Option<Piece>, SourceError> {
        panic!("the reader is broken")
    }
}

impl Decoder for Broken {
    fn decode(&self, _: Piece) -> Result<DecodedBatch, SourceError> {
        panic!("the decoder is broken")
    }
}

fn ended(reader: Box<dyn Reader>, interrupt: &Interrupt) -> Ended {
    let workshop = Workshop::new(2, Fuel::Off, CompileCache::disabled()).expect("this machine runs the tests");
    let stage = Stage {
        inputs: vec![StageInput { decoder: Some(Arc::new(Broken)), counts: true, slots: vec![0] }],
        operations: Vec::new(),
        slots: 1,
        encoders: Arc::new([]),
        sandbox: Arc::clone(workshop.sandbox()),
        stop: Stop::default(),
        run: "run".into(),
        reject_compression: Compression::None,
        outputs: crate::outputs::OutputCache::disabled(),
        workers: Workers::default(),
        guests: AtomicUsize::new(0),
        tally: Arc::default(),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().expect("this machine has threads");
    let (ended, _) = run(Run {
        stages: vec![RunStage {
            stage: Arc::new(stage),
            feeds: Box::new(|| Ok(vec![Box::new(FileFeed::new(reader))])),
        }],
        files: Files { sinks: Vec::new(), rejects: None, kept: Vec::new(), entries: Entries::default(), keeping: None },
        pool: Arc::new(pool),
        interrupt,
        on_event: &|_| (),
        report: Report::default(),
        from: Position::default(),
        id: "run".into(),
        most_rejects: None,
        grace: Duration::ZERO,
    });
    ended
}

fn assert_is_a_bug(ended: &Ended, words: &str) {
    let Ended::Failed(failures) = ended else { panic!("{ended:?}") };
    assert_eq!(failures[0].kind, FailureKind::Host);
    assert_eq!(failures[0].message, "a part of Stillbox panicked; this is a bug in Stillbox");
    assert_eq!(failures[0].causes, [words]);
}

#[test]
fn a_panic_in_a_task_ends_the_run() {
    assert_is_a_bug(&ended(Box::new(Endless), &Interrupt::new()), "the decoder is broken");
}

#[test]
fn a_panic_of_the_reader_ends_the_run() {
    assert_is_a_bug(&ended(Box::new(Broken), &Interrupt::new()), "the reader is broken");
}
