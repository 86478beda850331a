//! The interface `wasi:http` of a component.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, WasiHttpCtxView, WasiHttpView};

use super::state::State;

/// Versions of the interfaces. The linker matches a component's own 0.2 version to them.
const HTTP: &str = "wasi:http/types@0.2.12";
const ERROR: &str = "wasi:io/error@0.2.12";

/// Links the interface. Its requests are denied without a grant.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    // wasmtime looks for another type than the one that it puts into a stream, so it finds no code there.
    linker.instance(HTTP)?.func_wrap(
        "http-error-code",
        |mut store: StoreContextMut<'_, State>, (error,): (Resource<wasmtime::Error>,)| {
            let error = store.data_mut().http().table.get(&error)?;
            Ok((error.downcast_ref::<Error>().map(code),))
        },
    )?;
    // With a backtrace of the host, as wasmtime has it, it would be of no use to a step, and none of its business.
    linker.instance(ERROR)?.func_wrap(
        "[method]error.to-debug-string",
        |mut store: StoreContextMut<'_, State>, (error,): (Resource<wasmtime::Error>,)| {
            let error = store.data_mut().http().table.get(&error)?;
            Ok((format!("{error:#}"),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let (http, table) = self.http_and_table();
        http.view(table)
    }
}

/// The code of an error that ended the body of a response.
fn code(error: &Error) -> ErrorCode {
    match error {
        Error::HttpResponseBodySize(size) => ErrorCode::HttpResponseBodySize(*size),
        Error::HttpResponseHeaderSectionSize(size) => ErrorCode::HttpResponseHeaderSectionSize(*size),
        Error::HttpResponseTimeout => ErrorCode::HttpResponseTimeout,
        Error::HttpResponseIncomplete => ErrorCode::HttpResponseIncomplete,
        Error::ConnectionReadTimeout => ErrorCode::ConnectionReadTimeout,
        Error::ConnectionTerminated => ErrorCode::ConnectionTerminated,
        Error::HttpRequestBodySize(size) => ErrorCode::HttpRequestBodySize(*size),
        _ => ErrorCode::HttpProtocolError,
    }
}
