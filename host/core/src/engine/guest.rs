//! The functions that a step exports: found once for a component, and checked when the first instance calls them.
//!
//! The generated bindings look all of them up and compare their types in every instance, which takes a tenth of the time of a
//! small one.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// The functions of a component.
struct Exports {
    manifest: Export<(), Manifested>,
    bind: Export<(&'static str,), Bound>,
    process: Export<(Batch<'static>,), Processed>,
    finish: Export<(), Finished>,
}

/// A function of a component, with the types that the contract has for it.
struct Export<P, R> {
    index: ComponentExportIndex,
    /// Whether the component's function is known to have these types.
    is_checked: AtomicBool,
    types: PhantomData<fn() -> (P, R)>,
}

/// A component that is linked, and has the functions of a step.
pub(crate) struct GuestPre {
    instance: InstancePre<State>,
    exports: Arc<Exports>,
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
        Ok(Self { instance, exports: Arc::new(exports) })
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
        Ok(Guest { instance, exports: Arc::clone(&self.exports), process: None })
    }
}

impl Exports {
    fn find(component: &Component) -> Option<Self> {
        let interface = component.get_export_index(None, GUEST)?;
        let function = |name| component.get_export_index(Some(&interface), name);
        Some(Self {
            manifest: Export::new(function("manifest")?),
            bind: Export::new(function("bind")?),
            process: Export::new(function("process")?),
            finish: Export::new(function("finish")?),
        })
    }
}

impl<P, R> Export<P, R>
where
    P: ComponentNamedList + Lower,
    R: ComponentNamedList + Lift,
{
    fn new(index: ComponentExportIndex) -> Self {
        Self { index, is_checked: AtomicBool::new(false), types: PhantomData }
    }

    /// Returns the function of an instance of the component.
    ///
    /// # Errors
    /// Its types are not those of the contract.
    #[expect(
        unsafe_code,
        reason = "comparing the types takes a twelfth of a small instance's time, and all instances have the same"
    )]
    fn of(&self, instance: Instance, store: &mut Store<State>) -> wasmtime::Result<TypedFunc<P, R>> {
        if !self.is_checked.load(Ordering::Relaxed) {
            let function = instance.get_typed_func(store, self.index)?;
            self.is_checked.store(true, Ordering::Relaxed);
            return Ok(function);
        }
        let function = instance.get_func(store, self.index);
        let function = function.ok_or_else(|| wasmtime::format_err!("{GUEST} has not all functions"))?;
        // SAFETY: `get_func` finds an index only in instances of the component that it is of, and another instance of this component had the
        // function with these types. They have no resources, so all instances have the same.
        Ok(unsafe { TypedFunc::new_unchecked(function) })
    }
}

/// An instance of a step.
pub(crate) struct Guest {
    instance: Instance,
    /// Those of the same component.
    exports: Arc<Exports>,
    /// The function for batches, once it was called: an instance may process many.
    process: Option<TypedFunc<(Batch<'static>,), Processed>>,
}

impl Guest {
    /// Calls `manifest`, after checking the types of all functions. It is the first call of a component.
    ///
    /// # Errors
    /// The types are not those of the contract, or the call ends early.
    pub(crate) async fn manifest(&self, store: &mut Store<State>) -> wasmtime::Result<Manifest> {
        let Self { instance, exports, .. } = self;
        let manifest = exports.manifest.of(*instance, store)?;
        exports.bind.of(*instance, store)?;
        exports.process.of(*instance, store)?;
        exports.finish.of(*instance, store)?;
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
        let bind = self.exports.bind.of(self.instance, store)?;
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
            None => *self.process.insert(self.exports.process.of(self.instance, store)?),
        };
        Ok(process.call_async(store, (batch,)).await?.0)
    }

    /// Calls `finish`.
    ///
    /// # Errors
    /// See [`bind`](Self::bind).
    pub(crate) async fn finish(&self, store: &mut Store<State>) -> wasmtime::Result<Result<Option<Output>, StepError>> {
        let finish = self.exports.finish.of(self.instance, store)?;
        Ok(finish.call_async(store, ()).await?.0)
    }
}
