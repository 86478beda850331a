//! Why a file is not a step that can be run.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::GUEST;
use crate::failure::{Failure, FailureKind};

/// Why a file is not a step that can be run.
#[derive(Debug)]
#[non_exhaustive]
pub struct ComponentError {
    /// The file.
    pub path: PathBuf,
    /// The digest of its contents, `sha256:` and 64 hexadecimal digits; `None` if it was not read completely.
    pub digest: Option<Arc<str>>,
    /// The problem.
    pub kind: ComponentErrorKind,
}

impl fmt::Display for ComponentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.kind)
    }
}

impl std::error::Error for ComponentError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.kind)
    }
}

/// A problem of a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComponentErrorKind {
    /// The file can't be read.
    #[error("cannot be read")]
    Read(#[source] io::Error),
    /// The file is of another type.
    #[error("is not a WebAssembly component: it starts with {start}")]
    #[non_exhaustive]
    NotWasm {
        /// The first bytes, escaped.
        start: String,
    },
    /// The file is a module without the component model's types.
    #[error(
        "is a core WebAssembly module, not a component; build it for the target wasm32-wasip2, or with `stillbox build`"
    )]
    CoreModule,
    /// The component cannot be compiled.
    #[error("cannot be compiled")]
    Invalid(#[source] BoxedError),
    /// The component is much more complex than its size suggests.
    #[error("is too complex to be compiled")]
    TooComplex(#[source] BoxedError),
    /// Compiling it took more time or memory than its limit.
    #[error("cannot be compiled within `{name} = \"{value}\"`; raise the limit if the component is to be trusted")]
    #[non_exhaustive]
    Limit {
        /// The limit.
        name: &'static str,
        /// Its value, as it is written in a pipeline file.
        value: String,
    },
    /// Its memories or tables do not fit into the pool of instances.
    #[error("does not fit into the memory that is reserved for an instance")]
    DoesNotFit(#[source] BoxedError),
    /// The program or thread that compiles failed.
    #[error("cannot be compiled, because the compiler failed")]
    Compiler(#[source] BoxedError),
    /// Compiling it was stopped.
    #[error("was not compiled, because the run was stopped")]
    Stopped,
    /// The component is not a step.
    #[error("is a component, but not a step: it has to export {GUEST}, and exports {}", list(exports))]
    #[non_exhaustive]
    NotAStep {
        /// Its exports.
        exports: Vec<String>,
    },
    /// The interface has other functions or types than the contract.
    #[error("exports {GUEST}, but not as the contract has it")]
    OtherTypes(#[source] BoxedError),
    /// The component imports an interface that Stillbox does not provide.
    #[error("imports interfaces that Stillbox does not provide: {}", list(imports))]
    #[non_exhaustive]
    MissingImports {
        /// The names of the imports.
        imports: Vec<String>,
    },
    /// The step exceeded a limit in `manifest`, the first function that is called.
    #[error("{} while loading{}", exceeded(.0), limit(.0))]
    LoadLimit(Box<Failure>),
    /// The code that the component carries for its interpreter has a mistake.
    #[error("its code cannot be loaded{}", place(.0))]
    Code(#[source] Box<Failure>),
    /// The step's `manifest` failed.
    #[error("its `manifest` failed ({})", .0.kind)]
    Manifest(#[source] Box<Failure>),
}

/// A cause whose type is not part of the interface.
type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Says what the step did that a limit ended.
fn exceeded(failure: &Failure) -> &'static str {
    match failure.kind {
        FailureKind::Fuel => "ran out of fuel",
        FailureKind::Timeout => "took too long",
        FailureKind::Memory => "needed too much memory",
        _ => "exceeded a limit",
    }
}

fn limit(failure: &Failure) -> String {
    failure
        .limit
        .as_ref()
        .map_or_else(String::new, |limit| format!("; the limit is `{} = {}`", limit.name, limit.value))
}

/// The place of a mistake, as the end of a sentence.
fn place(failure: &Failure) -> String {
    let place = failure.location.as_ref();
    place.map_or_else(String::new, |at| match at.column {
        Some(column) => format!(" because of {}:{}:{column}", at.file, at.line),
        None => format!(" because of {}:{}", at.file, at.line),
    })
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".into() } else { names.join(", ") }
}
