//! The pipelines of the repository: examples, and the blocks of the pages for users.

use std::fs;
use std::path::{Path, PathBuf};

use super::Config;
use super::schema::{ROOT, is_valid, validator};
use crate::grants::Policy;

/// The pipeline files of the repository.
fn examples() -> Vec<PathBuf> {
    let folders = fs::read_dir(Path::new(ROOT).join("examples")).expect("there are examples");
    let files =
        folders.flat_map(|folder| fs::read_dir(folder.expect("it can be read").path()).expect("it is a folder"));
    let files = files.map(|file| file.expect("it can be read").path());
    files.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect()
}

#[test]
fn every_example_follows_the_schema() {
    let validator = validator();
    let examples = examples();
    assert!(examples.len() >= 10, "{examples:?}");
    for example in examples {
        let text = fs::read_to_string(&example).expect("it can be read");
        assert!(is_valid(&validator, &text), "{}", example.display());
        assert!(
            !is_valid(&validator, &text.replacen("[pipeline]", "[pipeline]\nnmae = 1", 1)),
            "{}",
            example.display()
        );
    }
}

/// The blocks of TOML in the pages for users, made whole by what a fragment leaves out.
fn documented() -> Vec<(String, String)> {
    let mut pages = vec![Path::new(ROOT).join("README.md")];
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).expect("there are pages");
    pages.extend(docs.map(|page| page.expect("it can be read").path()));
    pages.retain(|page| page.extension().is_some_and(|ending| ending == "md"));
    let mut all = Vec::new();
    for page in pages {
        let text = fs::read_to_string(&page).expect("it can be read");
        let blocks = text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
        // Others are of cargo.
        for block in blocks.filter(|block| !block.contains("[package]") && !block.contains("[patch.")) {
            let mut whole = block.to_owned();
            for (header, table) in [
                ("[pipeline]", "\n[pipeline]\nname = \"p\"\n"),
                ("[[source]]", "\n[[source]]\npath = \"in.jsonl\"\n"),
                ("[[sink]]", "\n[[sink]]\npath = \"out.jsonl\"\n"),
            ] {
                if !block.contains(header) {
                    whole.push_str(table);
                }
            }
            all.push((page.display().to_string(), whole));
        }
    }
    all
}

#[test]
fn every_block_of_toml_in_the_pages_is_a_pipeline() {
    let validator = validator();
    let blocks = documented();
    assert!(blocks.len() >= 15, "{}", blocks.len());
    for (page, text) in blocks {
        if text.starts_with("# A policy") {
            let (policy, _) = text.split_once("\n[pipeline]").expect("the rest of a pipeline was added");
            let parsed = Policy::from_text("policy.toml", policy);
            assert!(parsed.is_ok(), "{page}: {parsed:?}");
            continue;
        }
        let parsed = Config::parse(Path::new("p.toml"), &text);
        assert!(parsed.is_ok(), "{page}: {}\n{text}", parsed.map_or_else(|error| error.to_string(), |_| String::new()));
        assert!(is_valid(&validator, &text), "{page}\n{text}");
    }
}
