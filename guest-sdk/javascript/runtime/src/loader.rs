//! Loads the modules of a step, which the host has found already.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use boa_engine::module::{Module, ModuleLoader, ModuleRequest, Referrer};
use boa_engine::{Context, JsError, JsNativeError, JsResult, JsString, Source};

use crate::bundle::Bundle;
use crate::globals::PRELUDE;
use crate::json::Json;
use crate::json_value::to_js;
use crate::typescript::{self, Mistake};

/// The module of the SDK.
const SDK: &str = "stillbox";

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
        let source = Source::from_bytes(include_str!("sdk.js")).with_path(Path::new(PRELUDE));
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
        let (_, ending) = path.rsplit_once('.').unwrap_or_default();
        let module = if ending == "json" {
            let json = Json::parse(&text.code.to_std_string_lossy());
            let json = json.map_err(|error| JsNativeError::syntax().with_message(format!("{path}: {error}")))?;
            let value = to_js(&json, context)?;
            Module::from_value_as_default(value, context)
        } else {
            let units = match ending {
                "ts" | "mts" => without_types(&text.code.to_std_string_lossy(), path)?.encode_utf16().collect(),
                _ => text.code.to_vec(),
            };
            let source = Source::from_utf16(&units).with_path(Path::new(path));
            Module::parse(source, None, context).map_err(|error| in_file(&error, path))?
        };
        self.loaded.borrow_mut().insert(path.to_owned(), module.clone());
        Ok(module)
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
        let (line, column) = place(&code, &specifier);
        Err(JsNativeError::syntax()
            .with_message(format!(
                "{from}: cannot import `{specifier}`: a step can import \"stillbox\" and files of its folder that it names in a literal, \
                 such as \"./words.js\"; bundle a package of npm into one such file at line {line}, col {column}"
            ))
            .into())
    }
}

/// Returns the line and the column of a text in quotation marks, both from 1.
fn place(code: &str, text: &str) -> (usize, usize) {
    let found = ['"', '\''].iter().find_map(|quote| code.find(&format!("{quote}{text}{quote}")));
    let before = &code[..found.unwrap_or_default()];
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

/// Returns a module without the types of TypeScript.
fn without_types(source: &str, path: &str) -> JsResult<String> {
    typescript::without_types(source).map_err(|Mistake { line, column, message }| {
        JsNativeError::syntax().with_message(format!("{path}: {message} at line {line}, col {column}")).into()
    })
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
