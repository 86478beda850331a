//! The imports of a component, and the permissions that they would need.

use wasmtime::Engine;
use wasmtime::component::{Component, types::ComponentItem};

use crate::engine::Permission;

/// One interface that a component imports.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Import {
    /// The interface's full name, such as `wasi:cli/stderr@0.2.6`.
    pub name: String,
    /// The access that the import gives.
    pub access: Access,
}

/// The access that an import gives to a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// The import works, and gives no access to anything outside the instance.
    Harmless,
    /// The import can be called, but there is nothing to access: no file, no variable, no address.
    Empty(Permission),
    /// The host does not provide the import, so the component cannot run.
    Missing,
}

/// Returns all imports of a component, sorted by name.
pub(crate) fn imports(engine: &Engine, component: &Component) -> Vec<Import> {
    let component_type = component.component_type();
    let mut imports: Vec<Import> = component_type
        .imports(engine)
        .map(|(name, item)| Import { name: name.to_owned(), access: access(name, &item.ty) })
        .collect();
    imports.sort_by(|a, b| a.name.cmp(&b.name));
    imports
}

/// Returns whether a component asks for the exact types and values of its columns.
pub(crate) fn asks_for_columns(imports: &[Import]) -> bool {
    imports.iter().any(|import| import.name.starts_with("stillbox:step/columns@"))
}

fn access(name: &str, item: &ComponentItem) -> Access {
    if !matches!(item, ComponentItem::ComponentInstance(_)) {
        return Access::Missing;
    }
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let known = match interface.split_once(':') {
        Some(("stillbox", _)) => version == "0.1.0",
        Some(("wasi", _)) => version.starts_with("0.2."),
        _ => false,
    };
    if !known {
        return Access::Missing;
    }
    match interface {
        "stillbox:step/columns" | "stillbox:step/log" | "stillbox:step/panic" | "stillbox:step/types" => {
            Access::Harmless
        }
        "wasi:cli/environment" => Access::Empty(Permission::Environment),
        "wasi:cli/stdin" | "wasi:cli/terminal-stdin" => Access::Empty(Permission::Input),
        "wasi:filesystem/types" | "wasi:filesystem/preopens" => Access::Empty(Permission::Files),
        "wasi:http/types" | "wasi:http/outgoing-handler" => Access::Empty(Permission::Http),
        _ if interface.starts_with("wasi:sockets/") => Access::Empty(Permission::Network),
        _ if ["wasi:cli/", "wasi:clocks/", "wasi:io/", "wasi:random/"].iter().any(|of| interface.starts_with(of)) => {
            Access::Harmless
        }
        _ => Access::Missing,
    }
}
