//! `stillbox cache`.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use stillbox::result_cache::{CacheUsage, prune_cache, usage_of_cache};
use stillbox::text::escape_controls;

use crate::args::{Cache, CacheCommand, Global};
use crate::directories::{build_directories, component_directory, download_directory, result_directory};
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::failure;
use crate::output::render;
use crate::output::summary;

/// Prints the sizes of the caches, or removes old entries.
pub(crate) fn execute(arguments: &Cache, global: &Global) -> Exit {
    let directories = (component_directory(global), result_directory(global), download_directory(global));
    let (Some(components), Some(outputs), Some(downloads)) = directories else {
        render::message("there is no directory for caches; name one with `--cache-dir`");
        return Exit::Failed;
    };
    match &arguments.command {
        None => {
            let mut caches =
                vec![("components", vec![components]), ("outputs", vec![outputs]), ("downloads", vec![downloads])];
            let builds = build_directories(global);
            if !builds.is_empty() {
                caches.push(("builds", builds));
            }
            show(&caches)
        }
        Some(CacheCommand::Prune { unused_for, max_size }) => {
            let mut all = vec![components, outputs, downloads];
            all.extend(build_directories(global));
            match prune_cache(&all, *unused_for, *max_size) {
                Ok(pruned) => {
                    let (removed, kept) = (pruned.removed, pruned.remaining);
                    console::print(&format!(
                        "removed {} of {}, kept {} of {}\n",
                        summary::counted(removed.entries, "entry", "entries"),
                        summary::size(removed.bytes),
                        summary::grouped(kept.entries),
                        summary::size(kept.bytes),
                    ))
                }
                Err(error) => {
                    failure::error(&error);
                    Exit::Failed
                }
            }
        }
    }
}

fn show(caches: &[(&str, Vec<PathBuf>)]) -> Exit {
    let mut text = String::new();
    for (name, directories) in caches {
        let usage: io::Result<Vec<CacheUsage>> =
            directories.iter().map(|directory| usage_of_cache(directory)).collect();
        let usage = match usage {
            Ok(usage) => usage,
            Err(error) => {
                failure::error(&error);
                return Exit::Failed;
            }
        };
        let entries = summary::counted(usage.iter().map(|usage| usage.entries).sum(), "entry", "entries");
        let size = summary::size(usage.iter().map(|usage| usage.bytes).sum());
        let directories: Vec<String> = directories.iter().map(|directory| directory.display().to_string()).collect();
        let directories = escape_controls(&directories.join(", ")).into_owned();
        let _ = writeln!(text, "{name:<10}  {entries:>17}  {size:>10}  {directories}");
    }
    console::print(&text)
}
