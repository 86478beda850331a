//! Components with a JavaScript engine. They are crates of another workspace, and built once for all runs of the tests, until
//! their sources change.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::{Folder, ROOT, outcome};

/// The build folder of the engine.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/javascript");

/// Builds a crate of the workspace, and returns the path of its component. Not optimised as `stillbox build` does, which takes
/// minutes.
pub(crate) fn component(name: &str) -> String {
    fs::create_dir_all(FOLDER).unwrap();
    let lock = File::create(Path::new(FOLDER).join("building")).unwrap();
    lock.lock().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(Path::new(ROOT).join("guest-sdk/javascript"));
    cargo.args(["build", "--locked", "--release", "--lib", "--target", "wasm32-wasip2", "--target-dir", FOLDER]);
    cargo.args(["--package", name, "--config"]);
    cargo.arg("target.wasm32-wasip2.rustflags=['-Ctarget-feature=+simd128','-Clink-arg=--initial-heap=3145728']");
    if name == RUNTIME {
        // The features of the engine that `run-js` has, so that it is compiled once.
        cargo.args(["--features", "counted"]);
    }
    let settings = [("OPT_LEVEL", "1"), ("DEBUG", "line-tables-only"), ("LTO", "off"), ("CODEGEN_UNITS", "16")];
    cargo.envs(settings.map(|(name, value)| (format!("CARGO_PROFILE_RELEASE_{name}"), value)));
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WORKSPACE_WRAPPER"] {
        cargo.env_remove(variable);
    }
    outcome(&mut cargo).succeeded();
    let built = Path::new(FOLDER).join(format!("wasm32-wasip2/release/{}.wasm", name.replace('-', "_")));
    // Compiled once here, and not by all tests that wait for the component. The runtime alone is not a step.
    let inspected = outcome(Folder::new().command().arg("inspect").arg(&built));
    assert!(name == RUNTIME || inspected.code == Some(0), "{}", inspected.stderr);
    built.into_os_string().into_string().expect("the build's folder has a name in UTF-8")
}

/// The crate of the component that steps in JavaScript run in.
const RUNTIME: &str = "stillbox-js-runtime";

/// The component that steps in JavaScript run in.
pub(crate) fn runtime() -> &'static str {
    static BUILT: OnceLock<String> = OnceLock::new();
    BUILT.get_or_init(|| component(RUNTIME))
}

/// The command in a folder, with the runtime.
pub(crate) fn command(folder: &Folder) -> Command {
    let mut command = folder.command();
    command.env("STILLBOX_JAVASCRIPT_RUNTIME", runtime());
    command
}

/// Builds the step in a folder, and returns the path of its component. Nothing is written to the step's folder, which other tests
/// read.
pub(crate) fn build(step: &Path) -> String {
    let name = step.file_name().expect("a step has a name").to_string_lossy();
    let made = Path::new(FOLDER).join(format!("{name}.wasm"));
    let folder = Folder::new();
    for entry in fs::read_dir(step).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.join(path.file_name().expect("it is a file").to_str().expect("UTF-8"))).unwrap();
        }
    }
    outcome(command(&folder).args(["build", ".", "--out"]).arg(&made)).succeeded();
    made.into_os_string().into_string().expect("the build's folder has a name in UTF-8")
}
