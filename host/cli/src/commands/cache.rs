//! `stillbox cache`.

use std::fmt::Write as _;
use std::path::Path;

use stillbox::result_cache::{prune_cache, usage_of_cache};
use stillbox::text::escape_controls;

use crate::args::{Cache, CacheCommand, Global};
use crate::directories::{component_directory, download_directory, result_directory};
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
        None => show(&[("components", &components), ("outputs", &outputs), ("downloads", &downloads)]),
        Some(CacheCommand::Prune { unused_for, max_size }) => {
            match prune_cache(&[&components, &outputs, &downloads], *unused_for, *max_size) {
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

fn show(caches: &[(&str, &Path)]) -> Exit {
    let mut text = String::new();
    for (name, directory) in caches {
        match usage_of_cache(directory) {
            Ok(usage) => {
                let entries = summary::counted(usage.entries, "entry", "entries");
                let size = summary::size(usage.bytes);
                let _ = writeln!(
                    text,
                    "{name:<10}  {entries:>17}  {size:>10}  {}",
                    escape_controls(&directory.display().to_string())
                );
            }
            Err(error) => {
                failure::error(&error);
                return Exit::Failed;
            }
        }
    }
    console::print(&text)
}
