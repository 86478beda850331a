//! `stillbox build` of Rust steps that are created outside of a clone: the SDK comes from the command, and dependencies are compiled
//! once for all steps.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use super::command;
use crate::harness::{Folder, end, outcome, paths, redact, send};

/// Copies the files of a step, without what was built.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if name == "target" || name == ".cargo" {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

#[test]
fn the_same_source_gives_the_same_bytes_in_any_folder() {
    let folder = Folder::new();
    outcome(command(&folder).args(["new", "count-words"])).succeeded();
    assert!(folder.text("count-words/Cargo.toml").contains("\nstillbox-sdk = \"0.1\"\n"));
    let built = outcome(command(&folder).args(["build", "count-words"])).succeeded();
    let first = fs::read(built.text().trim_end()).unwrap();
    // Cargo finds the SDK without Stillbox, on this machine only.
    assert!(folder.text("count-words/.cargo/config.toml").contains("stillbox-sdk = { path = \"/"));
    assert!(folder.text("count-words/.gitignore").contains("/.cargo/config.toml\n"));

    copy(&folder.join("count-words"), &folder.join("other/place/renamed"));
    outcome(command(&folder).args(["build", "other/place/renamed", "--out", "made/words.wasm"])).succeeded();
    assert!(folder.bytes("made/words.wasm") == first, "the bytes depend on the folder");
    let text = String::from_utf8_lossy(&first);
    for private in [folder.path().to_str().unwrap(), env!("CARGO_TARGET_TMPDIR"), "/.cargo/registry"] {
        assert!(!text.contains(private), "{private}");
    }

    // A step of the same name with other code is another component, and leaves the first one alone.
    let source = folder.text("other/place/renamed/src/lib.rs").replace(".count()", ".count() + 1");
    folder.write("other/place/renamed/src/lib.rs", source);
    outcome(command(&folder).args(["build", "other/place/renamed", "--out", "made"])).succeeded();
    assert!(folder.bytes("made/count_words.wasm") != first);
    let again = outcome(command(&folder).args(["build", "count-words"])).succeeded();
    assert_eq!((again.text(), fs::read(again.text().trim_end()).unwrap() == first), (built.text(), true));
}

#[test]
fn a_build_waits_while_a_prune_removes_the_dependencies() {
    let folder = Folder::new();
    outcome(command(&folder).args(["new", "count-words"])).succeeded();
    folder.write("cache/stillbox/rust/cargo.lock", "");
    let lock = fs::File::open(folder.join("cache/stillbox/rust/cargo.lock")).unwrap();
    lock.lock().unwrap();
    let mut build = command(&folder);
    build.env("XDG_CACHE_HOME", folder.join("cache")).args(["build", "count-words"]);
    let mut build = build.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(build.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = lines.into_iter().find(|line| line.contains("Waiting"));
    assert_eq!(line.as_deref(), Some("   Waiting for another build of Stillbox"));
    assert!(!folder.contains("cache/stillbox/rust/cargo"));
    send(&build, Signal::TERM);
    assert_eq!(end(build), Some(143));
}

#[test]
fn a_crate_without_a_step_is_rejected_by_its_name() {
    let waits = (r"(?m)^ *Waiting for another build.*\n".to_owned(), "");
    let _redacted = redact([waits].into_iter().chain(paths()));
    let folder = Folder::new();
    outcome(command(&folder).args(["new", "count-words"])).succeeded();
    folder.write("count-words/src/lib.rs", "use stillbox_sdk as _;\n");
    insta::assert_snapshot!(outcome(command(&folder).args(["build", "count-words"])).failed(2), @"
      Building count-words
    error: the crate `count-words` has no `#[step]`: add it to the function of the step in `count-words/src/lib.rs`
    ");
}

#[test]
fn several_steps_in_a_crate_and_a_missing_result_are_explained() {
    let folder = Folder::new();
    outcome(command(&folder).args(["new", "count-words"])).succeeded();
    let source = folder.text("count-words/src/lib.rs");
    let again = "\n#[step]\nfn again(_: &Parameters, row: Row<'_>) -> Result<Counted> {\n    Ok(Counted { n_words: row.text.len() })\n}\n";
    folder.write("count-words/src/lib.rs", format!("{source}{again}"));
    let several = outcome(command(&folder).args(["test", "count-words"])).failed(2);
    assert!(
        several.contains("\n  | help: the crate has several `#[step]`, and a component has exactly one: "),
        "{several}"
    );
    let plain = source.replace("-> Result<Counted>", "-> Counted").replace("Ok(Counted {", "(Counted {");
    assert_ne!(plain, source);
    folder.write("count-words/src/lib.rs", plain);
    let without = outcome(command(&folder).args(["test", "count-words"])).failed(2);
    assert!(without.contains("error[E0277]: a step returns `stillbox_sdk::Result<...>`, not `Counted`\n"), "{without}");
}

#[test]
fn tests_check_the_arithmetic_of_steps_and_runs_do_not() {
    let folder = Folder::new();
    outcome(command(&folder).args(["new", "count-words"])).succeeded();
    let source = folder.text("count-words/src/lib.rs");
    assert!(source.contains("Ok(Counted {"), "{source}");
    let overflows =
        "let huge = std::hint::black_box(i64::MAX);\n    let _ = std::hint::black_box(huge + 1);\n    Ok(Counted {";
    folder.write("count-words/src/lib.rs", source.replace("Ok(Counted {", overflows));
    let tested = outcome(command(&folder).args(["test", "count-words"])).failed(1);
    assert!(tested.contains("attempt to add with overflow"), "{tested}");
    outcome(command(&folder).args(["run", "count-words/pipeline.toml"])).succeeded();
}

#[test]
fn verbose_shows_the_output_of_cargo_as_it_comes() {
    let folder = Folder::new();
    outcome(command(&folder).args(["new", "count-words"])).succeeded();
    let built = outcome(command(&folder).args(["build", "count-words", "-v"])).succeeded();
    assert!(built.stderr.contains("\n  |    Compiling count-words v0.1.0 ("), "{}", built.stderr);
}
