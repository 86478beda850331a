//! The modules of the library form layers: a module imports only modules below it.
//!
//! The order is checked against the paths in the sources that begin with `crate`, `self` or `super`, test modules excluded.
//! A path that leads to a re-export counts as an import of the module that has the item.
//!
//! In the other crates, and within a module, no order is listed, but modules must not import each other in a cycle. Imports
//! between a module and the modules within it are not restricted.

#[path = "layers/imports.rs"]
mod imports;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use imports::Modules;

/// All top-level modules from the bottom up. A new module goes as low as its imports allow.
const LAYERS: &[&str] = &[
    // Pure data and helpers without any knowledge of pipelines.
    "text",
    "units",
    "digest",
    "panics",
    "corrupt",
    "frame",
    "os",
    "private_dir",
    "cleanup",
    "process",
    "writeback",
    "data_type",
    "format",
    "pattern",
    "log_level",
    "values",
    "policy",
    "limits",
    "grants",
    "reference",
    "model",
    "instance_log",
    "stack",
    "monitor",
    "interrupt",
    "failure",
    "report",
    "event",
    // The pipeline file.
    "config",
    // Components and the sandbox that runs them.
    "http",
    "registry",
    "telemetry",
    "model_client",
    "engine",
    "component",
    "sandbox",
    "loader",
    "lockfile",
    "build",
    // Rows: files, spills, batches.
    "row_size",
    "json",
    "source",
    "spill",
    "sink",
    "batch",
    // The plan, and the work that follows it.
    "plan",
    "result_cache",
    "call",
    "bundle",
    "stage",
    "stage_input",
    "remote",
    "runs",
    "runtime",
    "scheduler",
    // The public entry points.
    "outline",
    "pipeline",
    "step",
    "inspection",
    "sharing",
    "rows",
    "bench_support",
    "fuzz_support",
];

/// The crates of the host, next to this one.
const CRATES: &[&str] = &["author", "cli", "core", "python"];

/// Imports by the modules within one module, by the importer.
type Imports<'m> = BTreeMap<&'m str, BTreeSet<&'m str>>;

#[test]
fn every_module_imports_only_modules_below_it() {
    let modules = modules("core");
    let rank: BTreeMap<&str, usize> = LAYERS.iter().enumerate().map(|(rank, module)| (*module, rank)).collect();
    let mut wrong = BTreeSet::new();
    for (importer, imported) in modules.imports() {
        let (own, other) = (&*importer[0], &*imported[0]);
        if own != other && rank.get(own).zip(rank.get(other)).is_none_or(|(own, other)| other > own) {
            wrong.insert(format!("{} imports {other}, which is not below {own}", importer.join("::")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_list_of_layers_names_exactly_the_modules_of_the_library() {
    let modules = modules("core");
    let all: BTreeSet<&str> = modules.paths().filter(|path| path.len() == 1).map(|path| &*path[0]).collect();
    assert_eq!(all, LAYERS.iter().copied().collect());
}

#[test]
fn the_drawing_of_the_architecture_has_all_layers_from_top_to_bottom() {
    let page = architecture();
    let (_, drawing) = page.split_once("From the top down:\n\n```\n").expect("there is a drawing");
    let (drawing, _) = drawing.split_once("```").expect("the drawing has an end");
    // Two spaces separate the modules from their description.
    let lines = drawing.lines().filter_map(|line| line.split("  ").next());
    let drawn: Vec<&str> = lines.flat_map(|modules| modules.split(", ")).collect();
    assert_eq!(drawn, LAYERS.iter().rev().copied().collect::<Vec<_>>());
}

#[test]
fn every_path_in_the_architecture_exists() {
    let page = architecture();
    let library = Path::new(env!("CARGO_MANIFEST_DIR"));
    let roots = [library.join("../.."), library.join("src"), library.to_owned()];
    // Odd pieces are code.
    let code = page.split('`').skip(1).step_by(2);
    let paths: Vec<&str> = code
        .filter(|code| !code.contains(char::is_whitespace) && !code.starts_with('/'))
        .filter(|code| code.contains('/') || Path::new(code).extension().is_some_and(|ending| ending == "rs"))
        .collect();
    assert!(paths.len() > 30, "{paths:?}");
    let missing: Vec<_> = paths.iter().filter(|path| !roots.iter().any(|root| root.join(path).exists())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_modules_within_a_module_do_not_import_each_other_in_a_cycle() {
    let mut found = BTreeMap::new();
    for name in CRATES {
        let modules = modules(name);
        for (parent, imports) in imports_by_parent(&modules) {
            if let Some(cycle) = cycle(&imports) {
                let parent = [*name].into_iter().chain(parent.iter().map(String::as_str)).collect::<Vec<_>>();
                found.insert(parent.join("::"), cycle.join(" -> "));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn cycles_are_found() {
    let imports = |pairs: &[(&'static str, &'static str)]| {
        let mut imports = Imports::new();
        for (importer, imported) in pairs {
            imports.entry(*importer).or_default().insert(*imported);
        }
        imports
    };
    assert_eq!(cycle(&imports(&[("a", "b"), ("a", "c"), ("b", "c")])), None);
    assert_eq!(cycle(&imports(&[("a", "b"), ("b", "c"), ("c", "b")])), Some(vec!["b", "c", "b"]));
}

/// The text of `host/ARCHITECTURE.md`. Its blocks of code have no backticks within, so they count as one piece each.
fn architecture() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("ARCHITECTURE.md");
    std::fs::read_to_string(path).expect("the page is there")
}

fn modules(name: &str) -> Modules {
    Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(name).join("src"))
}

/// For every module, the imports between the modules within it. The path of the library itself is empty.
fn imports_by_parent(modules: &Modules) -> BTreeMap<&[String], Imports<'_>> {
    let mut all: BTreeMap<&[String], Imports<'_>> = BTreeMap::new();
    for (importer, imported) in modules.imports() {
        let common = importer.iter().zip(imported).take_while(|(one, other)| one == other).count();
        if let (Some(one), Some(other)) = (importer.get(common), imported.get(common)) {
            all.entry(&importer[..common]).or_default().entry(one).or_default().insert(other);
        }
    }
    all
}

/// Returns a cycle, with its first module repeated at the end.
fn cycle<'m>(imports: &Imports<'m>) -> Option<Vec<&'m str>> {
    imports.keys().find_map(|start| {
        let way = way(imports, start, start, &mut BTreeSet::new())?;
        Some([*start].into_iter().chain(way).collect())
    })
}

/// Returns the modules on a way from one module to another, without the first one.
fn way<'m>(imports: &Imports<'m>, from: &'m str, to: &'m str, seen: &mut BTreeSet<&'m str>) -> Option<Vec<&'m str>> {
    imports.get(from)?.iter().find_map(|next| {
        if *next == to {
            return Some(vec![to]);
        }
        let rest = seen.insert(next).then(|| way(imports, next, to, seen))??;
        Some([*next].into_iter().chain(rest).collect())
    })
}
