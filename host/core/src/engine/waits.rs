//! The waits of a guest: `poll` and `block` of WASI, replaced by functions that show the wait in snapshots and traces, and that fail
//! at the deadline of the call, so that the failure has the stack of the guest.
//!
//! The stack of the guest is captured when a wait begins, on its own thread, because no other thread can read it. A function
//! whose result is there at once captures nothing.

use std::borrow::Cow;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use wasmtime::component::{Linker, Resource};
use wasmtime::{AsContext, StoreContextMut, WasmBacktrace};
use wasmtime_wasi::WasiView as _;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::io::poll::{Host as _, HostPollable as _};

use super::state::State;
use crate::monitor::SpanGuard;

/// The interface. The linker matches a component's own 0.2 version to it.
const POLL: &str = "wasi:io/poll@0.2.12";

/// Returns the result of a future that does not borrow the store. The wait for it is shown, unless the result is there at once.
pub(super) async fn shown<T>(
    store: &mut StoreContextMut<'_, State>,
    what: impl FnOnce() -> Cow<'static, str>,
    future: impl Future<Output = T>,
) -> T {
    let mut future = pin!(future);
    if let Some(result) = at_once(future.as_mut()).await {
        return result;
    }
    let _wait = begin(store, what);
    future.await
}

/// Shows a wait that begins now, until the guard is dropped.
fn begin(store: &StoreContextMut<'_, State>, what: impl FnOnce() -> Cow<'static, str>) -> Option<SpanGuard> {
    let call = store.data().monitored()?;
    Some(call.wait(what(), WasmBacktrace::force_capture(store.as_context())))
}

/// Links the functions.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut poll = linker.instance(POLL)?;
    poll.func_wrap_async(
        "poll",
        |mut store: StoreContextMut<'_, State>, (pollables,): (Vec<Resource<DynPollable>>,)| {
            Box::new(async move {
                // A second future replaces the first one, which borrows the store: pollables can be asked again.
                let ready = at_once(store.data_mut().ctx().table.poll(again(&pollables))).await;
                if let Some(ready) = ready {
                    return Ok((ready?,));
                }
                let _wait = begin(&store, || store.data().awaited());
                let deadline = store.data().call_deadline();
                Ok((deadline.or_passed(store.data_mut().ctx().table.poll(pollables)).await??,))
            })
        },
    )?;
    poll.func_wrap_async(
        "[method]pollable.block",
        |mut store: StoreContextMut<'_, State>, (pollable,): (Resource<DynPollable>,)| {
            Box::new(async move {
                let ready = at_once(store.data_mut().ctx().table.block(same(&pollable))).await;
                if let Some(ready) = ready {
                    return ready;
                }
                let _wait = begin(&store, || store.data().awaited());
                let deadline = store.data().call_deadline();
                deadline.or_passed(store.data_mut().ctx().table.block(pollable)).await?
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Returns the result of a future if it is there at once.
async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn again(pollables: &[Resource<DynPollable>]) -> Vec<Resource<DynPollable>> {
    pollables.iter().map(same).collect()
}

fn same(pollable: &Resource<DynPollable>) -> Resource<DynPollable> {
    Resource::new_borrow(pollable.rep())
}
