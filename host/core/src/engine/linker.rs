//! The imports that a component may have: WASI without access to anything, and the functions for logs and panics.

use wasmtime::component::{Linker, WasmStr};
use wasmtime::{Engine, StoreContextMut};

use super::bindings::{log, types};
use super::capture::PanicReport;
use super::columns;
use super::denied;
use super::drops;
use super::http;
use super::model;
use super::state::State;
use super::waits;
use crate::failure::{Location, LogLevel, MESSAGE_BYTES, TEXT_BYTES};
use crate::text::cut;

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
    linker.instance("stillbox:step/log@0.1.0")?.func_wrap(
        "write",
        |mut store: StoreContextMut<'_, State>, (level, message): (log::Level, WasmStr)| {
            // Read in place, so that a message of 100 MB takes no memory here.
            let text = store.data().log().cut(&message.to_str(&store)?);
            store.data_mut().write_log(level_of(level), text);
            Ok(())
        },
    )?;
    linker.instance("stillbox:step/panic@0.1.0")?.func_wrap(
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
    Ok(linker)
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
