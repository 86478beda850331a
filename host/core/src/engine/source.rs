//! The interface `source`: the source code that a component carries for its interpreter.

use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::state::State;

/// Links the interface.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("stillbox:step/source@0.1.0")?;
    instance.func_wrap("read", |store: StoreContextMut<'_, State>, (): ()| Ok((store.data().source().to_vec(),)))
}
