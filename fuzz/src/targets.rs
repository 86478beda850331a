//! The targets: each passes one input, and panics if the result is wrong.

use std::fs;
use std::path::PathBuf;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use stillbox::fuzz_support as support;

use crate::mutate::{MAX_BYTES, mutate};
use crate::seeds;

/// Passes the input with a seed and a number.
type Run = Box<dyn FnMut(u64, u64)>;

/// A target, which runs in a process of its own.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    /// Prepares the target. Returns a function that passes the input with a number.
    pub(crate) start: fn() -> Run,
}

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "component", start: component },
    Target { name: "output", start: output },
    Target { name: "csv", start: || input("csv", seeds::csv(), seeds::TEXT_TOKENS) },
    Target { name: "jsonl", start: || input("jsonl", seeds::jsonl(), seeds::TEXT_TOKENS) },
    Target { name: "json", start: || input("json", seeds::json(), seeds::TEXT_TOKENS) },
    Target { name: "parquet", start: || input("parquet", seeds::parquet(), seeds::BINARY_TOKENS) },
    Target { name: "arrow", start: || input("arrow", seeds::arrow(), seeds::BINARY_TOKENS) },
    Target { name: "compressed", start: compressed },
    Target { name: "pipeline", start: pipeline },
    Target { name: "checkpoint", start: || framed(vec![support::checkpoint()], support::framed_checkpoint) },
    Target { name: "cached-call", start: || framed(vec![support::cached_call()], support::framed_cached_call) },
    Target { name: "run-files", start: run_files },
    Target { name: "spill", start: spill },
    Target { name: "text", start: text },
];

/// The numbers of rows of a batch that an input is read with. The rows do not depend on them.
const BATCH_ROWS: [usize; 2] = [1000, 3];

/// The bytes of the header of a frame.
const HEADER: usize = 20;

/// Returns the random numbers of an input, which depend on nothing else.
fn random(seed: u64, number: u64) -> StdRng {
    StdRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number)
}

/// Returns a seed, or with a small probability only a part of it, changed in some places.
fn changed(seeds: &[Vec<u8>], tokens: &[&[u8]], random: &mut StdRng) -> Vec<u8> {
    let mut bytes = seeds[random.random_range(0..seeds.len())].clone();
    mutate(&mut bytes, random, tokens, seeds);
    bytes
}

/// A file that is written for every input, in the folder for temporary files that the driver sets.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn new(name: &str) -> Self {
        Self { path: std::env::temp_dir().join(name) }
    }

    fn write(&self, bytes: &[u8]) {
        fs::write(&self.path, bytes).expect("the file can be written");
    }
}

fn component() -> Run {
    let seeds = seeds::components();
    Box::new(move |seed, number| {
        let mut random = random(seed, number);
        support::walk_component(&changed(&seeds, seeds::BINARY_TOKENS, &mut random));
    })
}

fn output() -> Run {
    Box::new(|seed, number| {
        let mut random = random(seed, number);
        // Zeros stand for the right numbers, so that some outputs pass.
        let wrong = random.random_range(0.0..0.2);
        let length = random.random_range(0..2000);
        let byte =
            |random: &mut StdRng| if random.random_bool(wrong) { random.random() } else { random.random_range(0..100) };
        let bytes: Vec<u8> = (0..length).map(|_| byte(&mut random)).collect();
        support::check_output(&bytes);
    })
}

fn input(format: &'static str, seeds: Vec<Vec<u8>>, tokens: &'static [&'static [u8]]) -> Run {
    let scratch = Scratch::new(&format!("input.{format}"));
    for seed in &seeds {
        scratch.write(seed);
        support::read_input(&scratch.path, format, BATCH_ROWS[0]).expect("a seed is right");
    }
    Box::new(move |seed, number| {
        scratch.write(&changed(&seeds, tokens, &mut random(seed, number)));
        let [one, other] = BATCH_ROWS.map(|rows| support::read_input(&scratch.path, format, rows));
        match (one, other) {
            (Ok(one), Ok(other)) => {
                assert!(one == other, "the rows depend on the size of batches: {one:?} and {other:?}");
            }
            (Err(_), Err(_)) => {}
            (one, other) => panic!("the size of batches decides about an error: {:?} and {:?}", one.err(), other.err()),
        }
    })
}

/// The formats have checksums, so a change is an error or has no effect.
fn compressed() -> Run {
    let files: Vec<_> = seeds::compressed()
        .into_iter()
        .map(|(ending, bytes)| {
            let scratch = Scratch::new(&format!("input.jsonl.{ending}"));
            scratch.write(&bytes);
            let rows = support::read_input(&scratch.path, "jsonl", BATCH_ROWS[0]).expect("a seed is right");
            (scratch, bytes, rows)
        })
        .collect();
    Box::new(move |seed, number| {
        let mut random = random(seed, number);
        let (scratch, bytes, rows) = &files[random.random_range(0..files.len())];
        let mut bytes = bytes.clone();
        mutate(&mut bytes, &mut random, &[], &[]);
        scratch.write(&bytes);
        if let Ok(found) = support::read_input(&scratch.path, "jsonl", BATCH_ROWS[0]) {
            assert!(found == *rows, "{} was read as other rows", scratch.path.display());
        }
    })
}

fn pipeline() -> Run {
    let seeds = seeds::pipelines();
    Box::new(move |seed, number| {
        let bytes = changed(&seeds, seeds::PIPELINE_TOKENS, &mut random(seed, number));
        support::parse_pipeline(&String::from_utf8_lossy(&bytes));
    })
}

/// A frame whose payload is changed has another checksum. In every second input the checksum fits the changed payload.
fn framed(seeds: Vec<Vec<u8>>, again: fn(&[u8]) -> Option<Vec<u8>>) -> Run {
    for seed in &seeds {
        assert_eq!(again(seed).as_ref(), Some(seed), "a seed is right");
    }
    Box::new(move |seed, number| {
        let mut random = random(seed, number);
        let original = &seeds[random.random_range(0..seeds.len())];
        if random.random() {
            let mut bytes = original.clone();
            mutate(&mut bytes, &mut random, seeds::BINARY_TOKENS, &[]);
            if let Some(found) = again(&bytes) {
                assert!(found == *original, "a changed frame was accepted");
            }
        } else {
            let (header, payload) = original.split_at(HEADER);
            let mut payload = payload.to_vec();
            mutate(&mut payload, &mut random, seeds::BINARY_TOKENS, &[]);
            let _ = again(&frame(header, &payload));
        }
    })
}

/// Returns a frame of the format of another one.
fn frame(header: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut frame = header[..8].to_vec();
    frame.extend_from_slice(&(payload.len() as u64).to_le_bytes());
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&frame);
    checksum.update(payload);
    frame.extend_from_slice(&checksum.finalize().to_le_bytes());
    frame.extend_from_slice(payload);
    frame
}

fn run_files() -> Run {
    let seeds = seeds::run_files();
    Box::new(move |seed, number| {
        support::read_run_files(&changed(&seeds, seeds::TEXT_TOKENS, &mut random(seed, number)));
    })
}

/// Each frame has a checksum, so every batch that is read was written. In every second input the checksum of the first frame fits
/// its changed payload.
fn spill() -> Run {
    let scratch = Scratch::new("0.rows");
    support::write_spill(&scratch.path);
    let original = fs::read(&scratch.path).expect("it was written");
    let written = support::spill_frames(&scratch.path).expect("a seed is right");
    Box::new(move |seed, number| {
        let mut random = random(seed, number);
        if random.random() {
            let (header, rest) = original.split_at(HEADER);
            let length = header[8..16].first_chunk().map_or(0, |length| u64::from_le_bytes(*length) as usize);
            let mut payload = rest[..length].to_vec();
            mutate(&mut payload, &mut random, seeds::BINARY_TOKENS, &[]);
            scratch.write(&[&frame(header, &payload), &rest[length..]].concat());
            let _ = support::spill_frames(&scratch.path);
            return;
        }
        let mut bytes = original.clone();
        mutate(&mut bytes, &mut random, seeds::BINARY_TOKENS, &[]);
        scratch.write(&bytes);
        for batch in support::spill_frames(&scratch.path).iter().flatten() {
            assert!(written.contains(batch), "a changed frame was accepted");
        }
    })
}

fn text() -> Run {
    let seeds = vec![b"the message of a step".to_vec(), Vec::new()];
    Box::new(move |seed, number| {
        let mut bytes = changed(&seeds, seeds::SHOWN_TOKENS, &mut random(seed, number));
        bytes.truncate(MAX_BYTES);
        support::escape(&String::from_utf8_lossy(&bytes));
    })
}
