//! The standard steps pass their own cases.

use std::path::Path;

use super::STEPS;
use crate::harness::{Folder, ROOT, javascript, python};

#[test]
fn every_standard_step_passes_its_cases() {
    let mut tested = 0;
    for entry in std::fs::read_dir(STEPS).unwrap() {
        let step = entry.unwrap().path();
        if !step.join("cases").is_dir() {
            continue;
        }
        let name = step.file_name().unwrap().to_str().unwrap();
        let in_rust = stillbox_test_guests::ALL.iter().find(|(guest, _)| *guest == name);
        let component = match (in_rust, name) {
            (Some((_, component)), _) => (*component).to_owned(),
            (None, "run-js") => javascript::component(name),
            (None, "compute") => javascript::build(&step),
            (None, _) => python::component(&step),
        };
        let folder = step.to_str().unwrap();
        Folder::new().stillbox(["test", folder, "--component", &component]).succeeded();
        tested += 1;
    }
    assert!(tested >= 18, "only {tested} steps");
}

#[test]
fn the_same_step_in_rust_and_python_passes_the_same_cases_in_the_test_command() {
    let step = Path::new(ROOT).join("tests/python/text-features");
    for component in [stillbox_test_guests::TEXT_FEATURES, &*python::component(&step)] {
        Folder::new().stillbox(["test", step.to_str().unwrap(), "--component", component]).succeeded();
    }
}
