//! Reads the memories and globals of an instance that was instrumented for it.

use wasmtime::Store;
use wasmtime::component::{Instance, Lift, WasmList};
use wasmtime_wizer::ComponentInstanceState;

use crate::engine::State;

/// Reads an instance. The trait has no errors, so the first one is stored.
pub(super) struct InstanceReader<'a> {
    store: &'a mut Store<State>,
    instance: Instance,
    /// The most bytes of one memory.
    max_bytes: usize,
    error: Option<wasmtime::Error>,
}

impl<'a> InstanceReader<'a> {
    pub(super) fn new(store: &'a mut Store<State>, instance: Instance, max_bytes: usize) -> Self {
        Self { store, instance, max_bytes, error: None }
    }

    /// # Errors
    /// Something could not be read.
    pub(super) fn finish(self) -> wasmtime::Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    async fn call<R: Lift + Send + Sync + 'static>(&mut self, instance: &str, function: &str) -> wasmtime::Result<R> {
        let missing = || wasmtime::Error::msg("the instrumented component lacks a function");
        let store = &mut *self.store;
        let instance = self.instance.get_export_index(&mut *store, None, instance).ok_or_else(missing)?;
        let function = self.instance.get_export_index(&mut *store, Some(&instance), function).ok_or_else(missing)?;
        let function = self.instance.get_typed_func::<(), (R,)>(&mut *store, function)?;
        Ok(function.call_async(&mut *store, ()).await?.0)
    }

    async fn number<R: Lift + Default + Send + Sync + 'static>(&mut self, instance: &str, function: &str) -> R {
        self.call(instance, function).await.unwrap_or_else(|error| {
            self.error.get_or_insert(error);
            R::default()
        })
    }
}

impl ComponentInstanceState for InstanceReader<'_> {
    async fn call_func_ret_list_u8(&mut self, instance: &str, func: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.call::<WasmList<u8>>(instance, func).await {
            Ok(list) => {
                let bytes = list.as_le_slice(&*self.store);
                if bytes.len() <= self.max_bytes {
                    return contents(bytes);
                }
                let (found, limit) = (bytes.len(), self.max_bytes);
                let error = wasmtime::format_err!("its memory has {found} bytes, and at most {limit} are stored");
                self.error.get_or_insert(error);
            }
            Err(error) => {
                self.error.get_or_insert(error);
            }
        }
        contents(&[]);
    }

    async fn call_func_ret_s32(&mut self, instance: &str, func: &str) -> i32 {
        self.number(instance, func).await
    }

    async fn call_func_ret_s64(&mut self, instance: &str, func: &str) -> i64 {
        self.number(instance, func).await
    }

    async fn call_func_ret_f32(&mut self, instance: &str, func: &str) -> u32 {
        self.number::<f32>(instance, func).await.to_bits()
    }

    async fn call_func_ret_f64(&mut self, instance: &str, func: &str) -> u64 {
        self.number::<f64>(instance, func).await.to_bits()
    }
}
