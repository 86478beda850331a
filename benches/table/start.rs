//! One row through three steps, whole processes.

use std::fs;

use crate::figures::{Figures, Unit, in_turn, ratios};
use crate::print::{Line, heading};
use crate::process::time;
use crate::scene::Scene;

pub(crate) fn print(scene: &Scene) {
    heading("Start: one row through three steps, whole process");
    let input = scene.path("row.jsonl");
    let row = r#"{"id": 1, "text": "One row of six words in all, to be sure."}"#;
    fs::write(&input, format!("{row}\n")).expect("the folder can be written to");
    let pipeline = scene.text_pipeline(&input, 1000);
    let cold = scene.path("cold");
    let mut from_nothing = || {
        // The cache is there, and empty.
        let _ = fs::remove_dir_all(&cold);
        time(&mut scene.stillbox_with_cache(&pipeline, 2, &cold))
    };
    let mut warm = || time(&mut scene.stillbox(&pipeline, 2));
    let mut nothing = || time(std::process::Command::new(env!("CARGO_BIN_EXE_stillbox")).arg("--version"));
    let [warm, cold, version] = in_turn(scene.rounds, [&mut warm, &mut from_nothing, &mut nothing]);
    let line = |what: &str, samples: &[f64], target: &str| {
        let figures = Figures::new(samples.to_vec());
        Line::new(what, &figures, Unit::Time).against("`--version`", ratios(samples, &version)).target(target).print();
    };
    line("warm cache", &warm, "at most 30 ms");
    line("cold cache, all compiled", &cold, "at most 1.5 s");
}
