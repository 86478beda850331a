//! A fresh instance of a step in Python.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use stillbox::bench_support::Allocation;

use crate::instance::empty;
use crate::print::skipped;
use crate::scene::{Scene, column, lab, texts};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Instances in a round; one costs a hundred times as much as one of Rust.
const CALLS: usize = 300;

/// Prints what an instance of `strip-markup` costs, where it can be built.
pub(crate) fn print(scene: &Scene) {
    // Building takes a minute, and the tests do it anyway.
    if scene.is_quick() {
        return skipped("strip-markup", "it is in Python, and takes long to build");
    }
    let Some(component) = component() else {
        return skipped("strip-markup", "its SDK cannot be installed here");
    };
    let lab = lab(Allocation::PooledForInterpreters);
    let step = lab.step(&component, r#"{"column":"html"}"#).unwrap_or_else(|problem| panic!("{problem}"));
    for threads in [1, 2] {
        let what = format!("strip-markup (Python), empty, pooled, {threads} threads");
        empty(scene, &what, &step, &column("html", texts(0)), (threads, CALLS), ["below 5 ms", ""]);
    }
}

/// The component, made with the SDK in an environment under the build's folder.
fn component() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("benches-python");
    let python = folder.join("bin/python");
    let done = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let sdk = Path::new(ROOT).join("guest-sdk/python");
    let wasm = folder.join("strip-markup.wasm");
    let made = done(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        && done(Command::new(&python).args(["-m", "pip", "install", "--force-reinstall"]).arg(sdk))
        && done(
            Command::new(&python)
                .args(["-m", "stillbox_sdk.build", "--output"])
                .arg(&wasm)
                .arg(Path::new(ROOT).join("steps/strip-markup")),
        );
    made.then_some(wasm)
}
