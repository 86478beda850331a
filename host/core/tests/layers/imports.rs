//! The modules of a crate and the paths that their sources name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The names of a module and of the modules around it, from the outside.
pub(crate) type ModulePath = Vec<String>;

/// The modules of a crate, without its root and without modules of tests.
pub(crate) struct Modules {
    /// The paths that each module names, as written: `["super", "text", "cut"]`.
    named: BTreeMap<ModulePath, Vec<ModulePath>>,
}

impl Modules {
    /// Reads the sources of a crate.
    pub(crate) fn read(source: &Path) -> Self {
        let mut named = BTreeMap::new();
        for file in rust_files(source) {
            let path = file.strip_prefix(source).expect("the file is in the folder that was listed").with_extension("");
            let module: ModulePath = path.iter().map(|name| name.to_string_lossy().into_owned()).collect();
            if module != ["lib"] && module != ["main"] {
                named.insert(module, paths(&fs::read_to_string(&file).expect("the sources are readable")));
            }
        }
        Self { named }
    }

    /// All modules.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &ModulePath> {
        self.named.keys()
    }

    /// Every pair of a module and a module that it imports.
    pub(crate) fn imports(&self) -> impl Iterator<Item = (&ModulePath, &ModulePath)> {
        let imports = |(module, named): (_, &'_ Vec<ModulePath>)| -> Vec<_> {
            named.iter().filter_map(|path| Some((module, self.resolve(module, path)?))).collect()
        };
        self.named.iter().flat_map(imports)
    }

    /// Returns the module that a path in `module` leads to. `None` for items of the root.
    fn resolve(&self, module: &ModulePath, path: &[String]) -> Option<&ModulePath> {
        let mut found = module.clone();
        let mut rest = path;
        while let Some((first, after)) = rest.split_first() {
            match first.as_str() {
                "crate" => found.clear(),
                "self" => {}
                "super" => drop(found.pop()),
                _ => break,
            }
            rest = after;
        }
        for name in rest {
            let inner: ModulePath = found.iter().chain([name]).cloned().collect();
            found = if self.named.contains_key(&inner) {
                inner
            } else if let Some(origin) = self.re_export(&found, name) {
                origin
            } else {
                break;
            };
        }
        self.named.get_key_value(&found).map(|(module, _)| module)
    }

    /// Returns the inner module from which a module re-exports a name.
    fn re_export(&self, module: &ModulePath, name: &str) -> Option<ModulePath> {
        let inner = self.named.get(module)?.iter().find_map(|path| match path.as_slice() {
            [keyword, inner, .., last] if keyword == "self" && last == name => Some(inner),
            _ => None,
        })?;
        let origin: ModulePath = module.iter().chain([inner]).cloned().collect();
        self.named.contains_key(&origin).then_some(origin)
    }
}

/// The source files in a folder, without files of tests.
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

/// The paths in some source text that begin with `crate`, `self` or `super`. Paths of a `use` that begin with another name
/// may be of an inner module; these are returned with `self` before them.
fn paths(text: &str) -> Vec<ModulePath> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
    let mut found = Vec::new();
    for statement in code.split("\nuse ").skip(1).chain(code.split(" use ").skip(1)) {
        let tree = statement.split(';').next().unwrap_or("");
        found.extend(expand(tree).into_iter().map(|path| match path.first().map(String::as_str) {
            Some("crate" | "self" | "super") => path,
            _ => ["self".to_owned()].into_iter().chain(path).collect(),
        }));
    }
    for keyword in ["crate::", "super::"] {
        for (start, _) in code.match_indices(keyword) {
            let is_whole = !code[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
            if is_whole {
                found.extend(expand(&code[start..]));
            }
        }
    }
    found
}

/// Returns the paths of a tree such as `a::{b, c::d}`. Text after the tree is ignored.
fn expand(tree: &str) -> Vec<ModulePath> {
    let tree = tree.trim_start();
    let end = tree.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').unwrap_or(tree.len());
    let (path, rest) = tree.split_at(end);
    let path: ModulePath = path.split("::").filter(|name| !name.is_empty()).map(ToOwned::to_owned).collect();
    let Some(list) = rest.strip_prefix('{').filter(|_| tree[..end].ends_with("::")) else { return vec![path] };
    let inner = elements(list).into_iter().flat_map(expand);
    // `self` in a list is the module before the list.
    let inner = inner.map(|inner| inner.into_iter().filter(|name| name != "self").collect::<ModulePath>());
    inner.map(|inner| path.iter().cloned().chain(inner).collect()).collect()
}

/// Splits a list in braces, whose first brace is left out, at its own commas.
fn elements(list: &str) -> Vec<&str> {
    let (mut elements, mut depth, mut start) = (Vec::new(), 0, 0);
    for (index, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' => {
                elements.push(&list[start..index]);
                break;
            }
            ',' if depth == 0 => {
                elements.push(&list[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    elements.retain(|element| !element.trim().is_empty());
    elements
}

#[test]
fn paths_are_found_in_trees_and_in_code_and_not_in_comments_or_tests() {
    let text = "use crate::plan::{Plan, step::{self, Step}};\npub use inner::Item;\n// crate::runs\n\
                fn f() { super::text::g() }\n#[cfg(test)]\nmod tests { use crate::stage::Stage; }\n";
    let mut found: Vec<String> = paths(text).iter().map(|path| path.join("::")).collect();
    found.sort();
    found.dedup();
    let expected =
        ["crate::plan::Plan", "crate::plan::step", "crate::plan::step::Step", "self::inner::Item", "super::text::g"];
    assert_eq!(found, expected);
}

#[test]
fn a_path_to_a_re_export_leads_to_the_module_of_the_item() {
    let module = |path: &str| -> ModulePath { path.split("::").map(ToOwned::to_owned).collect() };
    let mut named: BTreeMap<ModulePath, Vec<ModulePath>> =
        ["plan", "plan::step", "stage"].map(|path| (module(path), Vec::new())).into();
    named.insert(module("plan"), paths("\npub(crate) use step::Step;\n"));
    let modules = Modules { named };
    let resolve = |from: &str, path: &str| modules.resolve(&module(from), &module(path)).map(|path| path.join("::"));
    assert_eq!(resolve("stage", "crate::plan::Step").as_deref(), Some("plan::step"));
    assert_eq!(resolve("stage", "crate::plan::Plan").as_deref(), Some("plan"));
    assert_eq!(resolve("plan::step", "super::Plan").as_deref(), Some("plan"));
    assert_eq!(resolve("stage", "crate::Failure"), None);
}
