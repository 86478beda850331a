//! The digest of the inputs of a component.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::project::StepModule;
use crate::digest::digest_text;
use crate::os::FileId;

/// Folders next to the step's module, or to its manifest, that contain neither code nor data of the step. The SDK leaves out the same.
const IGNORED: [&str; 7] = ["build", "cases", "dist", "node_modules", "target", "tests", "venv"];

/// Files there that are neither: a run with the pipeline file that `stillbox new` writes changes the last.
const IGNORED_FILES: [&str; 3] = ["README.md", "pipeline.toml", "output.jsonl"];

/// The most files of a step: more than any step has, and fewer than a home directory.
const MAX_FILES: usize = 20_000;

/// Changes with what the host adds to a component.
const FORMAT: &str = "2";

/// Returns the digest of all files in the folder of a step that can be part of it, and of the versions of the tools.
///
/// # Errors
/// A file cannot be read, or there are more than [`MAX_FILES`].
pub(super) fn digest_of_step(folder: &Path, module: &StepModule, tools: &str) -> io::Result<String> {
    digest(folder, Some(module), &format!("{FORMAT}\n{tools}"))
}

/// Returns the digest of all files in a folder but compiled ones, and of the versions of the tools.
///
/// # Errors
/// As [`digest_of_step`].
pub(super) fn digest_of_folder(folder: &Path) -> io::Result<String> {
    digest(folder, None, "")
}

fn digest(folder: &Path, module: Option<&StepModule>, tools: &str) -> io::Result<String> {
    let mut listing = Listing { top: folder, module, files: Vec::new(), open: Vec::new() };
    listing.collect(folder)?;
    let mut files = listing.files;
    files.sort();
    let mut digest = Sha256::new();
    let mut add = |bytes: &[u8]| {
        digest.update((bytes.len() as u64).to_le_bytes());
        digest.update(bytes);
    };
    add(tools.as_bytes());
    for file in files {
        add(file.strip_prefix(folder).unwrap_or(&file).as_os_str().as_encoded_bytes());
        add(&fs::read(&file)?);
    }
    Ok(digest_text(&digest.finalize()))
}

struct Listing<'a> {
    top: &'a Path,
    module: Option<&'a StepModule>,
    files: Vec<PathBuf>,
    /// The folders that are being listed: links can form a cycle.
    open: Vec<FileId>,
}

impl Listing<'_> {
    fn collect(&mut self, folder: &Path) -> io::Result<()> {
        let identity = FileId::of(folder)?;
        if self.open.contains(&identity) {
            return Ok(());
        }
        self.open.push(identity);
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name.starts_with('.') || name == "__pycache__" || self.is_ignored(folder, &name) {
                continue;
            }
            // A link may lead to nothing.
            let Ok(kind) = fs::metadata(&path) else { continue };
            if kind.is_dir() {
                // A virtual environment can have any name.
                if !path.join("pyvenv.cfg").exists() {
                    self.collect(&path)?;
                }
            } else if kind.is_file() && path.extension().is_none_or(|ending| ending != "wasm") {
                if self.files.len() == MAX_FILES {
                    return Err(io::Error::other(format!("it contains more than {MAX_FILES} files")));
                }
                self.files.push(path);
            }
        }
        self.open.pop();
        Ok(())
    }

    fn is_ignored(&self, folder: &Path, name: &str) -> bool {
        let Some(module) = self.module else { return false };
        let is_top = folder == self.top || folder == self.top.join(module.folder);
        is_top && name != module.top && (IGNORED.contains(&name) || IGNORED_FILES.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_files_of_the_step_change_the_digest() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path();
        let write = |file: &str, text: &str| {
            let file = path.join(file);
            fs::create_dir_all(file.parent().expect("it is in the folder")).expect("there is room");
            fs::write(file, text).expect("there is room");
        };
        let module = StepModule { top: "step".to_owned(), folder: "" };
        let digest = |tools: &str| digest_of_step(path, &module, tools).expect("it can be read");
        write("step.py", "a");
        let first = digest("1");
        assert_eq!(digest("1"), first);
        assert_ne!(digest("2"), first);
        for other in [
            "build/step.wasm",
            "cases/one/input.jsonl",
            ".venv/x.py",
            "env/pyvenv.cfg",
            "env/x.py",
            "old.wasm",
            "output.jsonl",
        ] {
            write(other, "b");
        }
        assert_eq!(digest("1"), first);
        write("data/output.jsonl", "c");
        let second = digest("1");
        assert_ne!(second, first);
        write("step.py", "b");
        let third = digest("1");
        assert_ne!(third, second);
        // These names are ignored next to the module only.
        write("data/tests/rules.json", "d");
        let fourth = digest("1");
        assert_ne!(fourth, third);
        // Links are followed, and may form a cycle.
        let elsewhere = tempfile::tempdir().expect("there is room");
        fs::write(elsewhere.path().join("common.py"), "e").expect("there is room");
        symlink(elsewhere.path(), path.join("linked")).expect("there is room");
        symlink(path, path.join("data/cycle")).expect("there is room");
        let fifth = digest("1");
        assert_ne!(fifth, fourth);
        fs::write(elsewhere.path().join("common.py"), "f").expect("there is room");
        assert_ne!(digest("1"), fifth);
    }
}
