//! The recipes in `examples/recipes`, with recorded answers of their models.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::harness::{Folder, model_server, python};

const STEPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../steps");
const RECIPES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/recipes");

/// Returns the pipeline with the compiled components of its steps.
fn with_components(pipeline: &str) -> String {
    let step = Regex::new(r#"component = "\.\./\.\./\.\./steps/([a-z-]+)""#).expect("it is right");
    let component = |captures: &regex::Captures<'_>| {
        let compiled = stillbox_test_guests::ALL.iter().find(|(name, _)| *name == &captures[1]);
        let path = compiled.map(|(_, path)| (*path).to_owned());
        // The others are in Python.
        let path = path.unwrap_or_else(|| python::component(&Path::new(STEPS).join(&captures[1])));
        format!("component = {path:?}")
    };
    step.replace_all(pipeline, component).into_owned()
}

#[test]
fn every_recipe_runs_with_recorded_answers() {
    let folders = fs::read_dir(RECIPES).expect("there are recipes").map(|entry| entry.expect("it can be read").path());
    let folders: Vec<_> = folders.filter(|path| path.is_dir()).collect();
    assert!(folders.len() >= 4, "{folders:?}");
    let models = Regex::new(r#"\[\[model\]\]\nname = "(\w+)""#).expect("it is right");
    let readme = fs::read_to_string(Path::new(RECIPES).join("README.md")).expect("it can be read");
    for recipe in folders {
        let name = recipe.file_name().and_then(|name| name.to_str()).expect("it is a name");
        assert!(readme.contains(&format!("| [{name}]({name}/pipeline.toml) |")), "the README does not mention {name}");
        let read = |name: &str| fs::read_to_string(recipe.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let pipeline = read("pipeline.toml");
        let (_server, url) = model_server(&read("answers.jsonl"));
        let folder = Folder::new();
        if recipe.join("input.jsonl").exists() {
            folder.write("input.jsonl", read("input.jsonl"));
        }
        let urls: Vec<_> = models.captures_iter(&pipeline).map(|model| format!("{}.url={url}", &model[1])).collect();
        assert!(!urls.is_empty(), "{name} has no model");
        let arguments = urls.iter().flat_map(|url| ["--set-model", url.as_str()]);
        folder.run_with(with_components(&pipeline), arguments).succeeded();
        assert_eq!(folder.text("output.jsonl"), read("expected.jsonl"), "the recipe {name}");
    }
}
