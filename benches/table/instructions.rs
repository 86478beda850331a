//! Instructions, counted by callgrind, which is part of valgrind: they hardly differ from run to run, so that a change
//! shows on a busy machine, too.

use std::path::Path;
use std::process::{Command, Stdio};

use stillbox::bench_support::{BenchAllocation, BenchInput, BenchOutput};

use crate::figures::{Figures, Unit};
use crate::print::{Line, heading, skipped};
use crate::scene::{Scene, column, integers};

/// The paths that are counted: once with few repetitions and once with many, so that what comes before cancels out.
const PATHS: [(&str, &str); 2] = [
    ("codec", "a batch of 1000 rows decoded and encoded"),
    ("instance", "a fresh instance, bound, empty batch, dropped"),
];
const FEW: usize = 20;
const MANY: usize = 120;

pub(crate) fn print(scene: &Scene) {
    heading("Instructions, counted by callgrind");
    if scene.is_quick() {
        return PATHS.iter().for_each(|(path, _)| {
            counted(&[(*path).to_owned(), "2".to_owned(), argument(scene, path)]);
        });
    }
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skipped("instructions", "there is no valgrind");
    }
    for (path, what) in PATHS {
        let count = |times: usize| instructions(scene, path, times, &argument(scene, path));
        let counts = (0..scene.rounds).map(|_| (count(MANY) - count(FEW)) / (MANY - FEW) as f64).collect();
        Line::new(what, &Figures::new(counts), Unit::Count).print();
    }
}

fn argument(scene: &Scene, path: &str) -> String {
    let path = match path {
        "codec" => scene.input(scene.count(1000)),
        _ => scene.component("copy-integers"),
    };
    path.display().to_string()
}

/// Does the work of a path: the path, how often, and what with.
pub(crate) fn counted(arguments: &[String]) {
    let [path, times, with] = arguments else { panic!("a path, a number, and an argument") };
    let times: usize = times.parse().expect("a number");
    if path == "codec" {
        (0..times).for_each(|_| codec(Path::new(with)));
    } else {
        // Valgrind has no address space for a pool.
        let cache = stillbox::component::CompileCache::at(concat!(env!("CARGO_TARGET_TMPDIR"), "/callgrind"));
        let lab = stillbox::bench_support::BenchEngine::new(2, BenchAllocation::OnDemand, cache)
            .expect("the engine can be made");
        let step = lab.step(Path::new(with), "{}").unwrap_or_else(|problem| panic!("{problem}"));
        let rows = column("value", integers(0));
        for _ in 0..times {
            step.fresh(&rows).unwrap_or_else(|problem| panic!("{problem}"));
        }
    }
}

fn codec(path: &Path) {
    let mut input = BenchInput::open(path, 1000).unwrap_or_else(|problem| panic!("{problem}"));
    let schema = input.schema().expect("there are rows");
    let output =
        BenchOutput::open(&path.with_extension("counted"), schema).unwrap_or_else(|problem| panic!("{problem}"));
    let encode = output.encoder();
    while let Some(raw) = input.next_chunk().unwrap_or_else(|problem| panic!("{problem}")) {
        let rows = raw.decode().unwrap_or_else(|problem| panic!("{problem}"));
        encode(&rows).unwrap_or_else(|problem| panic!("{problem}"));
    }
}

fn instructions(scene: &Scene, path: &str, times: usize, with: &str) -> f64 {
    let out = scene.path("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())])
        .arg(std::env::current_exe().expect("it is running"))
        .args(["counted", path, &times.to_string(), with])
        .output()
        .expect("valgrind can be run");
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected : "));
    let Some((_, count)) = collected else { panic!("valgrind says: {report}") };
    count.trim().parse().expect("it is a number")
}
