//! The modules of a step: the files that it imports, directly or not. The runtime parses them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::project::{Project, resolve};
use crate::build::BuildError;
use crate::build::source_file::{is_inside, read_text};

/// The most bytes of all modules of a step. Larger tables belong into rows.
const MAX_BYTES: u64 = 16 << 20;

/// What an import looks like, with comments in it. A comment or text can look so, too: then a file of the folder is part of the step that
/// need not be. Imports of files that do not exist or are no modules are errors of the runtime, which knows which of them are real.
static IMPORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    const SPACE: &str = r"(?:\s|/\*(?s:.*?)\*/|//.*\n)*";
    Regex::new(&format!(r#"\b(?:from|import){SPACE}\(?{SPACE}(?:"([^"\n]+)"|'([^'\n]+)')"#)).ok()
});

/// What a default export looks like at the start of a line.
static DEFAULT_EXPORT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^[\t ]*(export\s+default\b|export\s*\{[^}]*\bdefault\b)").ok());

/// Why a file cannot be a module of the step.
enum Unfit {
    /// It is not a module, so what looked like an import may be none.
    NoModule(String),
    /// It is one with a mistake.
    Broken(String),
}

/// The modules of a step, as the runtime reads them.
#[derive(Debug, Serialize)]
pub(super) struct Bundle {
    name: String,
    version: String,
    summary: String,
    main: String,
    /// The place of the default export, or of the first character.
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
/// The first module cannot be read, another one is JSON with a mistake, or there is too much.
pub(super) fn bundle(dir: &Path, project: Project) -> Result<Bundle, BuildError> {
    let failed = |output: String| BuildError::Failed { dir: dir.to_owned(), output };
    let first = read(dir, project.main.clone(), MAX_BYTES);
    let first = first.map_err(|(Unfit::NoModule(error) | Unfit::Broken(error))| failed(error))?;
    let export = DEFAULT_EXPORT.as_ref().and_then(|export| export.captures(&first.code)?.get(1));
    let (line, column) = export.map_or((1, 1), |found| position(&first.code, found.start()));
    let mut left: Vec<String> = first.imports.values().cloned().collect();
    let mut bytes = first.code.len() as u64;
    let mut modules = vec![first];
    while let Some(path) = left.pop() {
        if modules.iter().any(|module| module.path == path) {
            continue;
        }
        match read(dir, path, MAX_BYTES - bytes) {
            Ok(module) => {
                bytes += module.code.len() as u64;
                left.extend(module.imports.values().cloned());
                modules.push(module);
            }
            Err(Unfit::Broken(error)) => return Err(failed(error)),
            // If the import is real, the runtime reports that there is no such module.
            Err(Unfit::NoModule(error)) => tracing::debug!("{}: {error}", dir.display()),
        }
    }
    modules.sort_by(|a, b| a.path.cmp(&b.path));
    let Project { name, version, summary, main } = project;
    // Names of steps have hyphens.
    Ok(Bundle { name: name.replace(['_', '.'], "-"), version, summary, main, line, column, modules })
}

/// Reads a module of at most `max` bytes.
///
/// # Errors
/// The file cannot be read, is larger, is no module, is a link out of the folder, or is JSON with a mistake.
fn read(dir: &Path, path: String, max: u64) -> Result<Module, Unfit> {
    let (_, ending) = path.rsplit_once('.').unwrap_or_default();
    let is_json = ending == "json";
    if !is_json && !["js", "mjs", "ts", "mts"].contains(&ending) {
        let error = format!("error: `{path}` is not a module: its name must end in .js, .mjs, .ts, .mts or .json");
        return Err(Unfit::NoModule(error));
    }
    let file = dir.join(&path);
    if file.exists() && !is_inside(dir, &file) {
        let error = format!("error: `{path}` leads out of the step's folder: copy the file into the folder");
        return Err(Unfit::Broken(error));
    }
    let code = read_text(&file, max).map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            Unfit::Broken(format!("error: the modules have more than {} MiB", MAX_BYTES >> 20))
        }
        _ => Unfit::NoModule(format!("error: cannot read `{path}`: {error}")),
    })?;
    if is_json {
        let json: Result<serde::de::IgnoredAny, _> = serde_json::from_str(&code);
        json.map_err(|error| Unfit::Broken(format!("error: {path}:{}:{}: {error}", error.line(), error.column())))?;
    }
    let mut imports = BTreeMap::new();
    for found in IMPORT.iter().filter(|_| !is_json).flat_map(|import| import.captures_iter(&code)) {
        let Some(specifier) = found.get(1).or_else(|| found.get(2)) else { continue };
        if let Ok(imported) = resolve(dir, &path, specifier.as_str()) {
            imports.insert(specifier.as_str().to_owned(), imported);
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
        std::fs::create_dir(folder.path().join("lib")).expect("there is room");
        for (path, text) in files {
            std::fs::write(folder.path().join(path), text).expect("there is room");
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
                "import a, { b } from/* c */'./lib/a.js'\nimport\"./c.mjs\";// export default\n  export default await import( // d\n './d.json' )",
            ),
            ("lib/a.ts", "export * from '../step.js'; // from './none.js' from '../e.ts'"),
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
    fn the_place_of_the_step_is_that_of_its_default_export() {
        let place = |code: &str| bundle_of(&[("step.js", code)]).map(|bundle| (bundle.line, bundle.column));
        assert_eq!(place("// export default 1\nexport default 1"), Ok((2, 1)));
        assert_eq!(place("let step;\n  export { step as default }"), Ok((2, 3)));
        assert_eq!(place("\nexport { default } from './impl.js'"), Ok((2, 1)));
        // The runtime reports that there is none.
        assert_eq!(place("export const a = 1"), Ok((1, 1)));
    }

    #[test]
    fn a_file_that_is_no_module_is_left_out_and_the_first_one_is_an_error() {
        let bundle = bundle_of(&[
            ("step.js", "// from './words.txt' and from './numbers.json'\nexport default 1"),
            ("words.txt", "a"),
            ("numbers.json", "[1]"),
        ]);
        let paths: Vec<String> = bundle.expect("it is a step").modules.into_iter().map(|module| module.path).collect();
        assert_eq!(paths, ["numbers.json", "step.js"]);
        let broken = bundle_of(&[("step.js", "import './d.json'"), ("d.json", "[1,]")]);
        assert!(broken.is_err_and(|error| error.contains("d.json:1:4")));
        assert!(bundle_of(&[]).is_err_and(|error| error.contains("cannot read `step.js`")));
        let large = "/".repeat(9 << 20);
        let both = [("step.js", &*format!("import './lib/a.js'; //{large}")), ("lib/a.js", &*large)];
        assert!(bundle_of(&both).is_err_and(|error| error.contains("more than 16 MiB")));
    }

    #[test]
    fn a_link_out_of_the_folder_is_not_read() {
        let folder = tempfile::tempdir().expect("there is room");
        let step = folder.path().join("step");
        std::fs::create_dir(&step).expect("there is room");
        std::fs::write(folder.path().join("secret.json"), "{\"key\":1}").expect("there is room");
        std::fs::write(step.join("step.js"), "import key from './key.json'").expect("there is room");
        std::os::unix::fs::symlink("../secret.json", step.join("key.json")).expect("there is room");
        let text = || "a".to_owned();
        let project = Project { name: text(), version: text(), summary: text(), main: "step.js".into() };
        let error = bundle(&step, project).expect_err("it is outside").to_string();
        assert!(error.contains("`key.json` leads out of the step's folder"), "{error}");
    }
}
