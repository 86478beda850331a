//! The boundary: steps that copy one column.

use arrow_array::RecordBatch;
use stillbox::bench_support::{BenchAllocation, BenchStep};

use crate::figures::{Figures, Shown, Unit, in_turn, ratios, seconds};
use crate::print::{Line, heading};
use crate::scene::{Scene, column, integers, lab, texts, vectors};

/// Bytes that go through a step in a round, about.
const BYTES: usize = 64 << 20;
/// Calls in a round at most: small batches cost as much as their instances.
const MAX_CALLS: usize = 2000;

pub(crate) fn print(scene: &Scene) {
    let lab = lab(BenchAllocation::Pooled);
    let steps = [
        ("a column of texts", "copy-text-column"),
        ("a column of integers", "copy-integer-column"),
        ("texts, row by row", "copy-texts"),
        ("integers, row by row", "copy-integers"),
        ("vectors of 768, row by row", "copy-vectors"),
    ];
    for (name, step) in steps {
        heading(&format!("The boundary: a step that copies {name}"));
        let bound = scene.step(&lab, step, "{}");
        for rows in [1, 50, 1000, 8192] {
            let count = scene.count(rows);
            let values = match step {
                "copy-text-column" | "copy-texts" => texts(count),
                "copy-integer-column" | "copy-integers" => integers(count),
                _ => vectors(count),
            };
            let target = match (step, rows) {
                ("copy-text-column", 1000) => "at most 3 ×",
                ("copy-integer-column", 1000) => "at most 12 ×",
                _ => "",
            };
            compare(scene, &bound, &column("value", values), target);
        }
    }
}

fn compare(scene: &Scene, step: &BenchStep, rows: &RecordBatch, target: &str) {
    let data = rows.column(0).to_data();
    let bytes = data.get_slice_memory_size().expect("it has a size");
    let calls = scene.count((BYTES / bytes).clamp(3, MAX_CALLS));
    let buffer = vec![1_u8; bytes];
    let mut into = vec![0_u8; bytes];
    let mut fresh = || {
        let times = (0..calls).map(|_| seconds(|| step.fresh(rows).unwrap_or_else(|problem| panic!("{problem}"))));
        Figures::new(times.collect()).median()
    };
    let mut reused = || {
        let times = step.reused(rows, calls).unwrap_or_else(|problem| panic!("{problem}"));
        Figures::of_times(&times).median()
    };
    // As the column goes in and comes out, both are into.
    let mut twice = || {
        let mut once = || {
            seconds(|| {
                into.copy_from_slice(std::hint::black_box(&buffer));
                std::hint::black_box(&mut into);
            })
        };
        2.0 * Figures::new((0..calls).map(|_| once()).collect()).median()
    };
    let [fresh, reused, both] = in_turn(scene.rounds, [&mut fresh, &mut reused, &mut twice]);
    let count = rows.num_rows();
    let line = |what: &str, samples: &[f64], target: &str| {
        let figures = Figures::new(samples.to_vec());
        let each = Shown(figures.median() / count as f64, Unit::Time);
        let rate = Shown(2.0 * bytes as f64 / figures.median(), Unit::Rate);
        Line::new(&format!("{count} rows, {what}: {each} a row, {rate}"), &figures, Unit::Time)
            .against("a copy in and a copy out", ratios(samples, &both))
            .target(target)
            .print();
    };
    line("fresh instance", &fresh, "");
    line("instance reused", &reused, target);
}
