//! Fresh instances.

use arrow_array::RecordBatch;
use stillbox::bench_support::{BenchAllocation, BenchStep};

use crate::figures::{Figures, Shown, Unit, in_turn, ratios, seconds};
use crate::print::{Line, heading, skipped};
use crate::python::strip_markup;
use crate::scene::{Scene, column, integers, lab, texts};

/// Instances in a round.
const CALLS: usize = 20_000;
/// Calls with a whole batch in a round.
const BATCHES: usize = 300;
/// Instances of a step in Python in a round; one costs a hundred times as much as one of Rust.
const PYTHON_CALLS: usize = 300;

pub(crate) fn print(scene: &Scene) {
    heading("A fresh instance: instantiate, bind, process, drop");
    let bounds = r#"{"column":"text","min-words":5,"max-words":60,"min-bytes":40,"max-bytes":400}"#;
    for allocation in [BenchAllocation::Pooled, BenchAllocation::OnDemand] {
        let lab = lab(allocation);
        let kind = if allocation == BenchAllocation::Pooled { "pooled" } else { "on demand" };
        let steps = [
            ("smallest step", scene.step(&lab, "copy-integers", "{}"), column("value", integers(0))),
            ("filter-text", scene.step(&lab, "filter-text", bounds), column("text", texts(0))),
        ];
        for (name, step, rows) in steps {
            for threads in [1, 2] {
                let is_target = allocation == BenchAllocation::Pooled && threads == 1;
                let targets = if is_target { ["at most 20 µs", "at most 60 µs"] } else { [""; 2] };
                let what = format!("{name}, empty, {kind}, {threads} threads");
                empty(scene, &what, &step, &rows, (threads, CALLS), targets);
            }
            if allocation == BenchAllocation::Pooled {
                against_bare(scene, name, &step, &rows);
            }
        }
    }
    python(scene);
    let lab = lab(BenchAllocation::Pooled);
    let rows = scene.count(1000);
    let steps = [
        ("copy-integers", "{}", column("value", integers(rows))),
        ("filter-text", bounds, column("text", texts(rows))),
        ("normalize-text", r#"{"column":"text"}"#, column("text", texts(rows))),
        ("text-features", r#"{"column":"text"}"#, column("text", texts(rows))),
    ];
    for (name, parameters, rows) in steps {
        against_reused(scene, name, &scene.step(&lab, name, parameters), &rows);
    }
}

fn python(scene: &Scene) {
    // Building takes a minute, and the tests do it anyway.
    if scene.is_quick() {
        return skipped("strip-markup", "it is in Python, and takes long to build");
    }
    let Some(component) = strip_markup() else {
        return skipped("strip-markup", "its SDK cannot be installed here");
    };
    let lab = lab(BenchAllocation::PooledForInterpreters);
    let step = lab.step(&component, r#"{"column":"html"}"#).unwrap_or_else(|problem| panic!("{problem}"));
    for threads in [1, 2] {
        let what = format!("strip-markup (Python), empty, pooled, {threads} threads");
        empty(scene, &what, &step, &column("html", texts(0)), (threads, PYTHON_CALLS), ["below 5 ms", ""]);
    }
}

/// The time of every single instance, in all rounds together: the tail is in no median of rounds.
fn empty(
    scene: &Scene,
    what: &str,
    step: &BenchStep,
    rows: &RecordBatch,
    (threads, calls): (usize, usize),
    targets: [&str; 2],
) {
    let calls = scene.count(calls) / threads;
    let bench_support = || -> Vec<f64> {
        let call = || seconds(|| step.fresh(rows).unwrap_or_else(|problem| panic!("{problem}")));
        std::thread::scope(|scope| {
            let running: Vec<_> =
                (0..threads).map(|_| scope.spawn(|| (0..calls).map(|_| call()).collect::<Vec<_>>())).collect();
            running.into_iter().flat_map(|thread| thread.join().expect("it does not panic")).collect()
        })
    };
    bench_support();
    let rounds: Vec<Figures> = (0..scene.rounds).map(|_| Figures::new(bench_support())).collect();
    for (name, share, target) in [("p50", 0.5, targets[0]), ("p99", 0.99, targets[1])] {
        let figures = Figures::new(rounds.iter().map(|round| round.at(share)).collect());
        Line::new(&format!("{what}, {name}"), &figures, Unit::Time).target(target).print();
    }
}

/// Compares a fresh instance that is bound and called with one that wasmtime alone creates and drops.
fn against_bare(scene: &Scene, name: &str, step: &BenchStep, rows: &RecordBatch) {
    let bare = step.bare().unwrap_or_else(|problem| panic!("{problem}"));
    let calls = scene.count(CALLS) / 4;
    let (mut tails, mut last) = (Vec::new(), Vec::new());
    let mut fresh = || {
        let times = (0..calls).map(|_| seconds(|| step.fresh(rows).unwrap_or_else(|problem| panic!("{problem}"))));
        let figures = Figures::new(times.collect());
        last.push(figures.at(0.99));
        tails.push(figures.at(0.99) / figures.median());
        figures.median()
    };
    let mut alone = || {
        let times = (0..calls).map(|_| seconds(|| bare.instantiate().unwrap_or_else(|problem| panic!("{problem}"))));
        Figures::new(times.collect()).median()
    };
    let [fresh, alone] = in_turn(scene.rounds, [&mut fresh, &mut alone]);
    let shown = Shown(Figures::new(alone.clone()).median(), Unit::Time);
    Line::new(&format!("{name}, empty, p50"), &Figures::new(fresh.clone()), Unit::Time)
        .against(&format!("wasmtime alone ({shown})"), ratios(&fresh, &alone))
        .target("at most 1.5 ×")
        .print();
    Line::new(&format!("{name}, empty, p99"), &Figures::new(last), Unit::Time)
        .against("p50", Figures::new(tails))
        .target("at most 2.5 ×")
        .print();
}

fn against_reused(scene: &Scene, name: &str, step: &BenchStep, rows: &RecordBatch) {
    let calls = scene.count(BATCHES);
    let mut fresh = || {
        let times = (0..calls).map(|_| seconds(|| step.fresh(rows).unwrap_or_else(|problem| panic!("{problem}"))));
        Figures::new(times.collect()).median()
    };
    let mut reused = || {
        let times = step.reused(rows, calls).unwrap_or_else(|problem| panic!("{problem}"));
        Figures::of_times(&times).median()
    };
    let [fresh, reused] = in_turn(scene.rounds, [&mut fresh, &mut reused]);
    let figures = Figures::new(fresh.clone());
    let reused_median = Shown(Figures::new(reused.clone()).median(), Unit::Time);
    Line::new(&format!("{name}, {} rows, fresh", rows.num_rows()), &figures, Unit::Time)
        .against(&format!("reused ({reused_median})"), ratios(&fresh, &reused))
        .target("at most 1.10 ×")
        .print();
}
