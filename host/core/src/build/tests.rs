//! Builds of crates without dependencies, offline.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{BuildError, BuildOptions, Built, build_step, build_steps, rust};
use crate::interrupt::Interrupt;

/// Returns a folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    for (path, content) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("there is room");
        fs::write(path, content).expect("there is room");
    }
    folder
}

const MANIFEST: &str = r#"
[package]
name = "tiny-step"
version = "0.1.0"
edition = "2024"

[lib]
crate-type = ["cdylib", "rlib"]

[workspace]
"#;

const LIBRARY: &str = "#[unsafe(no_mangle)]\npub extern \"C\" fn answer() -> i32 { 42 }\n";

/// Builds with compiled files in the folder, wherever the test itself was compiled to.
fn build_here(dir: &Path) -> Result<Built, BuildError> {
    let target = dir.join("target");
    build_step(dir, BuildOptions::new().target_dir(&target))
}

/// Returns the message, with the folder's path replaced by `DIR`.
fn message(folder: &TempDir, error: &BuildError) -> String {
    error.to_string().replace(&folder.path().display().to_string(), "DIR")
}

fn build_error(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    message(&folder, &build_here(folder.path()).expect_err("it cannot be built"))
}

#[test]
fn a_crate_becomes_a_component() {
    let folder = folder(&[("Cargo.toml", MANIFEST), ("src/lib.rs", LIBRARY)]);
    let built = build_here(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(built.name, "tiny-step");
    let wasm = fs::read(&built.wasm).expect("it was written");
    // The magic number, then the version and layer of a component.
    assert_eq!(wasm[..8], *b"\0asm\x0d\0\x01\0");
    assert!(built.wasm.ends_with("target/stillbox/tiny_step.wasm"), "{built:?}");
    // The debug information of the standard library is removed; end-to-end tests cover the traps of steps.
    let whole =
        fs::metadata(folder.path().join("target/wasm32-wasip2/stillbox/tiny_step.wasm")).expect("cargo made it");
    assert!(whole.len() > 4 * wasm.len() as u64, "{} and {} bytes", whole.len(), wasm.len());
    assert_eq!(build_here(folder.path()).ok(), Some(built), "a second build gives the same");

    // Lines refer to offsets in the code, so the code must not change.
    let whole = fs::read(folder.path().join("target/wasm32-wasip2/stillbox/tiny_step.wasm")).expect("cargo made it");
    let bodies = code(&whole);
    assert!(!bodies.is_empty());
    assert_eq!(code(&wasm), bodies);
    corrupt_debug_information_never_changes_code(&whole, &bodies);
}

/// Returns the bodies of all functions.
fn code(component: &[u8]) -> Vec<&[u8]> {
    let payloads = wasmparser::Parser::new(0).parse_all(component).map(|payload| payload.expect("it is WebAssembly"));
    payloads
        .filter_map(|payload| match payload {
            wasmparser::Payload::CodeSectionEntry(body) => Some(body.as_bytes()),
            _ => None,
        })
        .collect()
}

/// Changed bytes in real debug information make it inconsistent in ways that random bytes do not.
fn corrupt_debug_information_never_changes_code(whole: &[u8], bodies: &[&[u8]]) {
    let debug: Vec<std::ops::Range<usize>> = wasmparser::Parser::new(0)
        .parse_all(whole)
        .filter_map(|payload| match payload {
            Ok(wasmparser::Payload::CustomSection(section)) if section.name().starts_with(".debug_") => {
                Some(section.data_offset()..section.data_offset() + section.data().len())
            }
            _ => None,
        })
        .collect();
    assert!(debug.len() >= 4, "{debug:?}");
    for (index, range) in debug.iter().cycle().take(60).enumerate() {
        let mut broken = whole.to_owned();
        // A different place each time, from the beginning of the section to its end.
        for at in range.clone().skip(index * 7).step_by(range.len() / 16 + index + 1) {
            broken[at] ^= 1 << (index % 8);
        }
        if let Ok(slim) = super::slim::slim(&broken, Path::new("")) {
            assert_eq!(code(&slim), bodies);
        }
    }
}

#[test]
fn a_component_that_cannot_be_parsed_is_copied_unchanged() {
    let folder = folder(&[("Cargo.toml", MANIFEST), ("target/wasm32-wasip2/stillbox/tiny_step.wasm", "no component")]);
    let root = folder.path().canonicalize().expect("it is there");
    let message = serde_json::json!({
        "reason": "compiler-artifact",
        "manifest_path": root.join("Cargo.toml"),
        "filenames": [root.join("target/wasm32-wasip2/stillbox/tiny_step.wasm")],
    });
    fs::write(root.join("messages"), message.to_string()).expect("there is room");
    fs::write(root.join("cargo.sh"), "#!/bin/sh\ncat messages\n").expect("there is room");
    make_runnable(&root.join("cargo.sh"));
    let built = rust::build(root.join("cargo.sh").as_os_str(), &root, BuildOptions::default());
    let built = built.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fs::read_to_string(built).expect("it was written"), "no component");
}

#[test]
fn crates_of_the_same_name_in_one_target_folder_keep_their_own_components() {
    let (one, other, shared) = (folder(&[]), folder(&[]), folder(&[]));
    let build = |folder: &TempDir, answer: &str| {
        fs::write(folder.path().join("Cargo.toml"), MANIFEST).expect("there is room");
        fs::create_dir_all(folder.path().join("src")).expect("there is room");
        fs::write(folder.path().join("src/lib.rs"), LIBRARY.replace("42", answer)).expect("there is room");
        let options = BuildOptions::new().target_dir(shared.path());
        build_step(folder.path(), options).unwrap_or_else(|error| panic!("{error}")).wasm
    };
    let first = build(&one, "42");
    let before = fs::read(&first).expect("it was written");
    let second = build(&other, "43");
    assert_ne!(fs::read(second).expect("it was written"), before);
    assert_eq!(fs::read(first).expect("it is there"), before);
}

fn make_runnable(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

#[test]
fn errors_distinguish_folders_without_a_step() {
    let folder = folder(&[]);
    let missing = folder.path().join("missing");
    let error = build_here(&missing).expect_err("it is not there");
    assert_eq!(message(&folder, &error), "there is no folder `DIR/missing`");
    assert_eq!(
        build_error(&[]),
        "`DIR` has no Cargo.toml, pyproject.toml or package.json: give the folder of a step, or a compiled .wasm file"
    );
    assert_eq!(
        build_error(&[("Cargo.toml", "[workspace]\nmembers = []\n")]),
        "`DIR/Cargo.toml` has no [package]: give the folder of one of the crates in the workspace"
    );
    let library = MANIFEST.replace("\"cdylib\", ", "");
    assert_eq!(
        build_error(&[("Cargo.toml", &library), ("src/lib.rs", LIBRARY)]),
        "the crate does not compile to a component: add to `DIR/Cargo.toml`\n\n[lib]\ncrate-type = [\"cdylib\"]"
    );
}

#[test]
fn compiler_errors_are_shown() {
    let message = build_error(&[("Cargo.toml", MANIFEST), ("src/lib.rs", "pub fn answer() -> i32 { \"42\" }\n")]);
    assert!(message.starts_with("cannot build the step in `DIR`\n\nerror[E0308]: mismatched types\n"), "{message}");
    assert!(message.contains("src/lib.rs:1:26"), "{message}");
}

#[test]
fn manifest_errors_of_cargo_are_shown() {
    let message = build_error(&[("Cargo.toml", "[package\n")]);
    assert!(message.starts_with("cannot build the step in `DIR`\n\nerror: "), "{message}");
}

#[test]
fn building_several_folders_reports_all_errors() {
    let one = folder(&[]);
    let other = folder(&[("Cargo.toml", "[workspace]\n")]);
    let dirs = [one.path().to_owned(), other.path().to_owned()];
    let errors = build_steps(&dirs, BuildOptions::default()).expect_err("none is a step");
    assert!(
        matches!(errors.as_slice(), [(_, BuildError::NoManifest { .. }), (_, BuildError::NoPackage { .. })]),
        "{errors:?}"
    );
}

#[test]
fn a_missing_cargo_is_reported_in_one_line() {
    let folder = folder(&[("Cargo.toml", MANIFEST), ("src/lib.rs", LIBRARY)]);
    let missing = folder.path().join("no-cargo");
    let error = rust::build(missing.as_os_str(), folder.path(), BuildOptions::default()).expect_err("it is missing");
    assert_eq!(
        message(&folder, &error),
        "cannot find `DIR/no-cargo`: install Rust as https://rustup.rs says, or give a compiled .wasm file"
    );
}

mod with_a_script_for_cargo {
    use std::path::PathBuf;

    use super::*;

    /// Returns a crate's folder and a script next to its manifest that is run in place of cargo.
    fn script(text: &str) -> (TempDir, PathBuf) {
        let folder = folder(&[("Cargo.toml", MANIFEST), ("cargo.sh", &format!("#!/bin/sh\n{text}\n"))]);
        let script = folder.path().join("cargo.sh");
        make_runnable(&script);
        (folder, script)
    }

    fn run(text: &str) -> BuildError {
        let (folder, script) = script(text);
        rust::build(script.as_os_str(), folder.path(), BuildOptions::default()).expect_err("it is a script")
    }

    #[test]
    fn a_missing_target_is_reported_in_one_line() {
        let output =
            "error[E0463]: can't find crate for `core`\n  = note: the `wasm32-wasip2` target may not be installed";
        let error = run(&format!("cat >&2 <<'END'\n{output}\nEND\nexit 101"));
        assert_eq!(
            error.to_string(),
            "the target wasm32-wasip2 is not installed: run `rustup target add wasm32-wasip2`"
        );
    }

    #[test]
    fn a_build_without_a_component_is_an_error() {
        assert!(matches!(run("echo not json; echo '{\"reason\":\"build-finished\"}'"), BuildError::NoArtifact { .. }));
    }

    #[test]
    fn large_output_does_not_block() {
        let error = run(
            "i=0; while [ $i -lt 3000 ]; do echo 'a line of a hundred bytes or so, to fill the pipes ----------------------------------' >&2; i=$((i+1)); done; exit 1",
        );
        let BuildError::Failed { output, .. } = error else { panic!("{error:?}") };
        assert_eq!(output.lines().count(), 3000);
    }

    #[test]
    fn a_cancel_kills_the_program_and_its_children() {
        // The script and a child of it wait forever for a pipe that is never opened for writing.
        let (folder, script) =
            script("mkfifo pipe; sh -c 'echo $$ > child; read -r line < pipe' & echo $$ > parent; wait");
        let written = |file: &str| {
            let text = fs::read_to_string(folder.path().join(file)).unwrap_or_default();
            text.strip_suffix('\n').map(str::to_owned)
        };
        let interrupt = Interrupt::new();
        let options = BuildOptions::new().interrupt(&interrupt);
        let (built, (parent, child)) = std::thread::scope(|scope| {
            let building = scope.spawn(|| rust::build(script.as_os_str(), folder.path(), options));
            let both = loop {
                if let Some(both) = written("parent").zip(written("child")) {
                    break both;
                }
                assert!(!building.is_finished(), "the script has ended");
                std::thread::yield_now();
            };
            interrupt.cancel();
            (building.join().expect("it does not panic"), both)
        });
        let error = built.expect_err("it was cancelled");
        assert!(matches!(error, BuildError::Interrupted), "{error:?}");
        assert!(!Path::new("/proc").join(parent).exists(), "the program still exists");
        // The child was sent the signal in the same call, and init adopted it: it disappears soon, but not at once.
        let stat = Path::new("/proc").join(child).join("stat");
        let is_gone = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z ") || stat.contains(") X "));
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !is_gone() {
            assert!(std::time::Instant::now() < deadline, "the child still exists");
            std::thread::yield_now();
        }
    }

    #[test]
    fn cargo_inherits_no_foreign_variable() {
        // The test itself runs under cargo, which sets many of them.
        let BuildError::Failed { output, .. } = run("env >&2; exit 1") else { panic!("it failed otherwise") };
        let variables: Vec<_> = output.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        assert!(variables.contains(&"PATH"));
        assert!(!variables.contains(&"CARGO"), "{variables:?}");
        assert!(!variables.iter().any(|name| name.starts_with("CARGO_PKG_")), "{variables:?}");
    }
}

#[test]
fn a_cancel_before_the_start_builds_nothing() {
    let folder = folder(&[("Cargo.toml", MANIFEST), ("src/lib.rs", LIBRARY)]);
    let dirs = [folder.path().to_owned(), folder.path().join("never reached")];
    let interrupt = Interrupt::new();
    interrupt.cancel();
    let errors = build_steps(&dirs, BuildOptions::new().interrupt(&interrupt)).expect_err("it was cancelled");
    assert!(matches!(errors.as_slice(), [(dir, BuildError::Interrupted)] if dir == folder.path()), "{errors:?}");
}
