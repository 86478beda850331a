//! The cache of compiled components, and how it treats entries that are corrupt or that others could have written.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use stillbox_test_guests::{DROP_SHORT, KEEP_LONG};

use crate::harness::{Folder, Outcome, outcome, pipeline};

/// A folder in which a run has filled its own cache.
fn folder() -> Folder {
    let folder = Folder::with(&[KEEP_LONG, DROP_SHORT]);
    folder.write("input.jsonl", "{\"text\":\"one two\"}\n");
    folder.write_pipeline(pipeline("input.jsonl", &["keep_long", "drop_short"], "output.jsonl"));
    let mut compiled = run(&folder).compiled;
    compiled.sort();
    assert_eq!(compiled, ["drop_short.wasm", "keep_long.wasm"]);
    folder
}

fn run(folder: &Folder) -> Outcome {
    let outcome = outcome(folder.command().args(["run", "pipeline.toml", "--cache-dir", "cache"])).succeeded();
    assert_eq!(folder.text("output.jsonl"), "{\"text\":\"one two\",\"first\":\"one\"}\n");
    assert!(!outcome.stderr.to_lowercase().contains("cache"), "{}", outcome.stderr);
    outcome
}

/// The entries of the cache.
fn entries(folder: &Folder) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder.join("cache")).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    assert_eq!(entries.len(), 2, "{entries:?}");
    entries
}

#[test]
fn a_second_run_compiles_no_component() {
    let folder = folder();
    assert_eq!(run(&folder).compiled, [""; 0]);
    assert_eq!(fs::metadata(folder.join("cache")).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_truncated_compile_cache_entry_is_compiled_again() {
    let lengths: [fn(u64) -> u64; 3] = [|_| 0, |length| length / 2, |length| length - 1];
    for length in lengths {
        let folder = folder();
        let entry = &entries(&folder)[0];
        let file = fs::OpenOptions::new().write(true).open(entry).unwrap();
        file.set_len(length(file.metadata().unwrap().len())).unwrap();
        assert_eq!(run(&folder).compiled.len(), 1);
        assert_eq!(run(&folder).compiled, [""; 0]);
    }
}

#[test]
fn a_compile_cache_entry_with_a_flipped_bit_is_compiled_again() {
    let folder = folder();
    for fraction in [0, 1, 2, 3] {
        let entry = &entries(&folder)[fraction % 2];
        let mut bytes = fs::read(entry).unwrap();
        let place = (bytes.len() - 1) * fraction / 3;
        bytes[place] ^= 0x10;
        fs::write(entry, bytes).unwrap();
        assert_eq!(run(&folder).compiled.len(), 1, "byte {place}");
    }
}

#[test]
fn a_compile_cache_entry_under_the_name_of_another_is_compiled_again() {
    let folder = folder();
    let [one, other] = &entries(&folder)[..] else { unreachable!("there are two") };
    fs::copy(one, other).unwrap();
    assert_eq!(run(&folder).compiled.len(), 1);
}

#[test]
fn a_compile_cache_entry_that_is_a_link_or_that_others_can_write_to_is_compiled_again() {
    let folder = folder();
    let entry = &entries(&folder)[0];
    fs::set_permissions(entry, Permissions::from_mode(0o666)).unwrap();
    assert_eq!(run(&folder).compiled.len(), 1);
    fs::rename(entry, folder.join("entry")).unwrap();
    std::os::unix::fs::symlink(folder.join("entry"), entry).unwrap();
    assert_eq!(run(&folder).compiled.len(), 1);
    assert_eq!(run(&folder).compiled, [""; 0]);
}

#[test]
fn a_compile_cache_that_others_can_write_to_is_ignored() {
    let folder = folder();
    fs::set_permissions(folder.join("cache"), Permissions::from_mode(0o777)).unwrap();
    assert_eq!(run(&folder).compiled.len(), 2);
    assert_eq!(run(&folder).compiled.len(), 2);
    fs::set_permissions(folder.join("cache"), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(run(&folder).compiled, [""; 0]);
}

#[test]
fn a_run_succeeds_when_the_compile_cache_cannot_be_written() {
    let folder = folder();
    folder.write("file", "");
    for directory in ["file/cache", "/proc/cache"] {
        let arguments = ["run", "pipeline.toml", "--cache-dir", directory];
        let outcome = outcome(folder.command().args(arguments)).succeeded();
        assert_eq!(outcome.compiled.len(), 2);
    }
}
