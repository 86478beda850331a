//! The modules of the library form layers: a module imports only modules below it.
//!
//! The order is checked against the `crate::` paths in the sources, test modules excluded.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// All top-level modules from the bottom up. A new module goes as low as its imports allow.
const LAYERS: &[&str] = &[
    // Pure data and helpers without any knowledge of pipelines.
    "text",
    "units",
    "panics",
    "corrupt",
    "frame",
    "private_dir",
    "cleanup",
    "data_type",
    "format",
    "policy",
    "limits",
    "interrupt",
    "failure",
    "report",
    "event",
    // The pipeline file.
    "config",
    // Components and the sandbox that runs them.
    "engine",
    "component",
    "sandbox",
    "loader",
    "build",
    // Rows: files, spills, batches.
    "json",
    "source",
    "spill",
    "sink",
    "batch",
    // The plan, and the work that follows it.
    "plan",
    "result_cache",
    "call",
    "stage",
    "stage_input",
    "runs",
    "runtime",
    "scheduler",
    // The public entry points.
    "outline",
    "pipeline",
    "step",
    "inspection",
    "rows",
    "bench_support",
];

#[test]
fn every_module_imports_only_modules_below_it() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rank: BTreeMap<&str, usize> = LAYERS.iter().enumerate().map(|(rank, module)| (*module, rank)).collect();
    let mut wrong = BTreeSet::new();
    for file in rust_files(&source) {
        let path = file.strip_prefix(&source).expect("the file is in the folder that was listed");
        let module = module_of(path);
        if module == "lib" {
            continue;
        }
        let Some(own) = rank.get(module.as_str()) else {
            wrong.insert(format!("{module} is not in the list of layers"));
            continue;
        };
        for used in imports(&fs::read_to_string(&file).expect("the sources are readable")) {
            if used != module && rank.get(used.as_str()).is_none_or(|rank| rank >= own) {
                wrong.insert(format!("{}: {module} imports {used}, which is not below it", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_list_of_layers_names_no_module_that_is_gone() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let modules: BTreeSet<String> =
        rust_files(&source).iter().map(|file| module_of(file.strip_prefix(&source).expect("it is inside"))).collect();
    let gone: Vec<_> = LAYERS.iter().filter(|module| !modules.contains(**module)).collect();
    assert!(gone.is_empty(), "{gone:?}");
}

#[test]
fn imports_are_found_in_paths_and_braces_and_not_in_comments_or_tests() {
    let text = "use crate::plan::{Plan, Step};\nuse crate::{sink, source::Reader};\n// crate::runs\nfn f() { crate::text::g() }\n\
                #[cfg(test)]\nmod tests { use crate::stage::Stage; }\n";
    assert_eq!(imports(text), ["plan", "sink", "source", "text"].map(ToOwned::to_owned).into());
}

/// The sources, without files of tests.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder is readable").path();
        let is_test = path.file_stem().is_some_and(|stem| stem == "tests");
        if path.is_dir() && !is_test {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            files.push(path);
        }
    }
    files
}

/// The top-level module that a file belongs to.
fn module_of(path: &Path) -> String {
    let first = path.components().next().expect("a file has a name");
    Path::new(first.as_os_str()).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The top-level modules that a source file names behind `crate::`.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(list) => found.extend(first_names(list)),
            None => found.extend(name(rest)),
        }
    }
    found
}

/// The first name of each path in a list in braces.
fn first_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.extend(name(list[start..index].trim()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.extend(name(list[start..index].trim()));
                start = index + 1;
            }
            _ => {}
        }
    }
    names
}

/// The lower-case name that a path begins with; `crate::Failure` names a re-export and no module.
fn name(path: &str) -> Option<String> {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    let name = &path[..end];
    name.starts_with(|c: char| c.is_ascii_lowercase()).then(|| name.to_owned())
}
