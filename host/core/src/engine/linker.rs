//! The imports that a component may have: WASI without access to anything, and the functions for logs, panics and exits.

use wasmtime::component::{Component, Linker, WasmStr};
use wasmtime::{Engine, StoreContextMut};

use super::bindings::{log, types};
use super::capture::{PanicReport, ReportedExit};
use super::columns;
use super::denied;
use super::drops;
use super::http;
use super::model;
use super::source;
use super::state::{State, insecure_seed};
use super::waits;
use crate::failure::{Location, LogLevel, MESSAGE_BYTES, TEXT_BYTES};
use crate::text::cut;

/// The interface of WASI that seeds hash maps. The linker matches a component's own 0.2 version to it.
const SEED: &str = "wasi:random/insecure-seed@0.2.12";
/// Start of the name of the interface of WASI that seeds hash maps, in every version that is linked.
const INSECURE_SEED: &str = "wasi:random/insecure-seed@0.2.";
/// Start of the name of the interface of WASI for variables and arguments, which the runtime of Python asks for.
const ENVIRONMENT: &str = "wasi:cli/environment@0.2.";

/// Links everything that a component may import, once for all components of an engine.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    denied::link(&mut linker)?;
    http::link(&mut linker)?;
    waits::link(&mut linker)?;
    columns::link(&mut linker)?;
    drops::link(&mut linker)?;
    model::link(&mut linker)?;
    source::link(&mut linker)?;
    link_messages(&mut linker)?;
    link_seed(&mut linker)?;
    Ok(linker)
}

/// Links the seed of hash maps. Most steps ask for it, and for nothing else of WASI, so their instances need no context of WASI.
fn link_seed(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker.instance(SEED)?.func_wrap("insecure-seed", |_, ()| Ok((insecure_seed(),)))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Links only what `bind` may call in an instance whose state is stored for others: the log, and functions that return the same to
/// every instance: its source code, the seed of hash maps, and the environment of a step that `has_variables` or not. Every other
/// import of the component traps.
pub(crate) fn isolated_linker(
    engine: &Engine,
    component: &Component,
    has_variables: bool,
) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    link_messages(&mut linker)?;
    source::link(&mut linker)?;
    for (name, _) in component.component_type().imports(engine) {
        if name.starts_with(INSECURE_SEED) {
            linker.instance(name)?.func_wrap("insecure-seed", |_, ()| Ok((insecure_seed(),)))?;
        } else if name.starts_with(ENVIRONMENT) && !has_variables {
            let mut environment = linker.instance(name)?;
            environment.func_wrap("get-environment", |_, ()| Ok((Vec::<(String, String)>::new(),)))?;
            environment.func_wrap("get-arguments", |_, ()| Ok((Vec::<String>::new(),)))?;
            environment.func_wrap("initial-cwd", |_, ()| Ok((None::<String>,)))?;
        }
    }
    linker.define_unknown_imports_as_traps(component)?;
    Ok(linker)
}

/// Links the functions for logs, panics and exits.
fn link_messages(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance("stillbox:step/log@0.1.0")?.func_wrap(
        "write",
        |mut store: StoreContextMut<'_, State>, (level, message): (log::Level, WasmStr)| {
            // Read in place, so that a message of 100 MB takes no memory here.
            let text = store.data().log().cut(&message.to_str(&store)?);
            store.data_mut().write_log(level_of(level), text);
            Ok(())
        },
    )?;
    let mut panic = linker.instance("stillbox:step/panic@0.1.0")?;
    panic.func_wrap(
        "report",
        |mut store: StoreContextMut<'_, State>,
         (message, location, row): (WasmStr, Option<types::Location>, Option<u32>)| {
            let message = cut(&message.to_str(&store)?, MESSAGE_BYTES);
            let location = location.map(|place| Location {
                file: cut(&place.file, TEXT_BYTES),
                line: place.line,
                column: place.column,
            });
            store.data_mut().set_panic(PanicReport { message, location, row });
            Ok(())
        },
    )?;
    panic.func_wrap("exit", |_, (status, row): (i32, Option<u32>)| -> wasmtime::Result<()> {
        Err(ReportedExit { status, row }.into())
    })
}

fn level_of(level: log::Level) -> LogLevel {
    match level {
        log::Level::Trace => LogLevel::Trace,
        log::Level::Debug => LogLevel::Debug,
        log::Level::Info => LogLevel::Info,
        log::Level::Warn => LogLevel::Warn,
        log::Level::Error => LogLevel::Error,
    }
}
