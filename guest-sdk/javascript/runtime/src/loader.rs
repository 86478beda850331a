//! Loads the modules of a step, which the host has found already.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use boa_engine::module::{Module, ModuleLoader, ModuleRequest, Referrer};
use boa_engine::{Context, JsError, JsNativeError, JsResult, JsString, Source};
use stillbox_js_engine::{Thrown, syntax_position};

use crate::bundle::Bundle;
use crate::globals::PRELUDE;
use crate::imports::{exported_names, imports, imports_of_name, second_default_export, unresolved};
use crate::json::Json;
use crate::json_value::to_js;
use crate::places::syntax_mistake;
use crate::typescript::{self, Mistake};

/// The module of the SDK.
const SDK: &str = "stillbox";

/// Its code.
const SDK_CODE: &str = include_str!("sdk.js");

/// The modules that were loaded.
#[derive(Debug)]
pub(crate) struct Loader {
    pub(crate) bundle: Rc<Bundle>,
    loaded: RefCell<BTreeMap<String, Module>>,
}

impl Loader {
    pub(crate) fn new(bundle: Rc<Bundle>) -> Rc<Self> {
        Rc::new(Self { bundle, loaded: RefCell::default() })
    }

    /// Returns the module of the SDK.
    pub(crate) fn sdk(&self, context: &mut Context) -> JsResult<Module> {
        if let Some(module) = self.loaded.borrow().get(SDK) {
            return Ok(module.clone());
        }
        let source = Source::from_bytes(SDK_CODE).with_path(Path::new(PRELUDE));
        let module = Module::parse(source, None, context)?;
        self.loaded.borrow_mut().insert(SDK.to_owned(), module.clone());
        Ok(module)
    }

    /// Returns the module with a path.
    pub(crate) fn module(&self, path: &str, context: &mut Context) -> JsResult<Module> {
        if let Some(module) = self.loaded.borrow().get(path) {
            return Ok(module.clone());
        }
        let not_found = || JsError::from(JsNativeError::typ().with_message(format!("there is no module `{path}`")));
        let text = self.bundle.modules.get(path).ok_or_else(not_found)?;
        let module = if ending(path) == "json" {
            let json = Json::parse(&text.code.to_std_string_lossy());
            let json = json.map_err(|error| JsNativeError::syntax().with_message(format!("{path}: {error}")))?;
            let value = to_js(&json, context)?;
            Module::from_value_as_default(value, context)
        } else {
            let units = if is_typescript(path) {
                let code = typescript::without_types(&text.code.to_std_string_lossy());
                code.map_err(|mistake| syntax_error(path, &mistake))?.encode_utf16().collect()
            } else {
                text.code.to_vec()
            };
            let source = Source::from_utf16(&units).with_path(Path::new(path));
            Module::parse(source, None, context).map_err(|error| self.parse_error(&error, path))?
        };
        self.loaded.borrow_mut().insert(path.to_owned(), module.clone());
        Ok(module)
    }

    /// Returns the error of a module that the engine cannot parse.
    fn parse_error(&self, error: &JsError, path: &str) -> JsError {
        let code = self.bundle.modules.get(path).map(|module| module.code.to_std_string_lossy()).unwrap_or_default();
        match second_default_export(&code, is_typescript(path)) {
            Some(at) => {
                let message = "a module has one default export, and this is another one: a folder has one step, which is the default \
                               export of its first module";
                syntax_error(path, &Mistake::new(&code, at, message.to_owned()))
            }
            // The engine knows no place of a text or a bracket that is not closed.
            None if !is_typescript(path) && syntax_position(Thrown::new(error).message()).is_none() => {
                syntax_mistake(&code).map_or_else(|| in_file(error, path), |mistake| syntax_error(path, &mistake))
            }
            None => in_file(error, path),
        }
    }

    /// Names the import in the error of a name that a module does not export, which the engine does not.
    pub(crate) fn at_import(&self, error: JsError) -> JsError {
        let name = {
            let thrown = Thrown::new(&error);
            let name = thrown.message().strip_prefix("SyntaxError: could not find export `");
            name.and_then(|name| name.strip_suffix('`')).map(str::to_owned)
        };
        name.and_then(|name| self.missing_export(&name)).unwrap_or(error)
    }

    fn missing_export(&self, name: &str) -> Option<JsError> {
        self.bundle.modules.iter().find_map(|(path, module)| {
            let code = module.code.to_std_string_lossy();
            let mut imports = imports_of_name(&code, is_typescript(path), name).into_iter();
            let (specifier, names, at) = imports.find_map(|(specifier, at)| {
                let exported = match module.imports.get(&specifier) {
                    Some(from) if ending(from) == "json" => Some(vec!["default".to_owned()]),
                    Some(from) => {
                        exported_names(&self.bundle.modules.get(from)?.code.to_std_string_lossy(), is_typescript(from))
                    }
                    None if specifier == SDK => exported_names(SDK_CODE, false),
                    None => None,
                };
                exported.filter(|names| !names.iter().any(|other| other == name)).map(|names| (specifier, names, at))
            })?;
            let names = match &*names {
                [] => "nothing".to_owned(),
                names => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
            };
            let message = format!("`{specifier}` has no export `{name}`; it exports {names}");
            Some(syntax_error(path, &Mistake::new(&code, at, message)))
        })
    }

    fn resolve(&self, referrer: &Referrer, specifier: &JsString, context: &mut Context) -> JsResult<Module> {
        let specifier = specifier.to_std_string_lossy();
        if specifier == SDK {
            return self.sdk(context);
        }
        let from = referrer.path().map_or_else(PathBuf::new, Path::to_path_buf).to_string_lossy().into_owned();
        let module = self.bundle.modules.get(&from);
        if let Some(path) = module.and_then(|module| module.imports.get(&specifier)) {
            return self.module(path, context);
        }
        let code = module.map(|module| module.code.to_std_string_lossy()).unwrap_or_default();
        let found = imports(&code, is_typescript(&from)).into_iter().find(|(other, _)| *other == specifier);
        let at = found.map_or_else(|| find_text(&code, &specifier), |(_, at)| at);
        Err(syntax_error(&from, &unresolved(&specifier, &code, at)))
    }

    /// Parses all modules that the first one imports, directly or not, with those of `import(…)`.
    ///
    /// # Errors
    /// One of them has a mistake of syntax, or imports what is not there.
    pub(crate) fn check(&self, context: &mut Context) -> JsResult<()> {
        let mut left = vec![self.bundle.main.clone()];
        let mut seen = BTreeSet::new();
        while let Some(path) = left.pop() {
            if !seen.insert(path.clone()) {
                continue;
            }
            self.module(&path, context)?;
            let Some(module) = self.bundle.modules.get(&path).filter(|_| ending(&path) != "json") else { continue };
            let code = module.code.to_std_string_lossy();
            for (specifier, at) in imports(&code, is_typescript(&path)) {
                match module.imports.get(&specifier) {
                    Some(imported) => left.push(imported.clone()),
                    None if specifier == SDK => {}
                    None => return Err(syntax_error(&path, &unresolved(&specifier, &code, at))),
                }
            }
        }
        Ok(())
    }
}

/// Returns the place of a text in quotation marks.
fn find_text(code: &str, text: &str) -> usize {
    let found = ['"', '\''].iter().find_map(|quote| code.find(&format!("{quote}{text}{quote}")));
    found.unwrap_or_default()
}

/// Returns whether a module has types.
pub(crate) fn is_typescript(path: &str) -> bool {
    matches!(ending(path), "ts" | "mts")
}

fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// An error that begins with the file and ends with the place, as the engine's own.
fn syntax_error(path: &str, Mistake { line, column, message }: &Mistake) -> JsError {
    JsNativeError::syntax().with_message(format!("{path}: {message} at line {line}, col {column}")).into()
}

/// Names the file in a syntax error, which the engine does not.
fn in_file(error: &JsError, path: &str) -> JsError {
    match error.as_native() {
        Some(native) => JsNativeError::syntax().with_message(format!("{path}: {}", native.message())).into(),
        None => error.clone(),
    }
}

impl ModuleLoader for Loader {
    fn load_imported_module(
        self: Rc<Self>,
        referrer: Referrer,
        request: ModuleRequest,
        context: &RefCell<&mut Context>,
    ) -> impl Future<Output = JsResult<Module>> {
        let result = self.resolve(&referrer, request.specifier(), &mut context.borrow_mut());
        async { result }
    }
}
