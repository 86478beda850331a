//! The file `.cargo/config.toml` of a step, by which cargo and rust-analyzer find the SDK when Stillbox does not call them.
//!
//! It has paths of this machine, so it does not belong to the step: `.gitignore` of a new step lists it, and builds write it where
//! it is listed. A file of the author is not changed.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;

/// The file, as in `.gitignore`.
const FILE: &str = "/.cargo/config.toml";

/// The first line of a file that Stillbox may replace.
const MARK: &str = "# Written by `stillbox`, for cargo and rust-analyzer on this machine. Not part of the step.";

/// Writes the file if it differs. The build does not need it, so a file that cannot be written is only logged.
pub(super) fn refresh(dir: &Path, patches: &[(String, PathBuf)]) {
    if patches.is_empty() || !is_ignored(dir) {
        return;
    }
    let path = dir.join(FILE.trim_start_matches('/'));
    let wanted = content(patches);
    let is_ours = match fs::read_to_string(&path) {
        Ok(found) => found.starts_with(MARK) && found != wanted,
        Err(_) => !path.exists(),
    };
    if is_ours && let Err(error) = fs::create_dir_all(dir.join(".cargo")).and_then(|()| fs::write(&path, wanted)) {
        tracing::debug!("cannot write `{}`: {error}", path.display());
    }
}

fn is_ignored(dir: &Path) -> bool {
    fs::read_to_string(dir.join(".gitignore")).is_ok_and(|text| text.lines().any(|line| line.trim() == FILE))
}

fn content(patches: &[(String, PathBuf)]) -> String {
    let mut text = format!("{MARK}\n\n[patch.crates-io]\n");
    for (name, folder) in patches {
        let _ = writeln!(text, "{name} = {{ path = {} }}", Value::from(folder.display().to_string()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listed_file_without_changes_of_the_author_is_written() {
        let step = tempfile::tempdir().expect("there is room");
        let patches = |folder: &str| vec![("stillbox-sdk".to_owned(), PathBuf::from(folder))];
        let file = step.path().join(".cargo/config.toml");
        refresh(step.path(), &patches("/sdk"));
        assert!(!file.exists());
        fs::write(step.path().join(".gitignore"), "/target\n/.cargo/config.toml\n").expect("there is room");
        for folder in ["/sdk", "/other \"sdk\""] {
            refresh(step.path(), &patches(folder));
            let written: toml::Table = fs::read_to_string(&file).expect("it was written").parse().expect("it is TOML");
            assert_eq!(written["patch"]["crates-io"]["stillbox-sdk"]["path"].as_str(), Some(folder));
        }
        fs::write(&file, "[build]\n").expect("there is room");
        refresh(step.path(), &patches("/sdk"));
        assert_eq!(fs::read_to_string(&file).expect("it is there"), "[build]\n");
    }
}
