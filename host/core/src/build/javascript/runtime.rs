//! The component that steps in JavaScript run in: part of this program, named by the user, or built once from the SDK.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::build::component_file::ComponentFile;
use crate::build::lock::BuildLock;
use crate::build::{BuildError, BuildOptions, BuildProfile, rust, sdk, user_folders};
use crate::digest::{digest_of_parts, first_digits};
use crate::event::Event;
use crate::os;
use crate::private_dir;

/// The variable that names a component to use.
const VARIABLE: &str = "STILLBOX_JAVASCRIPT_RUNTIME";

/// The digits of the digest that is the name of a stored component.
const DIGITS: usize = 64;

/// The stored components.
const FILE: ComponentFile = ComponentFile::new(*b"stilljs");

/// The component that was given to the build of this program.
static EMBEDDED: Option<&[u8]> = include!(concat!(env!("OUT_DIR"), "/javascript_runtime.rs"));

/// Returns the component.
///
/// # Errors
/// It has to be built, and cannot be; or the file that the user names cannot be read.
pub(super) fn component(dir: &Path, options: BuildOptions<'_>) -> Result<Vec<u8>, BuildError> {
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return fs::read(&path).map_err(|source| BuildError::Runtime { path, source });
    }
    match EMBEDDED {
        // Sources that are being worked on come first.
        Some(component) if sdk::find_sdk(dir).is_none() => Ok(component.to_vec()),
        _ => built(dir, options),
    }
}

/// Returns the component in the user's cache folder. Builds it if it is not there.
fn built(dir: &Path, options: BuildOptions<'_>) -> Result<Vec<u8>, BuildError> {
    let sdk = sdk::sdk_for(dir)?;
    let digest = digest(&sdk).map_err(|source| BuildError::Sources { dir: sdk.clone(), source })?;
    let cache = user_folders::cache()?.join("javascript");
    let path = cache.join(format!("{digest}.wasm"));
    let unwritable = |source| BuildError::Output { path: path.clone(), source };
    if let Some(component) = FILE.read(&path) {
        return Ok(component);
    }
    private_dir::make_private(&cache).map_err(unwritable)?;
    let _lock = BuildLock::take(&cache.join("building"), "another build of the JavaScript runtime", options)?;
    if let Some(component) = FILE.read(&path) {
        return Ok(component);
    }
    options.report(&Event::Installing { what: "the JavaScript runtime, once: cargo takes about 5 minutes" });
    // In a clone, the folder that `run-js` is built in: it has the same dependencies.
    let target = cache.join("target");
    let is_clone = sdk::find_sdk(dir).is_some();
    let in_cache = if is_clone { options } else { options.target_dir(&target) };
    // Whatever the first command: all use the component, for tests and for runs.
    let in_cache = in_cache.profile(BuildProfile::Release);
    let wasm = rust::build(&rust::program(), &sdk.join("javascript/runtime"), in_cache)?;
    let component = fs::read(&wasm).map_err(unwritable)?;
    let file = FILE.write(&path, &component).map_err(unwritable)?;
    os::persist(file, &path).map_err(unwritable)?;
    if !is_clone {
        // Half a gigabyte that is of no further use.
        let _ = fs::remove_dir_all(&target);
    }
    Ok(component)
}

/// Returns the digest of the sources of the runtime.
fn digest(sdk: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    for folder in ["wit", "javascript/engine", "javascript/runtime"] {
        collect(&sdk.join(folder), &mut files)?;
    }
    files.extend(["javascript/Cargo.toml", "javascript/Cargo.lock"].map(|file| sdk.join(file)));
    files.sort();
    // Earlier versions stored the component alone.
    let mut parts = vec![FILE.version()];
    for file in files {
        parts.push(file.strip_prefix(sdk).unwrap_or(&file).as_os_str().as_encoded_bytes().to_owned());
        parts.push(fs::read(&file)?);
    }
    Ok(first_digits(&digest_of_parts(parts.iter().map(Vec::as_slice)), DIGITS))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "target" {
            continue;
        }
        if fs::metadata(&path)?.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
