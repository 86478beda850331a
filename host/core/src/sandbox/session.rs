//! A session: one instance that lives across calls.

use std::time::Instant;

use wasmtime::Store;

use super::{CallOptions, FAR_AWAY, Halt, Sandbox, THREAD, classify, until_halted};
use crate::component::Component;
use crate::engine::{CapturedOutput, State, bindings};
use crate::failure::Failure;

/// One instance and its store, from its first call until it is dropped. It is made in the first call, within the time of
/// that call.
///
/// Every call has the whole `time` and `fuel`; `memory` and `log-bytes` hold for the instance as a whole. After a failure
/// the instance may be in any state, so whoever gets one drops the session.
pub(crate) struct Session {
    store: Store<State>,
    instance: Option<bindings::Step>,
}

impl Session {
    /// A session with these terms' limits, stop and seed.
    pub(crate) fn new(sandbox: &Sandbox, terms: &CallOptions<'_>) -> Self {
        Self { store: sandbox.store(terms), instance: None }
    }

    /// Does work with the instance on this thread.
    ///
    /// # Errors
    /// Whatever ended the call before `work` was done, as a failure that names neither step nor batch yet.
    pub(crate) fn call<R>(
        &mut self,
        sandbox: &Sandbox,
        component: &Component,
        terms: &CallOptions<'_>,
        work: impl AsyncFnOnce(&mut Store<State>, &bindings::Step) -> wasmtime::Result<R>,
    ) -> Result<R, Box<Failure>> {
        let started = Instant::now();
        let deadline = started.checked_add(terms.limits.time).unwrap_or_else(|| started + FAR_AWAY);
        let Self { store, instance } = self;
        store.data_mut().begin(deadline);
        // An engine counts for all steps or for none, and a store begins with nothing, so a step without a limit gets all
        // there is. An engine is made to count whenever a step has a limit.
        if sandbox.counts_fuel {
            store.set_fuel(terms.limits.fuel.unwrap_or(u64::MAX)).expect("the engine counts");
        }
        store.set_epoch_deadline(1);
        let result = if let Some(reason) = terms.stop.reason() {
            Err(Halt::Stopped(reason).into())
        } else {
            let _watched = sandbox.watchdog.watch(deadline);
            THREAD.with(|runtime| {
                runtime.block_on(until_halted(terms.stop, deadline, async {
                    let instance = match instance {
                        Some(instance) => &*instance,
                        None => instance.insert(component.pre().instantiate_async(&mut *store).await?),
                    };
                    work(store, instance).await
                }))
            })
        };
        result
            .map_err(|error| Box::new(classify::from_error(&error, store.data(), component, terms, started.elapsed())))
    }

    /// What the guest said in all calls so far.
    pub(crate) fn captured(&self) -> &CapturedOutput {
        self.store.data().captured()
    }

    /// What the guest said, and no more calls.
    pub(crate) fn into_captured(self) -> CapturedOutput {
        self.store.into_data().into_captured()
    }
}
