//! Components of Python steps. Each is built once for all runs of the tests, until its sources change.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Folder, Outcome, ROOT, outcome};

/// The components and the environment are in the build folder, so the next run of the tests uses them too.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/python");

/// Libraries that steps of the tests use.
const LIBRARIES: [&str; 2] = ["requests", "httpx"];

/// The component for the folder of a step.
pub(crate) fn component(step: &Path) -> String {
    let name = step.file_name().expect("a step has a name").to_string_lossy();
    let made = Path::new(FOLDER).join(format!("{name}-{:016x}.wasm", digest(&[sdk(), contract(), step.to_owned()])));
    let _building = lock("building");
    if !made.exists() {
        build(step, &made).succeeded();
        // Compiled once here, and not by all tests that wait for the component.
        outcome(Folder::new().command().arg("inspect").arg(&made)).succeeded();
    }
    made.into_os_string().into_string().expect("the build's folder has a name in UTF-8")
}

/// The component with which `stillbox test` tests the step in a folder: a base, with the step's modules.
pub(crate) fn component_for_tests(step: &Path) -> String {
    let name = step.file_name().expect("a step has a name").to_string_lossy();
    let digest = digest(&[sdk(), contract(), step.to_owned()]);
    let made = Path::new(FOLDER).join(format!("{name}-{digest:016x}-tests.wasm"));
    let python = environment();
    let _building = lock("building");
    if !made.exists() {
        let folder = Folder::new();
        for entry in fs::read_dir(step).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                folder.write(&path.file_name().expect("it is a file").to_string_lossy(), fs::read(&path).unwrap());
            }
        }
        // Its result does not matter.
        folder.write("cases/first/input.jsonl", "");
        let tested = outcome(folder.command().env("STILLBOX_PYTHON", python).args(["test", "."]));
        let component = folder.join(&format!("build/development/{name}.wasm"));
        let built = fs::read(component).unwrap_or_else(|error| panic!("{error}: {}", tested.stderr));
        let section = b"stillbox-source";
        assert!(built.windows(section.len()).any(|bytes| bytes == section), "{name} has no base");
        fs::write(&made, built).unwrap();
    }
    made.into_os_string().into_string().expect("the build's folder has a name in UTF-8")
}

/// Waits until no other test, in this process or another one, holds this lock.
pub(crate) fn lock(name: &str) -> File {
    fs::create_dir_all(FOLDER).unwrap();
    let lock = File::create(Path::new(FOLDER).join(name)).unwrap();
    lock.lock().unwrap();
    lock
}

/// Compiles a step as an author would.
pub(crate) fn build(step: &Path, output: &Path) -> Outcome {
    let python = environment();
    let mut command = Command::new(python);
    outcome(command.args(["-m", "stillbox_sdk.build", "--output"]).arg(output).arg(step))
}

/// The interpreter of an environment that has the current SDK.
pub(crate) fn environment() -> PathBuf {
    let folder = Path::new(FOLDER);
    let _installing = lock("installing");
    let python = folder.join("environment/bin/python");
    let wanted = format!("{:016x} {}", digest(&[sdk(), contract()]), LIBRARIES.join(" "));
    let installed = folder.join("installed");
    if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
        if !python.exists() {
            let made = Command::new("python3").args(["-m", "venv"]).arg(folder.join("environment")).output();
            let made = made.expect("the tests need python3; is it on the path?");
            assert!(
                made.status.success(),
                "the tests need python3 with venv: {}",
                String::from_utf8_lossy(&made.stderr)
            );
        }
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--force-reinstall"]);
        outcome(pip.arg(sdk().parent().expect("it is a folder's")).args(LIBRARIES)).succeeded();
        fs::write(installed, wanted).unwrap();
    }
    python
}

fn sdk() -> PathBuf {
    Path::new(ROOT).join("guest-sdk/python/src")
}

fn contract() -> PathBuf {
    Path::new(ROOT).join("guest-sdk/wit")
}

/// A hash of the files in folders, without the caches of Python and the cases.
fn digest(folders: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut left = folders.to_vec();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let mut inside: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
            inside.retain(|path| !path.ends_with("__pycache__") && !path.ends_with("cases"));
            inside.sort();
            left.extend(inside);
        } else {
            path.file_name().hash(&mut hasher);
            fs::read(&path).unwrap().hash(&mut hasher);
        }
    }
    hasher.finish()
}
