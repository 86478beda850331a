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
    /// Whether the import works.
    pub availability: Availability,
}

impl Import {
    /// Returns whether the runtime of a language imports this whether a program uses it or not, so that it says nothing about the
    /// program. `language` is what the component says it was written in.
    pub fn is_of_runtime(&self, language: Option<&str>) -> bool {
        match self.availability {
            // The standard libraries of all languages import variables and the standard input.
            Availability::Harmless | Availability::Empty(Permission::Environment | Permission::Input) => true,
            // The interpreter has modules for both.
            Availability::Empty(Permission::Files | Permission::Network) => {
                matches!(language, Some("python" | "javascript"))
            }
            Availability::Empty(Permission::Http | Permission::Models) | Availability::Missing => false,
        }
    }
}

/// Whether an import works, and what it gives access to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Availability {
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
        .map(|(name, item)| Import { name: name.to_owned(), availability: availability(name, &item.ty) })
        .collect();
    imports.sort_by(|a, b| a.name.cmp(&b.name));
    imports
}

/// Returns whether a component asks for the exact types and values of its columns.
pub(crate) fn asks_for_columns(imports: &[Import]) -> bool {
    imports.iter().any(|import| import.name.starts_with("stillbox:step/columns@"))
}

/// Returns whether a component asks models.
pub(crate) fn asks_models(imports: &[Import]) -> bool {
    imports.iter().any(|import| import.name.starts_with("stillbox:step/model@"))
}

fn availability(name: &str, item: &ComponentItem) -> Availability {
    if !matches!(item, ComponentItem::ComponentInstance(_)) {
        return Availability::Missing;
    }
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let known = match interface.split_once(':') {
        Some(("stillbox", _)) => version == "0.1.0",
        Some(("wasi", _)) => version.starts_with("0.2."),
        _ => false,
    };
    if !known {
        return Availability::Missing;
    }
    match interface {
        "stillbox:step/columns"
        | "stillbox:step/drops"
        | "stillbox:step/log"
        | "stillbox:step/panic"
        | "stillbox:step/source"
        | "stillbox:step/types" => Availability::Harmless,
        "stillbox:step/model" => Availability::Empty(Permission::Models),
        "wasi:cli/environment" => Availability::Empty(Permission::Environment),
        "wasi:cli/stdin" | "wasi:cli/terminal-stdin" => Availability::Empty(Permission::Input),
        "wasi:filesystem/types" | "wasi:filesystem/preopens" => Availability::Empty(Permission::Files),
        "wasi:http/types" | "wasi:http/outgoing-handler" => Availability::Empty(Permission::Http),
        _ if interface.starts_with("wasi:sockets/") => Availability::Empty(Permission::Network),
        _ if ["wasi:cli/", "wasi:clocks/", "wasi:io/", "wasi:random/"].iter().any(|of| interface.starts_with(of)) => {
            Availability::Harmless
        }
        _ => Availability::Missing,
    }
}
