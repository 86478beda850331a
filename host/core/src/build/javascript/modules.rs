//! The modules of a step: the files that it imports, directly or not. The runtime parses them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::project::{Project, resolve};
use crate::build::BuildError;

/// The most bytes of all modules of a step. Larger tables belong into rows.
const MAX_BYTES: u64 = 16 << 20;

/// What an import looks like. A comment or text can look so, too: then a file of the folder is part of the step that need not be. Imports
/// of files that do not exist are errors of the runtime, which knows which of them are real.
static IMPORT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\b(?:from|import)\s*\(?\s*(?:"([^"\n]+)"|'([^'\n]+)')"#).ok());

/// What a default export looks like.
static DEFAULT_EXPORT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\bexport\s+default\b|\bas\s+default\b").ok());

/// The modules of a step, as the runtime reads them.
#[derive(Debug, Serialize)]
pub(super) struct Bundle {
    name: String,
    version: String,
    summary: String,
    main: String,
    /// The place of the default export.
    line: usize,
    column: usize,
    modules: Vec<Module>,
}

#[derive(Debug, Serialize)]
struct Module {
    path: String,
    code: String,
    /// The paths of the modules that it imports, by what it calls them.
    imports: BTreeMap<String, String>,
}

/// Reads the modules of a step, from the first one on.
///
/// # Errors
/// A file cannot be read, is no module, or is JSON with a mistake; or the first module exports no step.
pub(super) fn bundle(dir: &Path, project: Project) -> Result<Bundle, BuildError> {
    let failed = |output: String| BuildError::Failed { dir: dir.to_owned(), output };
    let mut modules: Vec<Module> = Vec::new();
    let mut left = vec![project.main.clone()];
    let mut bytes = 0;
    while let Some(path) = left.pop() {
        if modules.iter().any(|module| module.path == path) {
            continue;
        }
        let file = dir.join(&path);
        bytes += fs::metadata(&file).map_err(|error| failed(format!("error: cannot read `{path}`: {error}")))?.len();
        if bytes > MAX_BYTES {
            return Err(failed(format!("error: the modules have more than {} MiB", MAX_BYTES >> 20)));
        }
        let module = read(dir, path).map_err(failed)?;
        left.extend(module.imports.values().cloned());
        modules.push(module);
    }
    modules.sort_by(|a, b| a.path.cmp(&b.path));
    let main = modules.iter().find(|module| module.path == project.main);
    let export = main
        .and_then(|main| DEFAULT_EXPORT.as_ref()?.find(&main.code).map(|found| position(&main.code, found.start())));
    let Some((line, column)) = export else {
        return Err(failed(format!(
            "error: {}: the module has no default export: write `export default transform({{ … }}, (row, parameters) => …)`, with \
             `transform`, `transformBatch`, `source` or `aggregate` from \"stillbox\"",
            project.main
        )));
    };
    let Project { name, version, summary, main } = project;
    // Names of steps have hyphens.
    Ok(Bundle { name: name.replace(['_', '.'], "-"), version, summary, main, line, column, modules })
}

fn read(dir: &Path, path: String) -> Result<Module, String> {
    let (_, ending) = path.rsplit_once('.').unwrap_or_default();
    let code = fs::read_to_string(dir.join(&path)).map_err(|error| format!("error: cannot read `{path}`: {error}"))?;
    let mut imports = BTreeMap::new();
    match ending {
        "js" | "mjs" | "ts" | "mts" => {
            for found in IMPORT.iter().flat_map(|import| import.captures_iter(&code)) {
                let Some(specifier) = found.get(1).or_else(|| found.get(2)) else { continue };
                if let Ok(imported) = resolve(dir, &path, specifier.as_str()) {
                    imports.insert(specifier.as_str().to_owned(), imported);
                }
            }
        }
        "json" => {
            let json: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&code);
            json.map_err(|error| format!("error: {path}:{}:{}: {error}", error.line(), error.column()))?;
        }
        _ => {
            return Err(format!("error: `{path}` is not a module: its name must end in .js, .mjs, .ts, .mts or .json"));
        }
    }
    Ok(Module { path, code, imports })
}

/// The line and the column of a byte, both from 1.
fn position(code: &str, at: usize) -> (usize, usize) {
    let before = &code[..at];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (line, before[start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle_of(files: &[(&str, &str)]) -> Result<Bundle, String> {
        let folder = tempfile::tempdir().expect("there is room");
        fs::create_dir(folder.path().join("lib")).expect("there is room");
        for (path, text) in files {
            fs::write(folder.path().join(path), text).expect("there is room");
        }
        let text = || "a".to_owned();
        let project = Project { name: text(), version: text(), summary: text(), main: "step.js".into() };
        bundle(folder.path(), project).map_err(|error| error.to_string())
    }

    #[test]
    fn the_files_that_are_imported_belong_to_the_step() {
        let bundle = bundle_of(&[
            (
                "step.js",
                "import a, { b } from './lib/a.js'\nimport\"./c.mjs\";\n  export default await import( './d.json' )",
            ),
            ("lib/a.ts", "export * from '../step.js'; // from './none.js' from './e.ts'"),
            ("c.mjs", "import fs from 'node:fs'"),
            ("d.json", "[1]"),
            ("e.ts", ""),
            ("other.js", ""),
        ]);
        let bundle = bundle.expect("it is a step");
        let paths: Vec<&str> = bundle.modules.iter().map(|module| &*module.path).collect();
        assert_eq!(paths, ["c.mjs", "d.json", "e.ts", "lib/a.ts", "step.js"]);
        assert_eq!((bundle.line, bundle.column), (3, 3));
    }

    #[test]
    fn mistakes_name_the_file() {
        for (files, message) in [
            (&[("step.js", "export const a = 1")][..], "step.js: the module has no default export"),
            (&[("step.js", "export default 1; import './d.json'"), ("d.json", "[1,]")], "d.json:1:4"),
            (&[("step.js", "export default 1; import './lib'"), ("lib/index.js", "\u{feff}")], ""),
            (&[], "cannot read `step.js`"),
        ] {
            match bundle_of(files) {
                Ok(_) => assert_eq!(message, ""),
                Err(error) => assert!(!message.is_empty() && error.contains(message), "{error}"),
            }
        }
    }
}
