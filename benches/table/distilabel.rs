//! The peer: distilabel 1.5.3, in a virtual environment under the build's folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::figures::{Figures, Unit, in_turn, ratios};
use crate::print::{Line, heading, skipped};
use crate::process::time;
use crate::scene::Scene;
use crate::text::PYTHON;

/// It uses `requests` and does not ask for it.
const REQUIREMENTS: [&str; 2] = ["distilabel==1.5.3", "requests"];

pub(crate) fn print(scene: &Scene) {
    heading("Text benchmark against distilabel 1.5.3, 2 threads, whole process");
    let Some(python) = installed() else {
        return skipped("distilabel", "it cannot be installed here");
    };
    for (rows, batch_rows, rounds, target) in
        [(100_000, 1000, scene.rounds, "at least 150 ×"), (10_000, 50, scene.rounds, "at least 1000 ×")]
    {
        let input = scene.input(rows);
        let pipeline = scene.text_pipeline(&input, batch_rows);
        let [ours, theirs] = in_turn(
            rounds,
            [&mut || time(&mut scene.stillbox(&pipeline, 2)), &mut || {
                time(&mut peer(scene, &python, &input, batch_rows))
            }],
        );
        let figures = Figures::new(theirs.clone());
        Line::new(&format!("distilabel, {rows} rows, batches of {batch_rows}"), &figures, Unit::Time)
            .against("Stillbox", ratios(&theirs, &ours))
            .target(target)
            .print();
    }
}

fn peer(scene: &Scene, python: &Path, input: &Path, batch_rows: usize) -> Command {
    let mut command = Command::new(python);
    let cache = scene.path("distilabel");
    // A run leaves its data there, and would read it again.
    let _ = std::fs::remove_dir_all(&cache);
    command.current_dir(PYTHON).env("PYTHONDONTWRITEBYTECODE", "1").env("DLCACHE", &cache);
    command.env("MARK", scene.path("marks.txt")).arg("peer_distilabel.py").arg(input);
    command.arg(batch_rows.to_string()).arg("stream").arg(scene.path("distilabel.json"));
    command
}

/// The interpreter of the environment, which is made where it is missing.
fn installed() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("distilabel");
    let python = folder.join("bin/python");
    let works = || {
        let check = Command::new(&python).args(["-c", "import distilabel.pipeline"]).stderr(Stdio::null()).status();
        check.is_ok_and(|status| status.success())
    };
    if works() {
        return Some(python);
    }
    let made = Command::new("python3").args(["-m", "venv"]).arg(&folder).status();
    if !made.is_ok_and(|status| status.success()) {
        return None;
    }
    let pip = Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(REQUIREMENTS).status();
    (pip.is_ok_and(|status| status.success()) && works()).then_some(python)
}
