//! The interface `wasi:filesystem` for a step with granted folders: bounds what it writes, and refuses links.
//!
//! wasmtime keeps paths within their folder. A link would stay when the files of a step are moved into place, and lead other
//! programs elsewhere; so no step creates one.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, Host as _, HostDescriptor as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynOutputStream, FsError};

use super::quota::MeteredStream;
use super::state::State;
use crate::grants::Denial;

/// What a new file or folder counts, in bytes: about what it takes on the disk.
const ENTRY_BYTES: u64 = 4 << 10;

type Fs<T> = Result<T, ErrorCode>;

/// Replaces functions of `wasmtime_wasi`. `version` is the version of the interfaces.
pub(super) fn link(linker: &mut Linker<State>, version: &str) -> wasmtime::Result<()> {
    linker.instance(&format!("wasi:filesystem/preopens@{version}"))?.func_wrap(
        "get-directories",
        |mut store: StoreContextMut<'_, State>, (): ()| {
            let state = store.data_mut();
            if !state.has_folders() {
                state.deny(Denial::files());
                return Ok((Vec::<(Resource<Descriptor>, String)>::new(),));
            }
            Ok((state.filesystem().get_directories()?,))
        },
    )?;
    link_writes(linker, version)?;
    link_entries(linker, version)
}

fn link_writes(linker: &mut Linker<State>, version: &str) -> wasmtime::Result<()> {
    let mut types = linker.instance(&format!("wasi:filesystem/types@{version}"))?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, State>, (file, offset): (Resource<Descriptor>, u64)| {
            let stream = store.data_mut().filesystem().write_via_stream(file, offset);
            Ok((metered(store.data_mut(), stream)?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, State>, (file,): (Resource<Descriptor>,)| {
            let stream = store.data_mut().filesystem().append_via_stream(file);
            Ok((metered(store.data_mut(), stream)?,))
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.write",
        |mut store: StoreContextMut<'_, State>, (file, bytes, offset): (Resource<Descriptor>, Vec<u8>, u64)| {
            Box::new(async move {
                if let Err(code) = store.data_mut().take_written(bytes.len() as u64) {
                    return Ok((Fs::<u64>::Err(code),));
                }
                let written = store.data_mut().filesystem().write(file, bytes, offset).await;
                Ok((converted(store.data_mut(), written)?,))
            })
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.set-size",
        |mut store: StoreContextMut<'_, State>, (file, size): (Resource<Descriptor>, u64)| {
            Box::new(async move {
                // A file with a hole takes no room here, but it may where it is copied to.
                if let Err(code) = store.data_mut().take_written(size) {
                    return Ok((Fs::<()>::Err(code),));
                }
                let set = store.data_mut().filesystem().set_size(file, size).await;
                Ok((converted(store.data_mut(), set)?,))
            })
        },
    )
}

fn link_entries(linker: &mut Linker<State>, version: &str) -> wasmtime::Result<()> {
    type OpenArguments = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);
    let mut types = linker.instance(&format!("wasi:filesystem/types@{version}"))?;
    types.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, State>, (folder, follow, path, open, flags): OpenArguments| {
            Box::new(async move {
                if open.contains(OpenFlags::CREATE)
                    && let Err(code) = store.data_mut().take_written(ENTRY_BYTES)
                {
                    return Ok((Fs::<Resource<Descriptor>>::Err(code),));
                }
                let opened = store.data_mut().filesystem().open_at(folder, follow, path, open, flags).await;
                Ok((converted(store.data_mut(), opened)?,))
            })
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.create-directory-at",
        |mut store: StoreContextMut<'_, State>, (folder, path): (Resource<Descriptor>, String)| {
            Box::new(async move {
                if let Err(code) = store.data_mut().take_written(ENTRY_BYTES) {
                    return Ok((Fs::<()>::Err(code),));
                }
                let created = store.data_mut().filesystem().create_directory_at(folder, path).await;
                Ok((converted(store.data_mut(), created)?,))
            })
        },
    )?;
    types.func_wrap(
        "[method]descriptor.symlink-at",
        |_: StoreContextMut<'_, State>, (_, _, _): (Resource<Descriptor>, String, String)| {
            Ok((Fs::<()>::Err(ErrorCode::NotPermitted),))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.link-at",
        |_: StoreContextMut<'_, State>,
         (_, _, _, _, _): (Resource<Descriptor>, PathFlags, String, Resource<Descriptor>, String)| {
            Ok((Fs::<()>::Err(ErrorCode::NotPermitted),))
        },
    )
}

/// Turns the errors that a guest gets into codes; others end it.
fn converted<T>(state: &mut State, result: Result<T, FsError>) -> wasmtime::Result<Fs<T>> {
    result.map_or_else(|error| Ok(Err(state.filesystem().convert_error_code(error)?)), |value| Ok(Ok(value)))
}

/// Puts a meter in front of a stream.
fn metered(
    state: &mut State,
    stream: Result<Resource<DynOutputStream>, FsError>,
) -> wasmtime::Result<Fs<Resource<DynOutputStream>>> {
    let stream = match converted(state, stream)? {
        Ok(stream) => stream,
        Err(code) => return Ok(Err(code)),
    };
    let Some(quota) = state.quota().cloned() else { return Ok(Ok(stream)) };
    let table = state.filesystem().table;
    let inner = table.delete(stream)?;
    let metered: DynOutputStream = Box::new(MeteredStream::new(inner, quota));
    Ok(Ok(table.push(metered)?))
}

impl State {
    /// Counts bytes that the guest wants to write.
    fn take_written(&mut self, bytes: u64) -> Fs<()> {
        if self.quota().is_none_or(|quota| quota.take(bytes)) { Ok(()) } else { Err(ErrorCode::Quota) }
    }
}
