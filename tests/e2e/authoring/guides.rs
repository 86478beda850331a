//! The code blocks of the author guide. Shell blocks run one after the other in one folder; the others are valid.

use std::env;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::command;
use crate::harness::{Folder, ROOT, outcome};

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk/README.md"));
const PYTHON: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-sdk/python/README.md"));

fn blocks(language: &str) -> Vec<&'static str> {
    let inside = GUIDE.split("```").skip(1).step_by(2);
    inside.filter_map(|block| block.split_once('\n')).filter(|(of, _)| *of == language).map(|(_, text)| text).collect()
}

#[test]
fn every_shell_block_of_the_author_guide_runs() {
    let folder = Folder::new();
    symlink(Path::new(ROOT).canonicalize().unwrap(), folder.join("stillbox")).unwrap();
    let folder_of_command = Path::new(env!("CARGO_BIN_EXE_stillbox")).parent().unwrap().to_owned();
    let path = env::join_paths([folder_of_command].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())))
        .unwrap();
    let settings: Vec<_> =
        command(&folder).get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    let blocks = blocks("sh");
    assert!(blocks.len() >= 6, "{blocks:?}");
    for block in blocks {
        let mut shell = Command::new("sh");
        shell.args(["-euc", block]).current_dir(folder.path());
        for (name, value) in &settings {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        let ended = outcome(shell.env("PATH", &path));
        assert_eq!(ended.code, Some(0), "{block}\n{}\n{}", ended.text(), ended.stderr);
    }
}

#[test]
fn python_and_toml_blocks_of_the_author_guide_are_valid() {
    // The tests of the Python SDK run the blocks of its guide.
    let python = blocks("python");
    assert!(!python.is_empty() && python.iter().all(|block| PYTHON.contains(block)), "{python:?}");
    for block in blocks("toml") {
        let table: Result<toml::Table, _> = block.parse();
        assert!(table.is_ok(), "{table:?}\n{block}");
    }
    let known = ["sh", "rust", "rust,ignore", "python", "toml", "http"];
    let languages = GUIDE.split("```").skip(1).step_by(2).filter_map(|block| block.lines().next());
    assert!(languages.clone().all(|language| known.contains(&language)), "{:?}", languages.collect::<Vec<_>>());
}
