//! The digest of the inputs of a component.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::digest::digest_text;

/// Folders that contain neither code nor data of a step.
const IGNORED: [&str; 8] = ["__pycache__", "build", "cases", "dist", "node_modules", "target", "tests", "venv"];

/// Files next to the manifest that are neither: a run with the pipeline file that `stillbox new` writes changes the last.
const IGNORED_FILES: [&str; 3] = ["README.md", "pipeline.toml", "output.jsonl"];

/// The most files of a step: more than any step has, and fewer than a home directory.
const MAX_FILES: usize = 20_000;

/// Returns the digest of all files below a folder that can be part of the step, and of the versions of the tools.
///
/// # Errors
/// A file cannot be read, or there are more than [`MAX_FILES`].
pub(super) fn digest(folder: &Path, tools: &str) -> io::Result<String> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.retain(|file| !IGNORED_FILES.iter().any(|ignored| *file == folder.join(ignored)));
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

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if name.starts_with('.') || IGNORED.contains(&&*name) {
            continue;
        }
        let kind = fs::metadata(&path)?;
        if kind.is_dir() {
            // A virtual environment can have any name. Links to folders are not followed, since they can form a cycle.
            if !path.join("pyvenv.cfg").exists() && !entry.file_type()?.is_symlink() {
                collect(&path, files)?;
            }
        } else if kind.is_file() && path.extension().is_none_or(|ending| ending != "wasm") {
            if files.len() == MAX_FILES {
                return Err(io::Error::other(format!("it contains more than {MAX_FILES} files")));
            }
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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
        let digest = |tools: &str| super::digest(path, tools).expect("it can be read");
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
        assert_ne!(digest("1"), second);
    }
}
