//! `stillbox test` of Python steps: with a base that many steps share, which behaves as the component that a build makes.

use std::fs;

use super::command;
use crate::harness::{Folder, outcome};

/// The name of the section with the step's modules, which only a component with a base has.
const SECTION: &[u8] = b"stillbox-source";

const KEEP: &str = "from dataclasses import dataclass\nfrom stillbox_sdk import step\n\n\n@dataclass\nclass Row:\n    id: int\n\n\n\
                    @step\ndef keep(row: Row) -> bool:\n    return True\n";

/// A step with a case without expected rows.
fn step(code: &str) -> Folder {
    let folder = Folder::new();
    folder.write("broken/pyproject.toml", "[project]\nname = \"broken\"\ndependencies = [\"stillbox-sdk\"]\n");
    folder.write("broken/src/broken.py", code);
    folder.write("broken/cases/first/input.jsonl", "{\"id\":1}\n{\"id\":2}\n");
    folder
}

/// Returns whether the component of the last `stillbox test` is a base with the step's modules.
fn has_base(folder: &Folder, step: &str, name: &str) -> bool {
    let component = folder.bytes(&format!("{step}/build/development/{name}.wasm"));
    component.windows(SECTION.len()).any(|bytes| bytes == SECTION)
}

#[test]
fn an_edit_of_a_new_python_step_compiles_nothing() {
    let folder = Folder::new();
    outcome(command(&folder).args(["new", "count-words", "--lang", "python"])).succeeded();
    outcome(command(&folder).args(["test", "count-words"])).succeeded();
    assert!(has_base(&folder, "count-words", "count-words"));
    // The outputs of a run and files for other tools are no data of the step.
    folder.write("count-words/output.jsonl", "{}\n");
    folder.write("count-words/conftest.py", "import pytest\n");
    let code = folder.text("count-words/count_words.py");
    let other = code.replace("for word in row.text.split())", "for word in row.text.split()) + 1");
    assert_ne!(other, code);
    folder.write("count-words/count_words.py", other);
    let failed = outcome(command(&folder).args(["test", "count-words"])).failed(1);
    // The host compiles a component that it does not know.
    assert!(!failed.contains("Compiled") && failed.contains("+ 4"), "{failed}");
    assert!(has_base(&folder, "count-words", "count-words"));
}

#[test]
fn a_python_step_that_reads_files_when_it_is_imported_is_tested_as_a_whole() {
    let code = format!("from pathlib import Path\nWORDS = Path(__file__).with_name('words.txt').read_text()\n{KEEP}");
    let folder = step(&code);
    folder.write("broken/src/words.txt", "one two\n");
    outcome(command(&folder).args(["test", "--update", "broken"])).succeeded();
    assert!(!has_base(&folder, "broken", "broken"));
}

/// The message of a mistake in a module, and its place. Both builds report it.
fn check_mistake(code: &str, message: &str, place: &str) {
    let folder = step(code);
    let tested = outcome(command(&folder).args(["test", "broken"])).failed(2);
    assert!(has_base(&folder, "broken", "broken"), "{tested}");
    assert!(tested.contains(&format!("its code cannot be loaded because of {place}")), "{tested}");
    assert!(tested.contains(&format!("\n  caused by: {message}\n")), "{tested}");
    let built = outcome(command(&folder).args(["build", "broken"])).failed(2);
    assert!(built.contains(&format!("error: {place}: {message}\n")), "{built}");
}

#[test]
fn an_exception_in_a_python_module_has_the_same_message_in_tests_and_builds() {
    let code = format!("def table():\n    return {{}}['missing']\n\n\nTABLE = table()\n{KEEP}");
    check_mistake(&code, "KeyError: 'missing'", "src/broken.py:2");
}

#[test]
fn a_module_that_is_missing_has_the_same_message_in_tests_and_builds() {
    let code = format!("def late():\n    import nowhere_at_all\n\n\nlate()\n{KEEP}");
    check_mistake(&code, "ModuleNotFoundError: No module named 'nowhere_at_all'", "src/broken.py:2");
}

#[test]
fn a_mistake_in_the_definition_of_a_python_step_has_the_same_message_in_tests_and_builds() {
    let code = "from stillbox_sdk import step\n";
    check_mistake(code, "the module `broken` has no step: write `@step` above a function or class", "src/broken.py:1");
}

#[test]
fn an_exit_of_a_python_module_has_the_same_message_in_tests_and_builds() {
    check_mistake(&format!("import os\nos._exit(3)\n{KEEP}"), "SystemExit: 3", "src/broken.py:2");
}

#[test]
fn a_mistake_in_a_module_that_a_python_step_imports_has_its_place() {
    let folder = step(&format!("import helper\n{KEEP}"));
    for (code, message) in [
        ("x = 1\ndef f(:\n", "src/helper.py:2:7: SyntaxError: invalid syntax\n"),
        ("import tkinter\n", "src/helper.py:1: ModuleNotFoundError: No module named 'tkinter'\n"),
    ] {
        folder.write("broken/src/helper.py", code);
        for command_name in ["test", "build"] {
            let failed = outcome(command(&folder).args([command_name, "broken"])).failed(2);
            assert!(failed.contains(message), "{failed}");
        }
    }
}

#[test]
fn a_syntax_error_in_a_python_module_has_the_same_message_in_tests_and_builds() {
    let folder = step("def keep(row):\n    return row +\n");
    for arguments in [["test", "broken"], ["build", "broken"]] {
        let failed = outcome(command(&folder).args(arguments)).failed(2);
        assert!(failed.contains("error: src/broken.py:2:17: SyntaxError: invalid syntax\n"), "{failed}");
    }
}

/// A step whose rows say which modules it can import, and which random numbers it draws.
const IMPORTS: &str = "import random
from dataclasses import dataclass

from stillbox_sdk import step

try:
    import xml.dom
except ImportError:
    import xml.sax


def table() -> str:
    import csv

    return csv.__name__


TABLE = table()
NUMBERS = list(range(30))
random.shuffle(NUMBERS)


def imported() -> list[str]:
    found = []
    for name in IMPORTERS:
        try:
            IMPORTERS[name]()
            found.append(name)
        except ModuleNotFoundError as error:
            found.append(str(error))
    return found


def own() -> None:
    import own_module


def of_others() -> None:
    import fractions


def not_needed() -> None:
    import xml.sax


def common() -> None:
    import decimal


def at_the_top() -> None:
    import csv


IMPORTERS = {call.__name__: call for call in (own, of_others, not_needed, common, at_the_top)}


@dataclass
class Row:
    id: int


@dataclass
class Answer:
    imported: str
    numbers: str
    number: float


@step
def answer(row: Row) -> Answer:
    return Answer(\" \".join(imported()), str(NUMBERS), random.random())
";

#[test]
fn imports_in_functions_and_random_numbers_are_the_same_in_tests_and_builds() {
    let folder = step(IMPORTS);
    folder.write("broken/src/own_module.py", "");
    // Random numbers depend on the batches, which a check varies.
    outcome(command(&folder).args(["test", "--update", "broken"]));
    assert!(has_base(&folder, "broken", "broken"));
    let expected = folder.text("broken/cases/first/expected.jsonl");
    assert!(
        expected.contains(
            "\"imported\":\"No module named 'own_module' No module named 'fractions' No module named 'xml.sax' \
             No module named 'decimal' at_the_top\""
        ),
        "{expected}"
    );
    outcome(command(&folder).args(["build", "broken"])).succeeded();
    fs::remove_file(folder.join("broken/cases/first/expected.jsonl")).unwrap();
    let component = ["test", "--update", "broken", "--component", "broken/build/broken.wasm"];
    outcome(command(&folder).args(component));
    assert_eq!(folder.text("broken/cases/first/expected.jsonl"), expected);
}
