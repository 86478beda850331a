//! Compiles the standard steps and the guests to components, and generates a constant with the path of each.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const TARGET: &str = "wasm32-wasip2";
/// The flags of `stillbox build`.
const FLAGS: &str = "target.wasm32-wasip2.rustflags=['-Ctarget-feature=+simd128','-Clink-arg=--initial-heap=3145728']";
const PROGRAMS: &str = "stillbox-test-programs";

/// A component that the nested build creates.
struct Guest {
    name: String,
    wasm: PathBuf,
}

fn main() {
    let tests = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let root = tests.ancestors().nth(2).expect("this package is two folders below the workspace");
    let out = PathBuf::from(variable("OUT_DIR"));
    // A separate target directory, because the outer cargo has locked its own.
    let target = out.join("target");
    let programs = tests.join("programs");
    let folders = ["steps", "benches/steps"].map(|folder| root.join(folder));
    let crates = folders.iter().flat_map(|folder| entries(folder)).filter(|path| is_member(&path.join("Cargo.toml")));
    let steps: Vec<String> = crates.map(|path| stem(&path)).collect();
    let examples: Vec<String> = entries(&programs.join("examples")).map(|path| stem(&path)).collect();

    check_manifest(&programs.join("Cargo.toml"), &examples);
    check_target();
    build(root, &target, &steps);

    let built = target.join(TARGET).join("release");
    let wasm = |folder: &Path, name: &str| folder.join(format!("{}.wasm", name.replace('-', "_")));
    let guest = |name: &String, folder: &Path| Guest { name: name.clone(), wasm: wasm(folder, name) };
    let steps = steps.iter().map(|name| guest(name, &built));
    let examples = examples.iter().map(|name| guest(name, &built.join("examples")));
    let guests: Vec<Guest> = steps.chain(examples).collect();
    fs::write(out.join("guests.rs"), constants(&guests)).expect("OUT_DIR can be written to");
    rerun_if_changed(root, &guests);
}

/// Builds all components with one cargo command, so that shared dependencies are compiled once.
fn build(root: &Path, target: &Path, steps: &[String]) {
    let mut cargo = Command::new(variable("CARGO"));
    cargo.current_dir(root).args(["build", "--locked", "--release", "--lib", "--examples", "--target", TARGET]);
    cargo.args(["--config", FLAGS]);
    cargo.arg("--target-dir").arg(target).args(["--package", PROGRAMS]);
    for step in steps {
        cargo.args(["--package", step]);
    }
    // These variables of the outer build apply to another target, or would run clippy instead of the compiler.
    let belongs_to_outer_build = |name: &str| {
        let names = ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET", "RUSTC_WORKSPACE_WRAPPER"];
        let prefixes = ["CARGO_CFG_", "CARGO_FEATURE_", "CARGO_PROFILE_", "DEP_"];
        names.contains(&name) || prefixes.iter().any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(belongs_to_outer_build) {
            cargo.env_remove(name);
        }
    }
    // Not the profile `dev`, which optimises the dependencies of macros and build scripts and takes minutes. Level 1, because
    // unoptimised guests are large and slow to compile for the host, and fully optimised ones are slow to build.
    let settings = [("OPT_LEVEL", "1"), ("DEBUG", "line-tables-only"), ("LTO", "off"), ("CODEGEN_UNITS", "16")];
    cargo.envs(settings.map(|(name, value)| (format!("CARGO_PROFILE_RELEASE_{name}"), value)));
    let status = cargo.status().unwrap_or_else(|error| fail(&format!("cannot run cargo: {error}")));
    if !status.success() {
        fail("the guests do not compile; see the errors above");
    }
}

/// Returns whether there is a manifest, and it does not name a workspace other than this one.
fn is_member(manifest: &Path) -> bool {
    fs::read_to_string(manifest).is_ok_and(|text| !text.contains("\nworkspace = \""))
}

/// Checks that the manifest names every example. Otherwise cargo builds it as a program instead of a component.
fn check_manifest(manifest: &Path, examples: &[String]) {
    let text = fs::read_to_string(manifest).expect("the package has a manifest");
    for example in examples {
        if !text.contains(&format!("name = \"{example}\"\n")) {
            fail(&format!("tests/guests/programs/Cargo.toml has no [[example]] for examples/{example}.rs; add one"));
        }
    }
}

fn check_target() {
    let rustc = Command::new(variable("RUSTC")).args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = rustc.ok().and_then(|output| String::from_utf8(output.stdout).ok()).unwrap_or_default();
    if folder.trim().is_empty() || !Path::new(folder.trim()).is_dir() {
        fail(&format!("the tests need the target {TARGET}: run `rustup target add {TARGET}`"));
    }
}

#[expect(clippy::unnecessary_debug_formatting, reason = "the path is written as a Rust literal")]
fn constants(guests: &[Guest]) -> String {
    let mut code = String::new();
    for Guest { name, wasm } in guests {
        assert!(wasm.is_file(), "{} is missing", wasm.display());
        let constant = name.to_uppercase().replace('-', "_");
        let _ = writeln!(code, "/// The path of the component `{name}`.\npub const {constant}: &str = {wasm:?};");
    }
    let _ = writeln!(code, "/// All components: their names and their paths.\npub const ALL: &[(&str, &str)] = &[");
    for Guest { name, wasm } in guests {
        let _ = writeln!(code, "    ({name:?}, {wasm:?}),");
    }
    code.push_str("];\n");
    code
}

/// Reruns the build script after changes of the sources that the compiler lists, of manifests, and of the lock file.
fn rerun_if_changed(root: &Path, guests: &[Guest]) {
    let rerun = |path: &Path| println!("cargo::rerun-if-changed={}", path.display());
    for path in
        ["Cargo.toml", "Cargo.lock", "guest-sdk/Cargo.toml", "guest-sdk/macros/Cargo.toml", "steps", "benches/steps"]
    {
        rerun(&root.join(path));
    }
    for path in ["build.rs", "programs"] {
        rerun(Path::new(path));
    }
    for guest in guests {
        let dep_info = guest.wasm.with_extension("d");
        let Ok(text) = fs::read_to_string(&dep_info) else { fail(&format!("{} is missing", dep_info.display())) };
        // `output: source source ...`, with escaped spaces in names.
        for (_, sources) in text.lines().filter_map(|line| line.split_once(": ")) {
            let sources = sources.replace("\\ ", "\0");
            sources.split(' ').for_each(|source| rerun(Path::new(&source.replace('\0', " "))));
        }
    }
}

/// Returns the entries of a folder, sorted by name.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let read = fs::read_dir(folder).unwrap_or_else(|error| fail(&format!("{}: {error}", folder.display())));
    let mut paths: Vec<_> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.into_iter()
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| fail(&format!("cargo did not set {name}")))
}

fn fail(message: &str) -> ! {
    eprintln!("error: {message}");
    exit(1);
}
