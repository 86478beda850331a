//! The functions that a step exports: found once for a component, and checked when an instance first calls them.
//!
//! The generated bindings look all of them up and compare their types in every instance, which takes a twentieth of the time of a
//! small one. Most instances call `bind` and `process`.

use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower, TypedFunc,
};

use super::bindings::types::{Batch, Manifest, Output, Signature, StepError};
use super::bindings::{GUEST, StepPre};
use super::state::State;

type Manifested = (Manifest,);
type Bound = (Result<Signature, StepError>,);
type Processed = (Result<Output, StepError>,);
type Finished = (Result<Option<Output>, StepError>,);

/// Where the functions are in a component.
#[derive(Debug, Clone, Copy)]
struct Exports {
    manifest: ComponentExportIndex,
    bind: ComponentExportIndex,
    process: ComponentExportIndex,
    finish: ComponentExportIndex,
}

/// A component that is linked, and has the functions of a step.
pub(crate) struct GuestPre {
    instance: InstancePre<State>,
    exports: Exports,
}

impl GuestPre {
    /// Looks up the functions. Their types are checked in [`Guest::manifest`].
    ///
    /// # Errors
    /// One is missing.
    pub(crate) fn new(instance: InstancePre<State>) -> wasmtime::Result<Self> {
        let instance = StepPre::new(instance)?.instance_pre().clone();
        let exports = Exports::find(instance.component());
        let exports = exports.ok_or_else(|| wasmtime::format_err!("{GUEST} has not all functions"))?;
        Ok(Self { instance, exports })
    }

    /// Returns the component.
    pub(crate) fn component(&self) -> &Component {
        self.instance.component()
    }

    /// Creates an instance.
    ///
    /// # Errors
    /// There is no memory for it, or a core module traps while it starts.
    pub(crate) async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Guest> {
        let instance = self.instance.instantiate_async(store).await?;
        Ok(Guest { instance, exports: self.exports, process: None })
    }
}

impl Exports {
    fn find(component: &Component) -> Option<Self> {
        let interface = component.get_export_index(None, GUEST)?;
        let function = |name| component.get_export_index(Some(&interface), name);
        Some(Self {
            manifest: function("manifest")?,
            bind: function("bind")?,
            process: function("process")?,
            finish: function("finish")?,
        })
    }
}

/// An instance of a step.
pub(crate) struct Guest {
    instance: Instance,
    exports: Exports,
    /// The function for batches, once it was called: an instance may process many.
    process: Option<TypedFunc<(Batch<'static>,), Processed>>,
}

impl Guest {
    /// Calls `manifest`, after checking the types of all functions. It is the first call of a component.
    ///
    /// # Errors
    /// The types are not those of the contract, or the call ends early.
    pub(crate) async fn manifest(&self, store: &mut Store<State>) -> wasmtime::Result<Manifest> {
        let manifest = self.function::<(), Manifested>(store, &self.exports.manifest)?;
        self.function::<(&str,), Bound>(store, &self.exports.bind)?;
        self.function::<(Batch<'_>,), Processed>(store, &self.exports.process)?;
        self.function::<(), Finished>(store, &self.exports.finish)?;
        Ok(manifest.call_async(store, ()).await?.0)
    }

    /// Calls `bind`.
    ///
    /// # Errors
    /// The call ends early. The inner error is that of the step.
    pub(crate) async fn bind(
        &self,
        store: &mut Store<State>,
        parameters: &str,
    ) -> wasmtime::Result<Result<Signature, StepError>> {
        let bind = self.function::<(&str,), Bound>(store, &self.exports.bind)?;
        Ok(bind.call_async(store, (parameters,)).await?.0)
    }

    /// Calls `process`.
    ///
    /// # Errors
    /// See [`bind`](Self::bind).
    pub(crate) async fn process(
        &mut self,
        store: &mut Store<State>,
        batch: Batch<'_>,
    ) -> wasmtime::Result<Result<Output, StepError>> {
        let process = match self.process {
            Some(process) => process,
            None => *self.process.insert(self.function(store, &self.exports.process)?),
        };
        Ok(process.call_async(store, (batch,)).await?.0)
    }

    /// Calls `finish`.
    ///
    /// # Errors
    /// See [`bind`](Self::bind).
    pub(crate) async fn finish(&self, store: &mut Store<State>) -> wasmtime::Result<Result<Option<Output>, StepError>> {
        let finish = self.function::<(), Finished>(store, &self.exports.finish)?;
        Ok(finish.call_async(store, ()).await?.0)
    }

    fn function<P, R>(
        &self,
        store: &mut Store<State>,
        export: &ComponentExportIndex,
    ) -> wasmtime::Result<TypedFunc<P, R>>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        self.instance.get_typed_func(store, export)
    }
}
