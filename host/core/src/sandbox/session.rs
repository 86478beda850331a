//! A session: one instance that lives across calls.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use wasmtime::Store;

use super::{CallOptions, FAR_AWAY, Halt, Sandbox, THREAD, classify, until_halted};
use crate::component::Component;
use crate::engine::{CallDeadline, CapturedOutput, Guest, State};
use crate::failure::Failure;
use crate::interrupt::POLL_INTERVAL;

/// One instance and its store, from the first call until it is dropped. The first call instantiates it, within its time
/// limit.
///
/// Every call has the whole `time` and `fuel`; `memory` and `log-bytes` hold for the instance as a whole. After a
/// failure the instance may be in any state, so the caller drops the session.
pub(crate) struct Session {
    store: Store<State>,
    instance: Option<Guest>,
}

impl Session {
    /// Creates a session with these limits, stop and seed.
    pub(crate) fn new(sandbox: &Sandbox, terms: &CallOptions<'_>) -> Self {
        Self { store: sandbox.store(terms), instance: None }
    }

    /// Runs `work` with the instance on this thread.
    ///
    /// # Errors
    /// The failure that ended the call, without step and batch.
    pub(crate) fn call<R>(
        &mut self,
        sandbox: &Sandbox,
        component: &Component,
        terms: &CallOptions<'_>,
        work: impl AsyncFnOnce(&mut Store<State>, &mut Guest) -> wasmtime::Result<R>,
    ) -> Result<R, Box<Failure>> {
        let span = terms.subject.span();
        let started = span.started;
        let now = sandbox.watchdog.at(started);
        let deadline = now.checked_add(terms.limits.time).unwrap_or_else(|| now + FAR_AWAY);
        let Self { store, instance } = self;
        let moving = CallDeadline::new(deadline);
        let (_span, monitored) =
            terms.stop.monitor().begin_call(span, sandbox.engine.weak(), Arc::clone(component.symbols()) as _);
        store.data_mut().begin(moving.clone(), monitored.clone());
        // An engine counts fuel for all steps or for none, and a store starts with none, so a step without a limit gets
        // the maximum. An engine counts whenever a step has a limit.
        if sandbox.counts_fuel {
            store.set_fuel(terms.limits.fuel.unwrap_or(u64::MAX)).expect("the engine counts");
        }
        store.set_epoch_deadline(1);
        let result = if let Some(reason) = terms.stop.reason() {
            Err(Halt::Stopped(reason).into())
        } else {
            let mut watched = sandbox.watchdog.watch(deadline);
            let passed = async {
                sandbox.watchdog.passed(&moving, &mut watched).await;
                moving.pass();
            };
            let _asked = terms.stop.has_poll().then(|| sandbox.watchdog.watch(now + POLL_INTERVAL));
            THREAD.with(|runtime| {
                let mut call = pin!(async {
                    let instance = if let Some(instance) = instance {
                        instance
                    } else {
                        store.data_mut().set_source(component.source().clone());
                        instance.insert(component.pre().instantiate(store).await?)
                    };
                    work(store, instance).await
                });
                let call = poll_fn(|cx| {
                    monitored.set_suspended(false);
                    let polled = call.as_mut().poll(cx);
                    monitored.set_suspended(polled.is_pending());
                    polled
                });
                runtime.block_on(until_halted(terms.stop, passed, call))
            })
        };
        store.data().end();
        // One bulk instruction, or the copy of its output, may have taken the guest past its deadline.
        let is_late = || moving.get().is_some_and(|deadline| sandbox.watchdog.now() >= deadline);
        let result = result.and_then(|answer| if is_late() { Err(Halt::Timeout.into()) } else { Ok(answer) });
        result.map_err(|error| Box::new(classify::from_error(&error, store, component, terms, started.elapsed())))
    }

    /// Sets the number of the batch that the instance processes next.
    pub(crate) fn set_batch(&mut self, batch: u64) {
        self.store.data_mut().set_batch(batch);
    }

    /// Returns the captured output of all calls so far.
    pub(crate) fn captured(&self) -> &CapturedOutput {
        self.store.data().captured()
    }

    /// Returns the peak of the instance's linear memory so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.store.data().peak_memory()
    }

    /// Returns the state of the store.
    #[cfg(test)]
    pub(crate) fn state(&self) -> &State {
        self.store.data()
    }

    /// Ends the session, and returns the captured output.
    pub(crate) fn into_captured(self) -> CapturedOutput {
        self.store.into_data().into_captured()
    }
}
