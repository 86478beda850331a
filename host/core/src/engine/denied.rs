//! Denied interfaces: sockets, name lookups, and files without a granted folder. An attempt to use one is recorded, so that a
//! failure after it can name the missing grant.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::{ip_name_lookup, network, tcp, udp};

use super::files;
use super::state::State;
use crate::grants::Denial;

/// Version of the WASI interfaces. The linker matches a component's own 0.2 version to it.
const VERSION: &str = "0.2.12";

/// Replaces functions of `wasmtime_wasi` by ones that deny access.
pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    files::link(linker, VERSION)?;
    linker.instance(&format!("wasi:sockets/tcp-create-socket@{VERSION}"))?.func_wrap(
        "create-tcp-socket",
        |mut store: StoreContextMut<'_, State>, (_,): (IpAddressFamily,)| {
            store.data_mut().deny(sockets());
            Ok((Err::<Resource<tcp::TcpSocket>, _>(ErrorCode::AccessDenied),))
        },
    )?;
    linker.instance(&format!("wasi:sockets/udp-create-socket@{VERSION}"))?.func_wrap(
        "create-udp-socket",
        |mut store: StoreContextMut<'_, State>, (_,): (IpAddressFamily,)| {
            store.data_mut().deny(sockets());
            Ok((Err::<Resource<udp::UdpSocket>, _>(ErrorCode::AccessDenied),))
        },
    )?;
    linker.instance(&format!("wasi:sockets/ip-name-lookup@{VERSION}"))?.func_wrap(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, State>, (_, _): (Resource<network::Network>, String)| {
            store.data_mut().deny(sockets());
            Ok((Err::<Resource<ip_name_lookup::ResolveAddressStream>, _>(ErrorCode::AccessDenied),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Denies a socket or the lookup of a name.
fn sockets() -> Denial {
    Denial::never("use sockets or name lookups", "a step sends requests by the interface `wasi:http`")
}
