//! `docs/security.md`: the tests that it names exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::harness::ROOT;

/// The names of all functions in the Rust sources below a folder.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("it is a folder").map(|entry| entry.expect("it can be read").path()) {
        if entry.is_dir() {
            functions(&entry, names);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&entry).expect("a source is text");
            let starts = text.lines().filter_map(|line| line.trim_start().strip_prefix("fn "));
            names.extend(starts.filter_map(|rest| rest.split('(').next()).map(str::to_owned));
        }
    }
}

#[test]
fn every_promise_of_the_security_page_names_tests_that_exist() {
    let root = Path::new(ROOT);
    let mut names = BTreeSet::new();
    for folder in ["host/core/src", "host/core/tests", "host/author/src", "host/cli/src", "tests/e2e", "fuzz"] {
        functions(&root.join(folder), &mut names);
    }
    let page = fs::read_to_string(root.join("docs/security.md")).expect("the page exists");
    let mut promises = 0;
    // A row of a table with a promise: its text, the attack, and the names of tests.
    for row in page.lines().filter(|line| line.starts_with("| ") && line.matches(" | ").count() == 2) {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().expect("a row has cells");
        let Some(first) = tests.strip_prefix('`') else { continue };
        promises += 1;
        for name in first.trim_end_matches('`').split("`, `") {
            assert!(names.contains(name), "{row}\nthere is no test `{name}`");
        }
    }
    assert!(promises >= 30, "the page has {promises} promises with tests");
}
