//! The cost of reporting a failure, and of source lines for the compiler.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use arrow_array::RecordBatch;
use stillbox::Failure;
use stillbox::bench_support::{BenchAllocation, BenchEngine, BenchStep};
use stillbox::component::CompileCache;
use stillbox_test_guests::{BAD_PANIC_NESTED, BAD_UNREACHABLE};
use wasmparser::{Parser, Payload};

use crate::figures::{Figures, Unit, in_turn, ratios, seconds};
use crate::print::{Line, heading};
use crate::scene::{Scene, column, integers, lab};

/// Later failures in a round.
const CALLS: usize = 500;
/// The row that the guests fail at is the last of these.
const ROWS: usize = 4;

pub(crate) fn print(scene: &Scene) {
    heading("From a trap to its record");
    for (name, guest) in [("trap", BAD_UNREACHABLE), ("panic", BAD_PANIC_NESTED)] {
        record(scene, name, guest);
        process(scene, name, guest);
    }
    heading("Compilation with and without line information");
    compile(scene, "text-features", r#"{"column":"text"}"#);
    compile(scene, "filter-text", r#"{"column":"text","min-words":5,"max-words":60,"min-bytes":40,"max-bytes":400}"#);
}

/// The record as JSON. The time is that of a call that fails, less that of one that passes.
fn record(scene: &Scene, name: &str, guest: &str) {
    let lab = lab(BenchAllocation::Pooled);
    let load = || lab.step(Path::new(guest), "{}").unwrap_or_else(|problem| panic!("{name}: {problem}"));
    let (good, bad) = (column("id", integers(ROWS - 1)), column("id", integers(ROWS)));
    let known = load();
    let calls = scene.count(CALLS);
    let median = |call: &dyn Fn() -> f64| Figures::new((0..calls).map(|_| call()).collect()).median();
    let passes = || median(&|| seconds(|| known.fresh(&good).unwrap_or_else(|problem| panic!("{problem}"))));
    // A component that was just loaded: its debug information has not been read.
    let mut first = || {
        let step = load();
        time_to_text(&step, &bad) - passes()
    };
    let mut later = || median(&|| time_to_text(&known, &bad)) - passes();
    let [first, later] = in_turn(scene.rounds, [&mut first, &mut later]);
    Line::new(&format!("{name}, first of its component, as JSON"), &Figures::new(first), Unit::Time).print();
    Line::new(&format!("{name}, later, as JSON"), &Figures::new(later), Unit::Time).print();
}

/// Returns the time until a failure is text, in seconds.
fn time_to_text(step: &BenchStep, rows: &RecordBatch) -> f64 {
    seconds(|| {
        let problem = step.fresh(rows).expect_err("the row is there that the guest fails at");
        let failure = problem.downcast::<Box<Failure>>().expect("a guest's failure is a record");
        serde_json::to_string(&failure).expect("a record is JSON")
    })
}

/// The record for people, on standard error: a whole process that fails, less one that passes.
fn process(scene: &Scene, name: &str, guest: &str) {
    let of_rows = |rows: usize, code: i32| {
        let pipeline = scene.path(&format!("{name}-{rows}.toml"));
        let input = format!("{name}-{rows}.jsonl");
        let text = format!(
            "[pipeline]\nname = \"failures\"\n\n[[source]]\npath = \"{input}\"\n\n\
             [[step]]\nname = \"guest\"\ncomponent = {guest:?}\n\n[[sink]]\npath = \"output.jsonl\"\n"
        );
        fs::write(&pipeline, text).expect("the folder can be written to");
        let lines: String = (0..rows).flat_map(|id| ["{\"id\":".to_owned(), id.to_string(), "}\n".into()]).collect();
        fs::write(scene.path(&input), lines).expect("the folder can be written to");
        move || ended(&mut scene.stillbox(&pipeline, 2), code)
    };
    let [mut passes, mut fails] = [of_rows(ROWS - 1, 0), of_rows(ROWS, 1)];
    // Whole processes vary by more than a failure costs, so there are many.
    let rounds = scene.count(10) * scene.rounds;
    let [passes, fails] = in_turn(rounds, [&mut passes, &mut fails]);
    let more = fails.iter().zip(&passes).map(|(fails, passes)| fails - passes).collect();
    Line::new(&format!("{name}, for people, in a whole process"), &Figures::new(more), Unit::Time).print();
}

/// How long a command takes that ends with this status.
fn ended(command: &mut Command, code: i32) -> f64 {
    command.stdin(Stdio::null());
    seconds(|| {
        let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert_eq!(output.status.code(), Some(code), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    })
}

/// A component as it is against the same without its debug sections, with no cache.
fn compile(scene: &Scene, name: &str, parameters: &str) {
    let with = scene.component(name);
    let bytes = fs::read(&with).unwrap_or_else(|error| panic!("{name}: {error}"));
    let stripped = without_debug_sections(&bytes);
    let without = scene.path("stripped.wasm");
    fs::write(&without, &stripped).expect("the folder can be written to");
    let lab = BenchEngine::new(8, BenchAllocation::Pooled, CompileCache::disabled())
        .unwrap_or_else(|problem| panic!("{problem}"));
    let load =
        |path: &Path| seconds(|| lab.step(path, parameters).map_or_else(|problem| panic!("{name}: {problem}"), drop));
    let [with, without] = in_turn(scene.rounds, [&mut || load(&with), &mut || load(&without)]);
    let sizes = format!("{} KiB, {} KiB of it lines", bytes.len() >> 10, (bytes.len() - stripped.len()) >> 10);
    Line::new(&format!("{name} ({sizes})"), &Figures::new(with.clone()), Unit::Time)
        .against("without lines", ratios(&with, &without))
        .print();
}

/// A component, or a module in it, without its debug sections.
fn without_debug_sections(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    // How many modules and components that are within this one are being read.
    let mut inner = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.expect("the component is well-formed");
        match &payload {
            Payload::Version { range, .. } if kept.is_empty() => kept.extend_from_slice(&bytes[range.clone()]),
            Payload::Version { .. } => inner += 1,
            Payload::End(_) if inner > 0 => inner -= 1,
            _ if inner > 0 => {}
            Payload::ModuleSection { unchecked_range: range, .. }
            | Payload::ComponentSection { unchecked_range: range, .. } => {
                let (id, _) = payload.as_section().expect("they are sections");
                section(&mut kept, id, &without_debug_sections(&bytes[range.clone()]));
            }
            Payload::CustomSection(custom) if custom.name().starts_with(".debug_") => {}
            other => {
                if let Some((id, range)) = other.as_section() {
                    section(&mut kept, id, &bytes[range]);
                }
            }
        }
    }
    kept
}

/// Appends a section: its id, its size in LEB128, its content.
fn section(to: &mut Vec<u8>, id: u8, content: &[u8]) {
    to.push(id);
    let mut size = content.len();
    while size >= 0x80 {
        to.push(size as u8 | 0x80);
        size >>= 7;
    }
    to.push(size as u8);
    to.extend_from_slice(content);
}
