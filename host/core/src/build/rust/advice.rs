//! Advice for crates that do not compile to components.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use toml::{Table, Value};

/// Crates that fail in a component, and the ways out.
const KNOWN: [(&[&str], &str); 12] = [
    (
        &[
            "reqwest",
            "hyper-util",
            "native-tls",
            "openssl",
            "openssl-sys",
            "ureq",
            "curl",
            "curl-sys",
            "isahc",
            "attohttpc",
        ],
        "a step has no sockets; it sends requests with the feature `http` of stillbox-sdk (`stillbox_sdk::http`) and a grant",
    ),
    (
        &["tokio", "mio", "socket2", "async-std", "smol", "polling"],
        "a step has neither threads nor sockets; an `async fn` with `#[step]` needs no runtime, and of tokio the features `sync`, `macros`, \
         `io-util`, `rt` and `time` compile",
    ),
    (
        &["onig", "onig_sys"],
        "it is written in C; take the crate `fancy-regex` or `regex`. For tokenizers: `default-features = false, features = \
         [\"unstable_wasm\"]`",
    ),
    (&["esaxx-rs"], "it is written in C++; for tokenizers: `default-features = false, features = [\"unstable_wasm\"]`"),
    (
        &["ring", "aws-lc-sys", "aws-lc-rs", "rustls"],
        "it is written in C and assembler; for digests take `sha2`, `blake3` or `hmac`",
    ),
    (
        &["libsqlite3-sys", "rusqlite", "libduckdb-sys", "duckdb"],
        "it is written in C, and a step has no files; read the rows with a source",
    ),
    (
        &["zstd-sys", "lzma-sys", "bzip2-sys", "libz-sys", "lz4-sys"],
        "it is written in C; take `ruzstd`, `lzma-rs`, `flate2` with `miniz_oxide`, or `lz4_flex`",
    ),
    (
        &["wasm-bindgen", "js-sys", "web-sys"],
        "it needs JavaScript, which is not in a component; disable its feature such as `js` or `wasmbind`",
    ),
    (
        &["rayon", "rayon-core", "crossbeam-utils"],
        "a step has one thread; Stillbox runs batches in parallel. Disable the feature that needs it",
    ),
    (&["pyo3", "pyo3-ffi", "numpy"], "it needs an interpreter of Python; write the step in Python"),
    (
        &["ort", "ort-sys", "tch", "torch-sys", "candle-kernels", "cudarc"],
        "it needs a native library; ask a model by `stillbox_sdk::model`",
    ),
    (
        &["libgit2-sys", "rdkafka-sys", "libpq-sys", "mysqlclient-sys", "libssh2-sys"],
        "it needs a native library and the network, which a step does not have",
    ),
];

/// A crate whose build script compiles C.
const NATIVE: &str = "it compiles C, for which no compiler for components is installed; take a crate in pure Rust";

/// Parts of the linker's message for a crate with several steps, which does not say so.
const SEVERAL_STEPS: [&str; 2] = ["stillbox:step/guest@", "is already defined"];

/// The help for a crate with several steps.
const ONE_STEP: &str =
    "the crate has several `#[step]`, and a component has exactly one: move the others to crates of their own";

/// Returns help for mistakes in steps, and for the crates that are named as failed in cargo's output, each on a line, or an empty text.
pub(super) fn for_output(output: &str, workspace: Option<&Path>, manifest: &Path) -> String {
    let mut failed = failed_crates(output);
    let lock = workspace.and_then(|root| fs::read_to_string(root.join("Cargo.lock")).ok()).unwrap_or_default();
    let parents = parents(&lock);
    let own = fs::read_to_string(manifest).ok().and_then(|text| text.parse::<Table>().ok());
    let own = own.and_then(|table| Some(table.get("package")?.get("name")?.as_str()?.to_owned())).unwrap_or_default();
    // Some crates compile without what needs the system, and then their users do not.
    let mut lacking = BTreeSet::new();
    if failed.remove(&own) {
        lacking.extend(named_crates(output).filter(|name| parents.contains_key(name)));
    }
    let mut text = String::new();
    if SEVERAL_STEPS.iter().all(|part| output.contains(part)) {
        let _ = write!(text, "\nhelp: {ONE_STEP}");
    }
    for name in failed.union(&lacking) {
        let known = KNOWN.iter().find(|(names, _)| names.contains(&&**name)).map(|(_, advice)| *advice);
        let Some(advice) = known.or_else(|| name.ends_with("sys").then_some(NATIVE)) else { continue };
        let way = way(&parents, &own, name);
        let through = if way.is_empty() { String::new() } else { format!(" (a dependency of {})", way.join(", of ")) };
        let problem =
            if failed.contains(name) { "cannot be part of a step" } else { "has only a part of itself in a step" };
        let _ = write!(text, "\nhelp: the crate `{name}`{through} {problem}: {advice}");
    }
    text
}

/// Returns the names of the crates that did not compile, or whose build scripts failed.
fn failed_crates(output: &str) -> BTreeSet<String> {
    let quoted = |line: &str, before: &str| {
        let (_, rest) = line.split_once(before)?;
        let name = rest.split(['`', ' ']).next()?;
        Some(name.to_owned())
    };
    let mut failed: BTreeSet<String> = output
        .lines()
        .filter(|line| line.starts_with("error"))
        .filter_map(|line| {
            quoted(line, "could not compile `").or_else(|| quoted(line, "failed to run custom build command for `"))
        })
        .collect();
    if output.contains("__wbindgen") {
        failed.insert("wasm-bindgen".to_owned());
    }
    failed
}

/// Returns the known crates in which the compiler did not find a name.
fn named_crates(output: &str) -> impl Iterator<Item = String> {
    let known = KNOWN.iter().flat_map(|(names, _)| *names).map(|name| (name.replace('-', "_"), (*name).to_owned()));
    known.filter(|(path, _)| output.contains(&format!(" in `{path}`"))).map(|(_, name)| name)
}

/// Returns the names of the packages that depend on each package of a lock file.
fn parents(lock: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut parents: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let table: Table = lock.parse().unwrap_or_default();
    for package in table.get("package").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = package.get("name").and_then(Value::as_str) else { continue };
        for dependency in package.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
            // NAME, or NAME VERSION if there are several.
            let dependency = dependency.as_str().and_then(|text| text.split(' ').next()).unwrap_or_default();
            parents.entry(dependency.to_owned()).or_default().insert(name.to_owned());
        }
    }
    parents
}

/// Returns the packages from a package up to the dependency of the step, by the shortest way.
fn way(parents: &BTreeMap<String, BTreeSet<String>>, own: &str, name: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([vec![name.to_owned()]]);
    while let Some(way) = queue.pop_front() {
        let above = way.last().and_then(|last| parents.get(last)).into_iter().flatten();
        for parent in above {
            if parent == own {
                return way.into_iter().skip(1).map(|name| format!("`{name}`")).collect();
            }
            if seen.insert(parent) {
                queue.push_back(way.iter().cloned().chain([parent.clone()]).collect());
            }
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_fails_is_named_with_the_dependency_that_needs_it_and_the_way_out() {
        let folder = tempfile::tempdir().expect("there is room");
        let manifest = folder.path().join("Cargo.toml");
        fs::write(&manifest, "[package]\nname = \"a-step\"\n").expect("there is room");
        let lock = "[[package]]\nname = \"a-step\"\ndependencies = [\"serde\", \"tokenizers\"]\n[[package]]\nname = \
                    \"tokenizers\"\ndependencies = [\"onig 6.5.1\"]\n[[package]]\nname = \"onig\"\ndependencies = [\"onig_sys\"]\n";
        fs::write(folder.path().join("Cargo.lock"), lock).expect("there is room");
        let output = "error: failed to run custom build command for `onig_sys v69.9.1`\nnote: x\nerror: failed to run custom \
                      build command for `unknown-sys v1`\nerror: could not compile `serde` (lib)\nerror: could not compile `a-step` \
                      (lib) due to 1 previous error\n";
        let help = for_output(output, Some(folder.path()), &manifest);
        let mut lines = help.lines();
        assert_eq!(lines.next(), Some(""));
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with("help: the crate `onig_sys` (a dependency of `onig`, of `tokenizers`) cannot be part of a step: it is written in C;"), "{first}");
        assert_eq!(lines.next(), Some(&*format!("help: the crate `unknown-sys` cannot be part of a step: {NATIVE}")));
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn a_crate_that_lacks_what_the_step_uses_is_named() {
        let folder = tempfile::tempdir().expect("there is room");
        let manifest = folder.path().join("Cargo.toml");
        fs::write(&manifest, "[package]\nname = \"a-step\"\n").expect("there is room");
        let lock = "[[package]]\nname = \"a-step\"\ndependencies = [\"reqwest\"]\n";
        fs::write(folder.path().join("Cargo.lock"), lock).expect("there is room");
        let output = "error[E0433]: cannot find `blocking` in `reqwest`\nerror[E0432]: unresolved import in `mio`\nerror: could not compile \
                      `a-step` (lib) due to 1 previous error\n";
        let help = for_output(output, Some(folder.path()), &manifest);
        assert!(
            help.starts_with("\nhelp: the crate `reqwest` has only a part of itself in a step: a step has no sockets"),
            "{help}"
        );
        assert_eq!(help.matches("help:").count(), 1, "{help}");
    }
}
