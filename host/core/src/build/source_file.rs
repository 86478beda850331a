//! Reads files of a step's folder: manifests and modules. The folder may be hostile, and a build in JavaScript runs none of its code, so
//! it may be built before anybody has read it.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

use crate::os::not_blocking;

/// The most bytes of a manifest.
const MAX_MANIFEST: u64 = 4 << 20;

/// Opens a regular file, or a folder, which cannot be read. A pipe in its place does not block.
///
/// # Errors
/// It cannot be opened, or is a pipe or a device.
fn open(path: &Path) -> io::Result<File> {
    let file = not_blocking().read(true).open(path)?;
    // The error of reading a folder says what it is.
    if file.metadata().is_ok_and(|metadata: Metadata| metadata.is_file() || metadata.is_dir()) {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// Reads a text of at most `max` bytes. A byte order mark is removed.
///
/// # Errors
/// It cannot be read, is larger ([`io::ErrorKind::FileTooLarge`]), is not a regular file, or is not UTF-8.
pub(super) fn read_text(path: &Path, max: u64) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.take(max.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > max {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {} MiB", max >> 20)));
    }
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    Ok(text)
}

/// Reads a manifest.
///
/// # Errors
/// As [`read_text`].
pub(super) fn read_manifest(path: &Path) -> io::Result<String> {
    read_text(path, MAX_MANIFEST)
}

/// Returns whether a file is in a folder, also after links were followed.
pub(super) fn is_inside(folder: &Path, file: &Path) -> bool {
    matches!((dunce::canonicalize(folder), dunce::canonicalize(file)), (Ok(folder), Ok(file)) if file.starts_with(&folder))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_of_a_usual_size_are_read() {
        let folder = tempfile::tempdir().expect("there is room");
        let path = |name: &str| folder.path().join(name);
        let error = |name: &str| read_manifest(&path(name)).expect_err("it cannot be read").to_string();
        fs::write(path("marked"), "\u{feff}{}").expect("there is room");
        assert_eq!(read_manifest(&path("marked")).expect("it is a text"), "{}");
        let made = std::process::Command::new("mkfifo").arg(path("pipe")).status();
        assert!(made.expect("every Unix has it").success());
        assert_eq!(error("pipe"), "it is not a regular file");
        assert_eq!(
            read_text(Path::new("/dev/zero"), 9).expect_err("it has no end").to_string(),
            "it is not a regular file"
        );
        assert!(error(".").contains("Is a directory"));
        File::create(path("large")).and_then(|file| file.set_len(1 << 40)).expect("it is sparse");
        assert_eq!(error("large"), "it has more than 4 MiB");
        fs::write(path("bytes"), b"\xff").expect("there is room");
        assert!(error("bytes").contains("UTF-8"));
    }

    #[test]
    fn a_link_can_lead_out_of_a_folder() {
        let folder = tempfile::tempdir().expect("there is room");
        let inside = folder.path().join("step");
        fs::create_dir(&inside).expect("there is room");
        fs::write(folder.path().join("secret.json"), "1").expect("there is room");
        fs::write(inside.join("a.json"), "1").expect("there is room");
        symlink("../secret.json", inside.join("out.json")).expect("there is room");
        symlink("a.json", inside.join("in.json")).expect("there is room");
        symlink("..", inside.join("up")).expect("there is room");
        let found = ["a.json", "in.json", "out.json", "up/secret.json", "up/step/a.json", "none.json"]
            .map(|name| is_inside(&inside, &inside.join(name)));
        assert_eq!(found, [true, true, false, false, true, false]);
    }
}
