//! Reading files from disk.

use std::error::Error as _;
use std::path::PathBuf;

use super::Config;
use crate::config::ConfigError;

fn file(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("there is room");
    let file = folder.path().join("p.toml");
    std::fs::write(&file, content).expect("there is room");
    (folder, file)
}

#[test]
fn a_missing_file_is_named() {
    let (folder, _) = file(b"");
    let missing = folder.path().join("q.toml");
    let error = Config::from_file(&missing).expect_err("it is not there");
    assert_eq!(error.to_string(), format!("cannot read the pipeline file `{}`", missing.display()));
    let ConfigError::Unreadable { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
    assert!(error.source().is_some());
}

#[test]
fn a_folder_is_not_a_file() {
    let (folder, _) = file(b"");
    let error = Config::from_file(folder.path()).expect_err("it is a folder");
    let ConfigError::Unreadable { source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.kind(), std::io::ErrorKind::IsADirectory);
}

#[test]
fn invalid_utf_8_is_located() {
    let (_folder, file) = file(b"[pipeline]\nname = \"gr\xf6\xdfe\"\n");
    let error = Config::from_file(&file).expect_err("it is Latin-1");
    assert_eq!(
        error.to_string(),
        format!(
            "{}:2:11: the file is not UTF-8 text (save it as UTF-8; if it is not a text file, pass the pipeline file, which is TOML)",
            file.display()
        )
    );
}

#[test]
fn an_endless_file_is_rejected() {
    let (_folder, file) = file(b"");
    std::fs::File::options().write(true).open(&file).and_then(|file| file.set_len(100 << 20)).expect("it is sparse");
    let error = Config::from_file(&file).expect_err("it is too large");
    let source = error.source().map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("it is larger than 64 MiB, the maximum for a pipeline file"));
}
