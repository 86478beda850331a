//! Profiles of guests by function: the stacks of all guests, sampled while a run lasts.
//!
//! The samples are snapshots of the run's monitor, so guests are compiled as for any other run and not changed for the profile.

mod firefox;
mod flame_graph;
mod sampler;
mod stacks;
mod table;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::output::console::eprint;
use crate::output::render;

pub(crate) use sampler::Sampler;
use stacks::Stacks;

/// The profiled step, and the files that are written.
#[derive(Debug, Clone)]
pub(crate) struct ProfileSettings {
    /// The only step that is profiled. `None` for all.
    pub(crate) step: Option<String>,
    /// The flame graph.
    pub(crate) svg: PathBuf,
    /// The profile for Firefox Profiler.
    pub(crate) json: PathBuf,
}

impl ProfileSettings {
    /// Returns the files that are written, each with the option that names it.
    pub(crate) fn files(&self) -> [(&'static str, &PathBuf); 2] {
        [("--svg", &self.svg), ("--json", &self.json)]
    }

    /// Writes the files, and prints the functions with the most samples. Both files are tried; returns the errors.
    fn write(&self, pipeline: &str, stacks: &Stacks) -> Vec<anyhow::Error> {
        if !render::is_quiet() {
            eprint!("{}", table::table(stacks));
        }
        let write = |path: &Path, text: String| {
            let what = || format!("cannot write the profile to {}", path.display());
            fs::write(path, text).with_context(what).err()
        };
        let svg = write(&self.svg, flame_graph::draw(pipeline, stacks));
        let json = write(&self.json, firefox::profile(pipeline, stacks).to_string());
        svg.into_iter().chain(json).collect()
    }
}
