//! Builds a step in JavaScript or TypeScript: the runtime, which is the same component for all steps, with the modules of the step in
//! a custom section. The runtime asks the host for it, so nothing is compiled for a step, and nothing again after a change.
//!
//! The component is `build/NAME.wasm` in the step's folder, and `build/development/NAME.wasm` if it is not checked: the former is only
//! replaced by one that loads.

mod modules;
mod project;
mod runtime;

use std::fs;
use std::path::Path;

use wasm_encoder::{CustomSection, Section as _};

use super::error::BuildError;
use super::{BuildOptions, Built};
use crate::component::SOURCE_SECTION;
use project::Project;

pub(super) use project::is_step;

/// Builds the step in a folder with a `package.json`.
pub(super) fn build(dir: &Path, options: BuildOptions<'_>) -> Result<Built, BuildError> {
    let project = Project::read(dir)?;
    let name = project.name.clone();
    // Files that are missing are reported before the runtime is built.
    let bundle = modules::bundle(dir, project)?;
    let mut component = runtime::component(dir, options)?;
    let folder = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let output = options.target_dir.map_or_else(
        || if options.has_check() { folder.join("build") } else { folder.join("build/development") },
        |target| std::path::absolute(target).unwrap_or_else(|_| target.to_owned()).join("javascript"),
    );
    let wasm = output.join(format!("{name}.wasm"));
    let unwritable = |source| BuildError::Output { path: wasm.clone(), source };
    let source = serde_json::to_vec(&bundle).map_err(|error| unwritable(error.into()))?;
    CustomSection { name: SOURCE_SECTION.into(), data: source.into() }.append_to(&mut component);
    if fs::read(&wasm).is_ok_and(|before| before == component) {
        // It may have been copied there.
        options.check_component(&wasm, &wasm)?;
        return Ok(Built { wasm, name });
    }
    fs::create_dir_all(&output).map_err(unwritable)?;
    let aside = tempfile::Builder::new().prefix(".building-").tempdir_in(&output).map_err(unwritable)?;
    let _registered = options.cleanup.map(|cleanup| cleanup.add(aside.path()));
    let made = aside.path().join(format!("{name}.wasm"));
    fs::write(&made, &component).map_err(unwritable)?;
    options.check_component(&made, &wasm)?;
    fs::rename(&made, &wasm).map_err(unwritable)?;
    Ok(Built { wasm, name })
}
