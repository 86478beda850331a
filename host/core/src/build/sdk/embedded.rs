//! The SDKs that are part of this library, and the folder that they are unpacked to.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use crate::digest::{digest_of_parts, first_digits};
use crate::os;
use crate::private_dir;

/// The paths and contents of all files, sorted by path.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// The name of the folder: the version, and the first digits of the digest of all files.
static NAME: LazyLock<String> = LazyLock::new(|| {
    let digest = digest_of_parts(FILES.iter().flat_map(|(path, content)| [path.as_bytes(), content]));
    format!("{}-{}", env!("CARGO_PKG_VERSION"), first_digits(&digest, DIGITS))
});

/// Enough digits that two builds of one version never share a folder.
const DIGITS: usize = 12;

/// Writes the SDK to a folder below `data`, unless it is there, and returns its folder `guest-sdk`.
///
/// Every file is compared with its content in this library, and written again if it differs: a temporary file is renamed, so
/// that processes that do this at the same time, or are killed, leave no incomplete file.
///
/// # Errors
/// The folder cannot be written, or other users can write to it. The path is that of the file or folder.
pub(super) fn unpack(data: &Path) -> Result<PathBuf, (PathBuf, io::Error)> {
    let root = data.join("sdk").join(&*NAME);
    private_dir::make_private(&root)
        .and_then(|()| private_dir::check_private(&root))
        .map_err(|error| (root.clone(), error))?;
    for (name, content) in FILES {
        let path = root.join(name);
        if !is_intact(&path, content) {
            write(&path, content).map_err(|error| (path.clone(), error))?;
        }
    }
    Ok(root.join("guest-sdk"))
}

fn is_intact(path: &Path, content: &[u8]) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.len() == content.len() as u64)
        && fs::read(path).is_ok_and(|found| found == content)
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = private_dir::create_temporary(path)?;
    file.write_all(content)?;
    os::persist(file, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::thread;

    use super::*;

    #[test]
    fn the_sdk_has_the_crates_the_contract_and_the_python_package_and_no_tests() {
        let names: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        for wanted in [
            "Cargo.toml",
            "guest-sdk/Cargo.toml",
            "guest-sdk/javascript/Cargo.lock",
            "guest-sdk/javascript/Cargo.toml",
            "guest-sdk/javascript/runtime/build.rs",
            "guest-sdk/javascript/runtime/src/sdk.js",
            "guest-sdk/key/src/lib.rs",
            "guest-sdk/macros/Cargo.toml",
            "guest-sdk/python/pyproject.toml",
            "guest-sdk/python/src/stillbox_sdk/build.py",
            "guest-sdk/wit/step.wit",
        ] {
            assert!(names.contains(&wanted), "{wanted} is missing");
        }
        assert!(names.is_sorted());
        assert!(names.iter().all(|name| !name.contains("tests/") && !name.contains("__pycache__")));
    }

    #[test]
    fn a_damaged_unpacking_is_repaired() {
        let data = tempfile::tempdir().expect("there is room");
        let sdk = unpack(data.path()).expect("it can be written");
        let (changed, missing) = (sdk.join("src/lib.rs"), sdk.join("wit/step.wit"));
        let before = fs::read(&changed).expect("it was written");
        let mut other = before.clone();
        other[0] ^= 1;
        fs::write(&changed, other).expect("there is room");
        fs::remove_file(&missing).expect("it was written");
        assert_eq!(unpack(data.path()).ok(), Some(sdk));
        assert_eq!(fs::read(changed).expect("it was written"), before);
        assert!(missing.is_file());
    }

    #[test]
    fn processes_unpack_at_the_same_time() {
        let data = tempfile::tempdir().expect("there is room");
        let sdk = thread::scope(|scope| {
            let all: Vec<_> = (0..4).map(|_| scope.spawn(|| unpack(data.path()).expect("it can be written"))).collect();
            all.into_iter().map(|one| one.join().expect("it does not panic")).last().expect("there are four")
        });
        let root = sdk.parent().expect("it is in a folder");
        for (name, content) in FILES {
            assert!(is_intact(&root.join(name), content), "{name}");
        }
        let mut names: Vec<_> =
            fs::read_dir(root).expect("it exists").map(|entry| entry.expect("as above").file_name()).collect();
        names.sort();
        assert_eq!(names, ["Cargo.toml", "guest-sdk"], "no temporary files are left");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_rejected() {
        let data = tempfile::tempdir().expect("there is room");
        let root = unpack(data.path()).expect("it can be written").parent().expect("it is in a folder").to_owned();
        fs::set_permissions(&root, fs::Permissions::from_mode(0o777)).expect("it is this user's");
        let (path, error) = unpack(data.path()).expect_err("others can write to it");
        assert_eq!(
            (path, error.to_string()),
            (root, "other users can write to it; remove their access with `chmod go-w`".into())
        );
    }
}
