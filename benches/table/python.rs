//! A step in Python, built for the benchmark.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Builds `strip-markup` with the SDK in an environment under the build's folder, or returns `None` where the SDK cannot be
/// installed.
pub(crate) fn strip_markup() -> Option<PathBuf> {
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
