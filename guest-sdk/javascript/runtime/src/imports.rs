//! The imports of a module, which the engine resolves only when it loads them.

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_span::SourceType;

use crate::typescript::{MAX_DEPTH, Mistake, first_too_deep};

/// Returns the literal specifiers of the imports of a module, those of `import(…)` among them, with their places. None if the module
/// cannot be parsed, which is an error of the engine's own parser.
pub(crate) fn imports(source: &str, is_typescript: bool) -> Vec<(String, usize)> {
    if first_too_deep(source, MAX_DEPTH).is_some() {
        return Vec::new();
    }
    let allocator = Allocator::default();
    let source_type = if is_typescript { SourceType::ts() } else { SourceType::mjs() };
    let parsed = Parser::new(&allocator, source, source_type).parse();
    let record = parsed.module_record;
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

/// Returns a text without its quotation marks. Nothing if it is another expression, or has escapes.
fn literal(text: &str) -> Option<&str> {
    let inner = ['"', '\'', '`'].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote))?;
    (!inner.contains(['"', '\'', '`', '\\', '$'])).then_some(inner)
}

/// An import that cannot be resolved.
pub(crate) fn unresolved(specifier: &str, source: &str, at: usize) -> Mistake {
    Mistake::new(
        source,
        at,
        format!(
            "cannot import `{specifier}`: a step can import \"stillbox\" and files of its folder that it names in a literal, such as \
             \"./words.js\"; bundle a package of npm into one such file"
        ),
    )
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
}
