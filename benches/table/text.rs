//! The text benchmark, whole processes.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::figures::{Figures, Unit, in_turn, ratios};
use crate::print::{Line, heading, skipped};
use crate::process::time;
use crate::scene::Scene;

/// The reference in Python, and the folder that it runs in.
pub(crate) const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/text");

/// Rows in a batch, unless something else is said.
pub(crate) const BATCH_ROWS: usize = 1000;

pub(crate) fn print(scene: &Scene) {
    for rows in [100_000, 1_000_000] {
        heading(&format!("Text benchmark, {rows} rows, whole process"));
        compare(scene, scene.count(rows), rows == 100_000);
        if scene.is_quick() {
            return;
        }
    }
}

fn compare(scene: &Scene, rows: usize, is_small: bool) {
    let input = scene.input(rows);
    let pipeline = scene.text_pipeline(&input, BATCH_ROWS);
    let native = |which: &'static str, threads| time(&mut scene.native(which, &input, threads));
    let samples = in_turn(
        scene.rounds,
        [
            &mut || time(&mut scene.stillbox(&pipeline, 2)),
            &mut || native("arrow", 2),
            &mut || native("lines", 2),
            &mut || time(&mut scene.stillbox(&pipeline, 1)),
            &mut || native("arrow", 1),
            &mut || native("lines", 1),
        ],
    );
    check_same(scene);
    let [two, arrow_two, lines_two, one, arrow_one, lines_one] = &samples;
    let line = |what: &str, samples: &[f64], against: Option<(&str, &[f64])>, target: &str| {
        let figures = Figures::new(samples.to_vec());
        let mut line = Line::new(what, &figures, Unit::Time).target(target);
        if let Some((name, others)) = against {
            line = line.against(name, ratios(samples, others));
        }
        line.print();
    };
    let target = if is_small { "at most 2.0 ×" } else { "" };
    line("Stillbox, 2 threads", two, Some(("native through Arrow", arrow_two)), target);
    line("Stillbox, 2 threads", two, Some(("native without columns", lines_two)), "");
    line("native through Arrow, 2 threads", arrow_two, None, "");
    line("native without columns, 2 threads", lines_two, None, "");
    line("Stillbox, 1 thread", one, Some(("native through Arrow", arrow_one)), "");
    line("Stillbox, 1 thread", one, Some(("Stillbox, 2 threads", two)), "at least 1.8 ×");
    line("native through Arrow, 1 thread", arrow_one, Some(("2 threads", arrow_two)), "");
    line("native without columns, 1 thread", lines_one, Some(("2 threads", lines_two)), "");
    if !is_small {
        return skipped("plain Python", "ten times what it takes for 100000 rows");
    }
    match python(scene, &input) {
        None => skipped("plain Python", "there is no python3"),
        Some(mut python) => {
            let [two, python] =
                in_turn(scene.rounds, [&mut || time(&mut scene.stillbox(&pipeline, 2)), &mut || time(&mut python)]);
            line("plain Python", &python, Some(("Stillbox, 2 threads", &two)), "");
        }
    }
}

/// All of them have to write the same.
fn check_same(scene: &Scene) {
    let [ours, theirs] =
        ["output.jsonl", "native.jsonl"].map(|name| fs::read(scene.path(name)).expect("it is written"));
    assert!(ours == theirs, "the native program and Stillbox do not write the same");
}

fn python(scene: &Scene, input: &Path) -> Option<Command> {
    Command::new("python3").arg("--version").output().ok()?;
    let mut command = Command::new("python3");
    command.current_dir(PYTHON).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUTF8", "1");
    command.arg("baseline.py").arg(input).arg(scene.path("python.jsonl"));
    Some(command)
}
