//! Work inside a step, against the same function compiled for this machine.

use arrow_array::cast::AsArray as _;
use arrow_array::types::Float32Type;
use arrow_array::{Array as _, ArrayRef, RecordBatch};
use stillbox::bench_support::BenchAllocation;

use crate::figures::{Figures, Shown, Unit, in_turn, ratios, seconds};
use crate::print::{Line, heading};
use crate::scene::{Scene, column, lab, texts, vectors};

/// Batches in a round.
const BATCHES: usize = 60;

pub(crate) fn print(scene: &Scene) {
    heading("Compute: a batch of 1000 rows in a fresh instance, against the same function native");
    let rows = scene.count(1000);
    let (texts, vectors) = (column("text", texts(rows)), column("vector", vectors(rows)));
    compare(scene, "hash-texts", &texts, |rows| hash_all(rows.column(0)));
    compare(scene, "match-texts", &texts, |rows| {
        let texts = rows.column(0).as_string::<i32>();
        texts.iter().flatten().map(|text| match_texts::matches(text) as u64).sum()
    });
    compare(scene, "norm-vectors", &vectors, |rows| {
        let vectors = rows.column(0).as_fixed_size_list();
        let elements = vectors.values().as_primitive::<Float32Type>().values();
        elements.chunks(elements.len() / vectors.len()).map(norm_vectors::norm).sum::<f64>() as u64
    });
}

/// The sum of the hashes of texts.
pub(crate) fn hash_all(texts: &ArrayRef) -> u64 {
    let texts = texts.as_string::<i32>();
    texts.iter().flatten().fold(0, |sum: u64, text| sum.wrapping_add(hash_texts::hash(text.as_bytes())))
}

fn compare(scene: &Scene, name: &str, rows: &RecordBatch, native: impl Fn(&RecordBatch) -> u64) {
    let lab = lab(BenchAllocation::Pooled);
    let step = scene.step(&lab, name, "{}");
    let calls = scene.count(BATCHES);
    let mut fresh = || {
        let times = (0..calls).map(|_| seconds(|| step.fresh(rows).unwrap_or_else(|problem| panic!("{problem}"))));
        Figures::new(times.collect()).median()
    };
    let mut reused = || {
        let times = step.reused(rows, calls).unwrap_or_else(|problem| panic!("{problem}"));
        Figures::of_times(&times).median()
    };
    let mut bare =
        || Figures::new((0..calls).map(|_| seconds(|| native(std::hint::black_box(rows)))).collect()).median();
    let [fresh, reused, bare] = in_turn(scene.rounds, [&mut fresh, &mut reused, &mut bare]);
    let native = format!("native ({})", Shown(Figures::new(bare.clone()).median(), Unit::Time));
    for (what, samples) in [("fresh instance", &fresh), ("instance reused", &reused)] {
        let figures = Figures::new(samples.clone());
        Line::new(&format!("{name}, {what}"), &figures, Unit::Time).against(&native, ratios(samples, &bare)).print();
    }
}
