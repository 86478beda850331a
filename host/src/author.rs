//! stub
use std::path::*;
#[derive(Debug)] pub struct Built { pub wasm: PathBuf, pub name: String }
#[derive(Debug, thiserror::Error)] #[error("x")] pub struct BuildError;
pub fn build(_: &Path, _: &dyn Fn() -> bool) -> Result<Built, BuildError> { Err(BuildError) }
