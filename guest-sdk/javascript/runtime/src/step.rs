//! Loads the modules of a step, and finds its definition.

use std::rc::Rc;

use boa_engine::module::Module;
use boa_engine::{JsError, JsNativeError, JsObject, JsResult, js_string};

use crate::bindings::exports::stillbox::step::guest::StepManifest;
use crate::bindings::stillbox::step::source;
use crate::bindings::stillbox::step::types::{ErrorKind, Location, StepError};
use crate::bundle::Bundle;
use crate::context::Engine;
use crate::definition::Definition;
use crate::failure::{ErrorClasses, has_prototype, internal};
use crate::loader::Loader;
use crate::reading::get;

/// The classes of the SDK that the runtime creates and recognises.
#[derive(Debug)]
pub(crate) struct Classes {
    pub(crate) errors: ErrorClasses,
    /// The prototype of `Rows`.
    pub(crate) rows: JsObject,
    /// The class `Batch`.
    pub(crate) batch: JsObject,
    /// The function `resolve`.
    pub(crate) resolve: JsObject,
    step: JsObject,
}

/// A step whose modules have run.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) engine: Engine,
    loader: Rc<Loader>,
    pub(crate) bundle: Rc<Bundle>,
    pub(crate) classes: Classes,
    pub(crate) definition: Definition,
}

impl Loaded {
    /// Starts the engine, and runs the modules of the step.
    ///
    /// # Errors
    /// A module throws, or exports no step.
    pub(crate) fn load() -> Result<Self, StepError> {
        let bundle = Rc::new(Bundle::parse(&source::read()).map_err(internal)?);
        let loader = Loader::new(Rc::clone(&bundle));
        let broken = |error: JsError| internal(format!("cannot start the engine: {error}"));
        let mut engine = Engine::new(Rc::clone(&loader)).map_err(broken)?;
        let sdk = loader.sdk(&mut engine.context).map_err(broken)?;
        engine.run_module(&sdk).map_err(broken)?;
        let classes = Classes::find(&sdk, &mut engine).map_err(broken)?;
        let definition = read_definition(&loader, &classes, &mut engine).map_err(|error| {
            let mut described = classes.errors.describe(&error, ErrorKind::Internal, &bundle);
            if described.location.is_none() {
                described.location = Some(bundle.place());
            }
            described
        })?;
        Ok(Self { engine, loader, bundle, classes, definition })
    }

    /// Asks for the columns, if they depend on the parameters.
    ///
    /// # Errors
    /// The code throws, or returns no columns.
    pub(crate) fn resolve(&mut self, parameters: &JsObject) -> Result<(), StepError> {
        let Some(step) = self.definition.unresolved.take() else { return Ok(()) };
        let arguments = [step.into(), parameters.clone().into()];
        let step = self.engine.call(&self.classes.resolve, &boa_engine::JsValue::undefined(), &arguments);
        let definition = step.and_then(|step| {
            let step = step.to_object(&mut self.engine.context)?;
            Definition::read(&step, &mut self.engine.context)
        });
        self.definition =
            definition.map_err(|error| self.classes.errors.describe(&error, ErrorKind::Parameters, &self.bundle))?;
        Ok(())
    }

    /// Returns the manifest, after it has checked the modules that run later.
    ///
    /// # Errors
    /// A module that is imported later has a mistake, or a default is not JSON.
    pub(crate) fn manifest(&mut self) -> Result<StepManifest, StepError> {
        let context = &mut self.engine.context;
        let parameters = self.loader.check(context).and_then(|()| self.definition.schema(context));
        let parameters = parameters.map_err(|error| {
            let error = self.classes.errors.describe(&error, ErrorKind::Internal, &self.bundle);
            let location = error.location.or_else(|| Some(self.bundle.place()));
            StepError { location, ..error }
        })?;
        Ok(StepManifest {
            name: self.bundle.name.clone(),
            version: self.bundle.version.clone(),
            summary: self.definition.summary.clone().unwrap_or_else(|| self.bundle.summary.clone()),
            kind: self.definition.form.kind(),
            parameters,
        })
    }
}

impl Bundle {
    /// The place of the step's definition.
    pub(crate) fn place(&self) -> Location {
        Location { file: self.main.clone(), line: self.line, column: Some(self.column) }
    }
}

impl Engine {
    /// Loads, links and runs a module, and waits until it has run.
    ///
    /// # Errors
    /// It throws, or an import is missing.
    fn run_module(&mut self, module: &Module) -> JsResult<()> {
        let promise = module.load_link_evaluate(&mut self.context);
        self.wait(promise).map(|_| ())
    }
}

fn read_definition(loader: &Loader, classes: &Classes, engine: &mut Engine) -> JsResult<Definition> {
    let main = loader.module(&loader.bundle.main, &mut engine.context)?;
    engine.run_module(&main).map_err(|error| loader.at_import(error))?;
    let step = main.get_value(js_string!("default"), &mut engine.context)?;
    match step.as_object().filter(|step| has_prototype(step, &classes.step)) {
        Some(step) => Definition::read(&step, &mut engine.context),
        None => Err(JsNativeError::typ()
            .with_message(
                "the default export must be a step: `export default transform({ … }, (row, parameters) => …)`, with \
                 `transform`, `transformBatch`, `source` or `aggregate` from \"stillbox\"",
            )
            .into()),
    }
}

impl Classes {
    fn find(sdk: &Module, engine: &mut Engine) -> JsResult<Self> {
        let context = &mut engine.context;
        let missing = || JsError::from(JsNativeError::typ().with_message("a class of the SDK is missing"));
        let mut class = |name: &str| sdk.get_value(js_string!(name), context)?.as_object().ok_or_else(missing);
        let (step_error, drop, rows, batch, step) =
            (class("StepError")?, class("Drop")?, class("Rows")?, class("Batch")?, class("Step")?);
        let resolve = class("resolve")?;
        let kinds = [
            (class("InputError")?, ErrorKind::Input),
            (class("ParameterError")?, ErrorKind::Parameters),
            (class("InternalError")?, ErrorKind::Internal),
            (class("TransientError")?, ErrorKind::Transient),
        ];
        let mut prototype = |class: &JsObject| get(class, "prototype", context)?.as_object().ok_or_else(missing);
        let kinds = kinds.into_iter().map(|(class, kind)| Ok((prototype(&class)?, kind)));
        let kinds = kinds.collect::<JsResult<_>>()?;
        Ok(Self {
            errors: ErrorClasses {
                step_error: prototype(&step_error)?,
                drop: prototype(&drop)?,
                kinds,
                uses: std::cell::RefCell::default(),
            },
            rows: prototype(&rows)?,
            step: prototype(&step)?,
            batch,
            resolve,
        })
    }
}
