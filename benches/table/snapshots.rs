//! Fresh instances of steps that build tables in `bind`: bound each time, and from a snapshot.

use arrow_array::RecordBatch;
use stillbox::bench_support::{BenchAllocation, BenchStep};

use crate::figures::{Figures, Shown, Unit, in_turn, ratios, seconds};
use crate::print::{Line, heading, skipped};
use crate::python::strip_markup;
use crate::scene::{Scene, column, lab, texts};

/// Instances in a round.
const CALLS: usize = 2000;
/// Instances in a round that are bound each time.
const BOUND_CALLS: usize = 100;

/// Regular expressions as a step that cleans texts has them.
const PATTERNS: [&str; 6] = [
    r"https?://[\\w./?=&%-]+",
    r"[\\w.+-]+@[\\w-]+\\.[\\w.]+",
    r"\\b\\d{1,3}(\\.\\d{1,3}){3}\\b",
    r"(?i)\\b(cookie|privacy) (policy|settings)\\b",
    r"\\b\\p{Lu}\\p{Ll}+ \\p{Lu}\\p{Ll}+\\b",
    r"\\s{3,}",
];

pub(crate) fn print(scene: &Scene) {
    heading("A fresh instance of a step with tables: bound each time, and from a snapshot");
    let patterns = PATTERNS.map(|pattern| format!("\"{pattern}\"")).join(",");
    let sizes: &[(u32, &str)] = &[(0, "6 regular expressions"), (1, "1 MiB"), (16, "16 MiB")];
    for (size, name) in sizes {
        let patterns = if *size == 0 { &*patterns } else { "" };
        let parameters = format!(r#"{{"patterns":[{patterns}],"table":"{size}"}}"#);
        let bench = || scene.step(&lab(BenchAllocation::Pooled), "build-tables", &parameters);
        compare(scene, name, &bench(), bench(), &column("text", texts(0)), "at most 60 µs");
    }
    if scene.is_quick() {
        return skipped("strip-markup", "it is in Python, and takes long to build");
    }
    let Some(component) = strip_markup() else {
        return skipped("strip-markup", "its SDK cannot be installed here");
    };
    let bench = || {
        let lab = lab(BenchAllocation::PooledForInterpreters);
        lab.step(&component, r#"{"column":"html"}"#).unwrap_or_else(|problem| panic!("{problem}"))
    };
    compare(scene, "strip-markup (Python)", &bench(), bench(), &column("html", texts(0)), "at most 1 ms");
}

fn compare(scene: &Scene, name: &str, bound: &BenchStep, other: BenchStep, rows: &RecordBatch, target: &str) {
    let mut snapshot = None;
    let made = seconds(|| snapshot = Some(other.with_snapshot()));
    let snapshot = match snapshot.expect("it was called") {
        Ok(snapshot) => snapshot,
        Err(problem) => return skipped(name, &problem.to_string()),
    };
    Line::new(&format!("{name}, making the snapshot, once"), &Figures::new(vec![made]), Unit::Time).print();
    let call = |step: &BenchStep| seconds(|| step.fresh(rows).unwrap_or_else(|problem| panic!("{problem}")));
    let calls = |step: &BenchStep, count: usize, share: f64| {
        Figures::new((0..scene.count(count)).map(|_| call(step)).collect()).at(share)
    };
    for (label, share) in [("p50", 0.5), ("p99", 0.99)] {
        let mut each = || calls(bound, BOUND_CALLS, share);
        let mut fresh = || calls(&snapshot, CALLS, share);
        let [each, fresh] = in_turn(scene.rounds, [&mut each, &mut fresh]);
        let figures = Figures::new(fresh.clone());
        Line::new(&format!("{name}, from a snapshot, {label}"), &figures, Unit::Time).target(target).print();
        let against = Shown(figures.median(), Unit::Time);
        Line::new(&format!("{name}, bound each time, {label}"), &Figures::new(each.clone()), Unit::Time)
            .against(&format!("from a snapshot ({against})"), ratios(&each, &fresh))
            .print();
    }
}
