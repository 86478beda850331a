//! The interface `drops`: the reasons of the rows that a step drops.

use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker};

use super::drop_reasons::DropReasons;
use super::state::State;

/// `dropped-row` in the contract.
#[derive(Debug, ComponentType, Lift)]
#[component(record)]
struct DroppedRow {
    row: u32,
    reason: String,
}

impl State {
    /// Starts to record the reasons of rows that the current call drops.
    pub(crate) fn record_drop_reasons(&mut self) {
        self.drop_reasons = Some(Box::default());
    }

    /// Returns the reasons of the rows that the call has dropped, and ends their recording.
    pub(crate) fn take_drop_reasons(&mut self) -> DropReasons {
        self.drop_reasons.take().map(|reasons| *reasons).unwrap_or_default()
    }
}

/// Links the interface.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut instance = linker.instance("stillbox:step/drops@0.1.0")?;
    instance.func_wrap("are-recorded", |store: StoreContextMut<'_, State>, (): ()| {
        Ok((store.data().drop_reasons.is_some(),))
    })?;
    instance.func_wrap("explain", |mut store: StoreContextMut<'_, State>, (rows,): (Vec<DroppedRow>,)| {
        let state = store.data_mut();
        let redactor = state.access.as_ref().map(|access| access.redactor());
        if let Some(reasons) = &mut state.drop_reasons {
            for DroppedRow { row, reason } in &rows {
                // Before it is cut, so that no part of a secret stays.
                match redactor {
                    Some(redactor) => reasons.add(*row, &redactor.redact(reason)),
                    None => reasons.add(*row, reason),
                }
            }
        }
        Ok(())
    })
}
