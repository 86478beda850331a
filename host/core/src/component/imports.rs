//! What a component imports, and what it would need to be granted.

use wasmtime::Engine;
use wasmtime::component::{Component, types::ComponentItem};

use crate::engine::Permission;

/// One interface that a component imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The interface's full name, such as `wasi:cli/stderr@0.2.6`.
    pub name: String,
    /// What comes of it.
    pub access: Access,
}

/// What a guest gets of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It works and gives no access to anything outside the instance.
    Harmless,
    /// It can be called, and answers that nothing is there: no file, no variable, no address.
    Empty(Permission),
    /// Nobody provides it, so the component cannot run.
    Missing,
}

/// All imports of a component, by name.
pub(crate) fn imports(engine: &Engine, component: &Component) -> Vec<Import> {
    let component_type = component.component_type();
    let mut imports: Vec<Import> = component_type
        .imports(engine)
        .map(|(name, item)| Import { name: name.to_owned(), access: access(name, &item.ty) })
        .collect();
    imports.sort_by(|a, b| a.name.cmp(&b.name));
    imports
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
        "stillbox:step/log" | "stillbox:step/panic" | "stillbox:step/types" => Access::Harmless,
        "wasi:cli/environment" => Access::Empty(Permission::Environment),
        "wasi:cli/stdin" | "wasi:cli/terminal-stdin" => Access::Empty(Permission::Input),
        "wasi:filesystem/types" | "wasi:filesystem/preopens" => Access::Empty(Permission::Files),
        _ if interface.starts_with("wasi:sockets/") => Access::Empty(Permission::Network),
        _ if ["wasi:cli/", "wasi:clocks/", "wasi:io/", "wasi:random/"].iter().any(|of| interface.starts_with(of)) => {
            Access::Harmless
        }
        _ => Access::Missing,
    }
}
