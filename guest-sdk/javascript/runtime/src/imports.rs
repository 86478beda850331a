//! The imports of a module, which the engine resolves only when it loads them.

use std::collections::BTreeSet;

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_span::SourceType;
use oxc_syntax::module_record::{ExportExportName, ExportImportName, ImportImportName, ModuleRecord};

use crate::typescript::{MAX_DEPTH, Mistake, first_too_deep};

/// The name of a default export.
const DEFAULT: &str = "default";

/// Returns the literal specifiers of the imports of a module, those of `import(…)` among them, with their places. None if the module
/// cannot be parsed, which is an error of the engine's own parser.
pub(crate) fn imports(source: &str, is_typescript: bool) -> Vec<(String, usize)> {
    with_record(source, is_typescript, |record| literal_imports(source, record)).unwrap_or_default()
}

/// Calls a function with the imports and exports of a module. Returns `None` if the module cannot be parsed.
fn with_record<T>(source: &str, is_typescript: bool, read: impl FnOnce(&ModuleRecord<'_>) -> T) -> Option<T> {
    if first_too_deep(source, MAX_DEPTH).is_some() {
        return None;
    }
    let allocator = Allocator::default();
    let source_type = if is_typescript { SourceType::ts() } else { SourceType::mjs() };
    let parsed = Parser::new(&allocator, source, source_type).parse();
    Some(read(&parsed.module_record))
}

fn literal_imports(source: &str, record: &ModuleRecord<'_>) -> Vec<(String, usize)> {
    let mut imports = Vec::new();
    for (specifier, requests) in &record.requested_modules {
        if let Some(request) = requests.iter().find(|request| !request.is_type) {
            imports.push((specifier.to_string(), request.span.start as usize));
        }
    }
    for import in &record.dynamic_imports {
        let (start, end) = (import.module_request.start as usize, import.module_request.end as usize);
        if let Some(specifier) = source.get(start..end).and_then(literal) {
            imports.push((specifier.to_owned(), start));
        }
    }
    imports.sort_by_key(|(_, start)| *start);
    imports
}

/// Returns the place of the second default export of a module, if there is one.
pub(crate) fn second_default_export(source: &str, is_typescript: bool) -> Option<usize> {
    with_record(source, is_typescript, |record| {
        let exports = record.local_export_entries.iter().chain(&record.indirect_export_entries);
        let mut defaults: Vec<u32> = exports
            .filter(|export| match &export.export_name {
                ExportExportName::Default(_) => true,
                ExportExportName::Name(name) => name.name == DEFAULT,
                ExportExportName::Null => false,
            })
            .map(|export| export.statement_span.start)
            .collect();
        defaults.sort_unstable();
        defaults.get(1).map(|start| *start as usize)
    })
    .flatten()
}

/// Returns what the modules are called from which a module imports, or exports again, a name, and the places.
pub(crate) fn imports_of_name(source: &str, is_typescript: bool, name: &str) -> Vec<(String, usize)> {
    let of_name = |record: &ModuleRecord<'_>| {
        let imports =
            record.import_entries.iter().filter(|import| !import.is_type).filter(|import| match &import.import_name {
                ImportImportName::Name(imported) => imported.name == name,
                ImportImportName::Default(_) => name == DEFAULT,
                ImportImportName::NamespaceObject => false,
            });
        let imports =
            imports.map(|import| (import.module_request.name.to_string(), import.statement_span.start as usize));
        let again = record.indirect_export_entries.iter().filter(|export| !export.is_type);
        let again =
            again.filter(|export| matches!(&export.import_name, ExportImportName::Name(from) if from.name == name));
        let again = again.filter_map(|export| {
            Some((export.module_request.as_ref()?.name.to_string(), export.statement_span.start as usize))
        });
        // An import that is exported again is in both lists.
        let found: BTreeSet<(usize, String)> = imports.chain(again).map(|(module, place)| (place, module)).collect();
        found.into_iter().map(|(place, module)| (module, place)).collect()
    };
    with_record(source, is_typescript, of_name).unwrap_or_default()
}

/// Returns the names that a module exports, sorted. `None` if it exports all names of another module, or cannot be parsed.
pub(crate) fn exported_names(source: &str, is_typescript: bool) -> Option<Vec<String>> {
    with_record(source, is_typescript, |record| {
        let mut names: Vec<String> = record.exported_bindings.keys().map(ToString::to_string).collect();
        let exports = record.local_export_entries.iter().chain(&record.indirect_export_entries);
        if exports.into_iter().any(|export| export.export_name.is_default())
            && !names.iter().any(|name| name == DEFAULT)
        {
            names.push(DEFAULT.to_owned());
        }
        names.sort();
        record.star_export_entries.is_empty().then_some(names)
    })
    .flatten()
}

/// Returns a text without its quotation marks. Nothing if it is another expression, or has escapes.
fn literal(text: &str) -> Option<&str> {
    let inner = ['"', '\'', '`'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))?;
    (!inner.contains(['"', '\'', '`', '\\', '$'])).then_some(inner)
}

/// An import that cannot be resolved.
pub(crate) fn unresolved(specifier: &str, source: &str, at: usize) -> Mistake {
    let cause = if specifier.starts_with("./") || specifier.starts_with("../") {
        "the step's folder has no such file whose name ends in .js, .mjs, .ts, .mts or .json, or no `import` of the step names it in a literal"
    } else {
        "a step can import \"stillbox\" and files of its folder that it names in a literal, such as \"./words.js\"; bundle a package of \
         npm into one such file"
    };
    Mistake::new(source, at, format!("cannot import `{specifier}`: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_of_every_form_are_found() {
        let source = "import a, { b } from './a.js'; import type { C } from './c'; export * from \"d\";\n\
                      () => [import('./e.js'), import(`f`), import(g), import('h' + i), import.meta]; // import('j')";
        let found: Vec<String> = imports(source, true).into_iter().map(|(specifier, _)| specifier).collect();
        assert_eq!(found, ["./a.js", "d", "./e.js", "f"]);
        assert_eq!(imports("import(", false), []);
    }

    #[test]
    fn the_second_default_export_has_a_place() {
        let place = |source: &str| second_default_export(source, false);
        assert_eq!(place("export default 1;\nexport const a = 2;"), None);
        assert_eq!(place("export default 1;\n// export default 2;\nexport default 3;"), Some(39));
        assert_eq!(place("const a = 1;\nexport { a as default };\nexport default 2;"), Some(38));
        assert_eq!(place("export default 1;\nexport { default } from './a.js';"), Some(18));
    }

    #[test]
    fn the_imports_of_a_name_and_the_exported_names_are_found() {
        let source = "import { b, c as d } from './a.js';\nimport e from './e.js';\nexport { f } from './f.js';\nexport { d };\nexport default e;";
        let found = |name: &str| imports_of_name(source, false, name);
        assert_eq!(found("c"), [("./a.js".to_owned(), 0)]);
        assert_eq!(found("default"), [("./e.js".to_owned(), 36)]);
        assert_eq!(found("f"), [("./f.js".to_owned(), 60)]);
        assert_eq!(found("d"), []);
        assert_eq!(exported_names(source, false).unwrap_or_default(), ["d", "default", "f"]);
        assert_eq!(exported_names("export * from './a.js';", false), None);
    }
}
