//! Makes a snapshot: calls `bind` in an instance that can reach nothing, and compiles the component with the memory that it left.
//!
//! This is the work of a process of its own. The component is hostile, and `wasmtime-wizer`, which changes it, expects none: a
//! panic, a limit of the process or its end mean that there is no snapshot.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasmparser::{CanonicalFunction, Parser, Payload};
use wasmtime::Store;
use wasmtime_wizer::{ComponentContext, Wizer};

use super::code_moves::CodeMoves;
use super::reader::InstanceReader;
use super::{MadeSnapshot, SnapshotNote, SnapshotRequest};
use crate::component::source;
use crate::engine::{CompileSettings, IMAGE_BYTES, State, bindings, isolated_linker};
use crate::limits::Limits;
use crate::panics::caught;

/// The most bytes of memory of a snapshot: every run that uses it reads as many, and the cache stores them.
const MAX_MEMORY: usize = IMAGE_BYTES as usize;
/// The most bytes of messages, which every instance logs again.
const MAX_LOG: usize = 64 << 10;
/// Room for the page in which the instrumented component returns the address of its memory.
const EXTRA_PAGES: u64 = 1 << 20;

/// Returns the input of a process that makes a snapshot.
pub(in crate::component) fn input(request: &SnapshotRequest, component: &[u8]) -> Bytes {
    with_head(request, component).into()
}

/// Returns the answer of the process.
pub(in crate::component) fn encode(made: &MadeSnapshot) -> Vec<u8> {
    with_head(&made.note, &made.code)
}

/// Parses the answer of the process. Returns `None` if it is malformed.
pub(in crate::component) fn parse(answer: &Bytes) -> Option<MadeSnapshot> {
    let (note, code) = split_head(answer)?;
    Some(MadeSnapshot { note, code: answer.slice_ref(code) })
}

/// Makes the snapshot that the input of a process asks for. Returns `None` if the input is malformed.
pub(in crate::component) fn answer(settings: CompileSettings, input: &[u8]) -> Option<MadeSnapshot> {
    let (request, component) = split_head(input)?;
    Some(make(settings, &request, component))
}

/// Returns a message between the processes: the length of its head, the head as JSON, and a component or its code.
fn with_head(head: &impl Serialize, rest: &[u8]) -> Vec<u8> {
    let head = serde_json::to_vec(head).expect("it has texts and numbers");
    [&(head.len() as u32).to_le_bytes(), &*head, rest].concat()
}

/// Splits a message between the processes. Returns `None` if it is malformed.
fn split_head<T: DeserializeOwned>(message: &[u8]) -> Option<(T, &[u8])> {
    let (length, message) = message.split_first_chunk::<4>()?;
    let (head, rest) = message.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some((serde_json::from_slice(head).ok()?, rest))
}

/// Makes a snapshot, or notes why there is none.
pub(in crate::component) fn make(
    settings: CompileSettings,
    request: &SnapshotRequest,
    component: &[u8],
) -> MadeSnapshot {
    let made = caught(|| try_make(settings, request, component));
    made.unwrap_or_else(|_| Err(wasmtime::Error::msg("it cannot be changed"))).unwrap_or_else(|error| MadeSnapshot {
        note: SnapshotNote { refused: Some(format!("{error:#}")), ..SnapshotNote::default() },
        code: Bytes::new(),
    })
}

fn try_make(settings: CompileSettings, request: &SnapshotRequest, component: &[u8]) -> wasmtime::Result<MadeSnapshot> {
    let (component, source) = source::split(component);
    check_functions(component)?;
    let mut wizer = Wizer::new();
    // Functions of the component are not removed, whatever their names.
    wizer.keep_init_func(true);
    let (context, instrumented) = wizer.instrument_component(component)?;
    let bound = async {
        let (mut store, instance) = bound(settings, request, &instrumented, source).await?;
        let changed = with_memory(&wizer, &context, &mut store, instance).await?;
        Ok::<_, wasmtime::Error>((changed, store.data().captured().logged()))
    };
    let (changed, log) = tokio::runtime::Builder::new_current_thread().build()?.block_on(bound)?;
    let moves = CodeMoves::between(component, &changed);
    let moves = moves.ok_or_else(|| wasmtime::Error::msg("its code would not be the same"))?;
    let code = settings.engine_for_images(IMAGE_BYTES)?.precompile_component(&changed)?;
    Ok(MadeSnapshot { note: SnapshotNote { refused: None, log, moves }, code: code.into() })
}

/// Returns an instance after `bind`.
///
/// # Errors
/// It fails, calls the host for anything but its log, or ran into a limit.
async fn bound(
    settings: CompileSettings,
    request: &SnapshotRequest,
    component: &[u8],
    source: &[u8],
) -> wasmtime::Result<(Store<State>, wasmtime::component::Instance)> {
    let engine = settings.engine()?;
    let component = wasmtime::component::Component::new(&engine, component)?;
    let limits = Limits { memory: request.memory, log_bytes: 2 * MAX_LOG as u64, ..Limits::default() };
    let mut store = Store::new(&engine, State::new(&limits, 0, None, None));
    store.limiter(|state| state.meter());
    store.data_mut().set_source(Bytes::copy_from_slice(source));
    // Nothing increments the epoch: the process ends when its time is over.
    store.set_epoch_deadline(1);
    if settings.counts_fuel() {
        store.set_fuel(u64::MAX)?;
    }
    let linker = isolated_linker(&engine, &component, request.has_variables)?;
    let instance = linker.instantiate_async(&mut store, &component).await?;
    let step = bindings::Step::new(&mut store, &instance)?;
    let answer = step.stillbox_step_guest().call_bind(&mut store, &request.parameters).await?;
    answer.map_err(|error| wasmtime::format_err!("`bind` failed: {}", error.message))?;
    let state = store.data();
    // The host remembers both until the end of the call, so a later failure would have another reason.
    if state.panic().is_some() || state.denied_growth().is_some() {
        return Err(wasmtime::Error::msg("`bind` reported a panic, or ran into the limit on its memory"));
    }
    // Longer logs have lost their begin.
    let logged: usize = state.captured().logged().iter().map(|entry| entry.message.len()).sum();
    if logged > MAX_LOG {
        return Err(wasmtime::format_err!("`bind` logs more than {MAX_LOG} bytes"));
    }
    Ok((store, instance))
}

/// Returns the component with the memory and the globals of the instance.
async fn with_memory(
    wizer: &Wizer,
    context: &ComponentContext<'_>,
    store: &mut Store<State>,
    instance: wasmtime::component::Instance,
) -> wasmtime::Result<Vec<u8>> {
    store.set_hostcall_fuel(usize::MAX);
    store.data_mut().meter().allow(MAX_MEMORY as u64 + EXTRA_PAGES);
    let mut reader = InstanceReader::new(store, instance, MAX_MEMORY);
    let changed = wizer.snapshot_component(context, &mut reader).await;
    reader.finish()?;
    changed
}

/// Checks that the component creates no handles of its own: the host has their table, and it is not in the memory.
fn check_functions(component: &[u8]) -> wasmtime::Result<()> {
    for payload in Parser::new(0).parse_all(component) {
        let Payload::ComponentCanonicalSection(functions) = payload? else { continue };
        for function in functions {
            match function? {
                CanonicalFunction::Lift { .. }
                | CanonicalFunction::Lower { .. }
                | CanonicalFunction::ResourceDrop { .. }
                | CanonicalFunction::ResourceRep { .. } => {}
                other => return Err(wasmtime::format_err!("it has functions that create handles: {other:?}")),
            }
        }
    }
    Ok(())
}
