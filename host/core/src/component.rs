//! Components: read, compiled or taken from the cache, and linked once, then shared.

mod cache;
mod compiler;
mod complexity;
mod error;
mod imports;
mod load;
mod signature;
mod snapshot;
mod snapshot_store;
mod source;
mod symbols;
mod toolchain;

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use wasmtime::component::{Linker, types::ComponentItem};

use crate::digest::digest_text;
use crate::engine::{CompileSettings, GuestPre, State};
use crate::interrupt::Stop;
use crate::limits::Limits;

pub use crate::engine::Permission;
pub(crate) use crate::engine::bindings::GUEST;
pub use cache::CompileCache;
pub(crate) use compiler::Compiler;
pub use compiler::compile_from_stdin;
pub(crate) use complexity::check as walk;
pub use error::{ComponentError, ComponentErrorKind};
pub(crate) use imports::asks_models;
pub use imports::{Availability, Import};
pub use signature::{Column, Manifest, Signature, StepKind};
pub(crate) use snapshot::{MadeSnapshot, SnapshotRequest};
pub(crate) use snapshot_store::{Snapshot, SnapshotLookup, SnapshotMaker};
pub(crate) use source::SOURCE_SECTION;
pub(crate) use symbols::{SourceFrame, Symbols, frames_in};
pub use toolchain::Toolchain;
pub(crate) use toolchain::{SDK_SECTION, toolchain};

/// The contract that a step is made for.
const CONTRACT: &str = "stillbox:step@0.1.0";
/// Largest file that is read. The largest real components, with `CPython` inside, have about 40 MB.
const MAX_BYTES: u64 = 1 << 30;

/// A step's component, ready to be instantiated any number of times on any thread.
pub(crate) struct Component {
    pre: GuestPre,
    path: PathBuf,
    digest: Arc<str>,
    size: u64,
    imports: Vec<Import>,
    manifest: Manifest,
    symbols: Arc<Symbols>,
    cached: bool,
    compiled_in: Duration,
    toolchain: Toolchain,
    source: Bytes,
}

/// A component's file, read but not compiled.
pub(crate) struct ComponentFile<'a> {
    path: &'a Path,
    bytes: Bytes,
    /// The digest of the whole file.
    pub(crate) digest: Arc<str>,
}

impl<'a> ComponentFile<'a> {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read, or does not start as a component does.
    pub(crate) fn read(path: &'a Path) -> Result<Self, ComponentError> {
        let bytes = read(path).map_err(|kind| ComponentError { path: path.to_owned(), digest: None, kind })?;
        let digest = digest_text(&Sha256::digest(&bytes)).into();
        Ok(Self { path, bytes: bytes.into(), digest })
    }

    /// Compiles the component or takes it from the cache, and links it. Its manifest is empty until the loader has
    /// asked for it.
    ///
    /// # Errors
    /// The file is not a component with the contract's interface, or it cannot be compiled within the limits.
    pub(crate) fn compile(&self, context: &CompileContext<'_>) -> Result<Component, ComponentError> {
        self.try_compile(context).map_err(|kind| ComponentError {
            path: self.path.to_owned(),
            digest: Some(Arc::clone(&self.digest)),
            kind,
        })
    }

    fn try_compile(&self, context: &CompileContext<'_>) -> Result<Component, ComponentErrorKind> {
        let Self { path, bytes, digest } = self;
        // The code is the same for all steps in a language with an interpreter, and compiled once.
        let (code, source) = source::split(bytes);
        let code_digest =
            if source.is_empty() { Arc::clone(digest) } else { digest_text(&Sha256::digest(code)).into() };
        let linker = context.linker;
        let engine = linker.engine();
        let from_cache = context.cache.compiled(engine, &code_digest).transpose();
        let from_cache = from_cache.map_err(|error| ComponentErrorKind::DoesNotFit(error.into()))?;
        let cached = from_cache.is_some();
        let (component, compiled_in) = match from_cache {
            Some(cached) => cached,
            None => compile(context, &bytes.slice_ref(code), &code_digest)?,
        };
        let imports = imports::imports(engine, &component);
        let missing = imports.iter().filter(|import| import.availability == Availability::Missing);
        let missing: Vec<String> = missing.map(|import| import.name.clone()).collect();
        let exports = exports(engine, &component);
        if !exports.iter().any(|name| name == GUEST) {
            return Err(ComponentErrorKind::NotAStep { exports });
        }
        if !missing.is_empty() {
            return Err(ComponentErrorKind::MissingImports { imports: missing });
        }
        let pre = linker
            .instantiate_pre(&component)
            .and_then(GuestPre::new)
            .map_err(|error| ComponentErrorKind::OtherTypes(error.into()))?;
        let (size, toolchain) = (bytes.len() as u64, toolchain(bytes));
        // The lines of an interpreter are of no use to the author of its code.
        let symbol_size = if source.is_empty() { size } else { 0 };
        let (manifest, symbols) = (Manifest::default(), Arc::new(Symbols::new(path, digest, symbol_size)));
        let (path, digest) = (path.to_path_buf(), Arc::clone(digest));
        // A part of the file would keep all of it in memory.
        let source = Bytes::copy_from_slice(source);
        Ok(Component { pre, path, digest, size, imports, manifest, symbols, cached, compiled_in, toolchain, source })
    }
}

impl Component {
    pub(crate) fn set_manifest(&mut self, manifest: Manifest) {
        self.manifest = manifest;
    }

    pub(crate) fn pre(&self) -> &GuestPre {
        &self.pre
    }

    /// The digest of the file: `sha256:` and 64 hexadecimal digits.
    pub(crate) fn digest(&self) -> &Arc<str> {
        &self.digest
    }

    /// The file that it was read from.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The functions and lines of the component's source.
    pub(crate) fn symbols(&self) -> &Arc<Symbols> {
        &self.symbols
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the source code that the component carries for its interpreter. Empty for most.
    pub(crate) fn source(&self) -> &Bytes {
        &self.source
    }

    /// Returns whether the component asks models.
    pub(crate) fn asks_models(&self) -> bool {
        imports::asks_models(&self.imports)
    }

    /// Returns whether the component asks for the exact types and values of its columns.
    pub(crate) fn asks_for_columns(&self) -> bool {
        imports::asks_for_columns(&self.imports)
    }

    /// Returns the contract, with its version.
    #[expect(clippy::unused_self, reason = "components of later contracts differ")]
    pub(crate) fn contract(&self) -> &'static str {
        CONTRACT
    }

    pub(crate) fn imports(&self) -> &[Import] {
        &self.imports
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns whether the component came from the cache, so that nothing was compiled.
    pub(crate) fn cached(&self) -> bool {
        self.cached
    }

    /// Returns the time that compilation took, now or when the component was stored in the cache.
    pub(crate) fn compiled_in(&self) -> Duration {
        self.compiled_in
    }

    /// Returns the tools that the component was built with.
    pub(crate) fn toolchain(&self) -> &Toolchain {
        &self.toolchain
    }
}

impl fmt::Debug for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Component").field("digest", &self.digest).finish_non_exhaustive()
    }
}

fn compile(
    context: &CompileContext<'_>,
    bytes: &Bytes,
    digest: &str,
) -> Result<(wasmtime::component::Component, Duration), ComponentErrorKind> {
    let started = Instant::now();
    let engine = context.linker.engine();
    let code = context.compiler.compile(engine, context.settings, bytes, context.limits, context.stop)?;
    let compiled_in = started.elapsed();
    context.cache.put(engine, digest, &code, &[], compiled_in);
    let component = load::load_compiled(engine, &code);
    let component = component.map_err(|error| {
        let kind = if does_not_fit(&error) { ComponentErrorKind::DoesNotFit } else { ComponentErrorKind::Compiler };
        kind(error.into())
    })?;
    Ok((component, compiled_in))
}

/// Returns whether an engine has refused code because its pool of instances has too little room for it. The error has no type.
fn does_not_fit(error: &wasmtime::Error) -> bool {
    error.chain().any(|link| link.to_string().contains("pooling allocator"))
}

/// The inputs and settings of a compilation.
pub(crate) struct CompileContext<'a> {
    pub(crate) linker: &'a Linker<State>,
    pub(crate) settings: CompileSettings,
    pub(crate) cache: &'a CompileCache,
    pub(crate) compiler: &'a Compiler,
    pub(crate) limits: &'a Limits,
    pub(crate) stop: &'a Stop,
}

fn read(path: &Path) -> Result<Vec<u8>, ComponentErrorKind> {
    let size = fs::metadata(path).map_err(ComponentErrorKind::Read)?.len();
    if size > MAX_BYTES {
        let reason = format!("it has {size} bytes, more than the {MAX_BYTES} that a component may have");
        return Err(ComponentErrorKind::Read(io::Error::other(reason)));
    }
    // Devices and pipes report no size, and may never end.
    let mut file = File::open(path).map_err(ComponentErrorKind::Read)?.take(MAX_BYTES);
    let mut bytes = Vec::new();
    file.by_ref().take(8).read_to_end(&mut bytes).map_err(ComponentErrorKind::Read)?;
    match bytes.first_chunk::<8>() {
        Some(b"\0asm\x0d\0\x01\0") => {
            file.read_to_end(&mut bytes).map_err(ComponentErrorKind::Read)?;
            Ok(bytes)
        }
        Some([b'\0', b'a', b's', b'm', 1, 0, 0, 0]) => Err(ComponentErrorKind::CoreModule),
        _ => Err(ComponentErrorKind::NotWasm { start: start_of(&bytes) }),
    }
}

fn start_of(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "nothing, it is empty".into();
    }
    format!("\"{}\"", bytes[..bytes.len().min(8)].escape_ascii())
}

fn exports(engine: &wasmtime::Engine, component: &wasmtime::component::Component) -> Vec<String> {
    let component_type = component.component_type();
    component_type
        .exports(engine)
        .filter(|(_, item)| !matches!(item.ty, ComponentItem::Type(_)))
        .map(|(name, _)| name.to_owned())
        .collect()
}
