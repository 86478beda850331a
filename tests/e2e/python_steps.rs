//! Steps in Python: that they run like others, and how their exceptions are reported.
//!
//! The tests need `python3` with `venv`. They install the SDK, and componentize-py with it, into their own environment.

mod misbehaving;

use std::fs;
use std::path::{Path, PathBuf};

use stillbox_test_guests::{NORMALIZE_TEXT, TEXT_FEATURES};

use crate::harness::{Folder, PipelineFile, ROOT, component_step, python};

/// The folders in a folder, sorted by name.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// Runs a component on the cases of a step, with several batch sizes.
fn assert_passes(component: &str, step: &Path) {
    let cases = folders(&step.join("cases"));
    assert!(!cases.is_empty(), "{} has no cases", step.display());
    for case in cases {
        let folder = Folder::new();
        fs::copy(case.join("input.jsonl"), folder.join("input.jsonl")).unwrap();
        let parameters = fs::read_to_string(case.join("parameters.toml")).unwrap();
        let parameters = parameters.trim().replace('\n', ", ");
        for rows in [1000, 2, 1] {
            let step = component_step("step", component).parameters(&parameters);
            let output = folder.output_of(PipelineFile::new().batch_rows(rows).add(step));
            let expected = fs::read_to_string(case.join("expected.jsonl")).unwrap();
            assert!(output == expected, "{} of {component} in batches of {rows}:\n{output}", case.display());
        }
    }
}

#[test]
fn strip_markup_passes_its_cases_in_a_pipeline() {
    let step = Path::new(ROOT).join("steps/strip-markup");
    assert_passes(&python::component(&step), &step);
}

#[test]
fn the_same_step_in_rust_and_python_passes_the_same_cases_in_a_pipeline() {
    let step = Path::new(ROOT).join("tests/python/text-features");
    assert_passes(TEXT_FEATURES, &step);
    assert_passes(&python::component(&step), &step);
}

#[test]
fn a_pipeline_mixes_rust_and_python_steps() {
    let example = Path::new(ROOT).join("examples/mixed-languages");
    let folder = Folder::new();
    fs::copy(example.join("input.jsonl"), folder.join("input.jsonl")).unwrap();
    let strip = python::component(&Path::new(ROOT).join("steps/strip-markup"));
    let mut pipeline = fs::read_to_string(example.join("pipeline.toml")).unwrap();
    let components = [("strip-markup", &*strip), ("normalize-text", NORMALIZE_TEXT), ("text-features", TEXT_FEATURES)];
    for (step, component) in components {
        let named = format!("../../steps/{step}");
        assert!(pipeline.contains(&named), "{pipeline}");
        pipeline = pipeline.replace(&named, component);
    }
    let expected = fs::read_to_string(example.join("expected.jsonl")).unwrap();
    assert!(folder.output_of(pipeline) == expected, "{}", folder.text("output.jsonl"));
}

#[test]
fn a_python_source_and_a_python_aggregate_run() {
    let test_step =
        |name: &str| component_step(name, &python::component(&Path::new(ROOT).join("tests/python").join(name)));
    let pipeline = |parameters: &str| {
        let numbers = test_step("make-numbers").parameters(parameters);
        let largest = test_step("keep-largest").parameters("count = 3");
        PipelineFile::new().batch_rows(7).without_source().add(numbers).add(largest)
    };
    let folder = Folder::new();
    let expected = "{\"number\":24,\"rank\":1,\"of\":25}\n{\"number\":23,\"rank\":2,\"of\":25}\n\
                    {\"number\":22,\"rank\":3,\"of\":25}\n";
    assert_eq!(folder.output_of(pipeline("count = 25")), expected);
    let failed = folder.run(pipeline("count = 25, fail-at = 15")).failed(1);
    assert!(failed.contains("guest-error in step make-numbers: no 15\n"), "{failed}");
}

#[test]
fn errors_in_a_python_module_are_reported_with_their_line() {
    let error_for = |code: &str| {
        let folder = Folder::new();
        folder.write("pyproject.toml", "[project]\nname = \"broken\"\n\n[tool.stillbox]\nmodule = \"broken\"\n");
        folder.write("src/broken.py", code);
        let built = python::build(folder.path(), &folder.join("broken.wasm"));
        assert_eq!((built.code, built.stdout.len()), (Some(1), 0), "{}", built.stderr);
        assert_eq!(folder.names(), ["pyproject.toml", "src"]);
        built.stderr
    };
    insta::assert_snapshot!(error_for("def step(row):\n    return row +\n"), @"
    error: src/broken.py:2:17: SyntaxError: invalid syntax
      return row +
    ");
    insta::assert_snapshot!(error_for("def table():\n    return {}[\"missing\"]\n\n\nTABLE = table()\n"), @r#"
    error: src/broken.py:2: KeyError: 'missing'
      src/broken.py:5 in <module>: TABLE = table()
      src/broken.py:2 in table: return {}["missing"]
    "#);
    let code = "from dataclasses import dataclass\nfrom stillbox_sdk import step\n\n\n@dataclass\nclass Row:\n    id: int\n    \
                when: complex\n\n\n@step\ndef keep(row: Row) -> bool:\n    return True\n";
    insta::assert_snapshot!(error_for(code), @"error: src/broken.py:8: the field `when` has the type complex, which is not a column type: use bool, int, float, str, bytes, list[float] for a vector, Json or Any for JSON, or one of them with `| None` for a column with nulls");
}

#[test]
fn python_random_numbers_depend_on_the_batch_only() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":3}\n{\"id\":3}\n");
    let pipeline = misbehaving::pipeline("draw").batch_rows(1);
    let output = folder.output_of(&pipeline);
    assert_eq!(folder.output_of(&pipeline), output, "a second run draws the same numbers");
    let [one, other] = output.lines().collect::<Vec<_>>()[..] else { panic!("{output}") };
    assert_ne!(one, other, "two batches draw different numbers");
}

#[test]
fn python_objects_of_a_component_are_immortal_if_they_need_not_be_deleted() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":3}\n");
    let output = folder.output_of(misbehaving::pipeline("look-at-counts"));
    let expected = "[True, True, True, True, True, True, False, False] ['ended']";
    assert!(output.contains(expected), "{output}");
}

#[test]
fn python_objects_are_next_to_each_other_in_memory() {
    let folder = Folder::new();
    folder.write("input.jsonl", "{\"id\":3}\n");
    let output = folder.output_of(misbehaving::pipeline("count-pages"));
    let pages =
        output.split_once("\"said\":\"").and_then(|(_, said)| said.split_once(" pages")).map(|(pages, _)| pages);
    // A thousand objects of 80 bytes fill 20 pages.
    assert!(pages.is_some_and(|pages| pages.parse::<u32>().unwrap() < 40), "{output}");
}
