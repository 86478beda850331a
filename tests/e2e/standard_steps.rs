//! The standard steps: their examples and parameters in `steps/README.md`, and their cases.

mod cases;
mod look_up;

use std::collections::HashMap;

use serde_json::Value;
use stillbox::grants::RecordedExchange;

use crate::harness::{Folder, Server, javascript, model_server, ok, python};

const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../steps/README.md"));
const STEPS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../steps");

/// The section of one step in the README.
struct Section {
    text: &'static str,
    /// The fenced blocks: the language and the text.
    blocks: Vec<(&'static str, &'static str)>,
}

fn sections() -> HashMap<&'static str, Section> {
    let sections = README.split("\n## ").skip(1).map(|section| {
        let (name, text) = section.split_once('\n').expect("a section has a text");
        // Every second part is inside a fence.
        let inside = text.split("```").skip(1).step_by(2);
        let blocks = inside.map(|block| block.split_once('\n').expect("a block has a language")).collect();
        (name, Section { text, blocks })
    });
    sections.collect()
}

/// The names of the steps, and their components.
fn steps() -> Vec<(&'static str, &'static str)> {
    let is_step = |name: &str| std::path::Path::new(STEPS).join(name).is_dir();
    let steps: Vec<_> = stillbox_test_guests::ALL.iter().copied().filter(|(name, _)| is_step(name)).collect();
    assert!(steps.len() >= 17, "{steps:?}");
    let in_python = ["run-python", "strip-markup"];
    let in_python = in_python.map(|name| (name, &*python::component(&std::path::Path::new(STEPS).join(name)).leak()));
    let with_engine = ("run-js", &*javascript::component("run-js").leak());
    let in_javascript = ("compute", &*javascript::build(&std::path::Path::new(STEPS).join("compute")).leak());
    steps.into_iter().chain(in_python).chain([with_engine, in_javascript]).collect()
}

/// The description of a step by `inspect`.
fn inspect(component: &str) -> Value {
    Folder::new().stillbox(["inspect", component, "--json"]).succeeded().json()
}

/// A server that gives the response of an example to its request.
fn server(text: &str) -> Server {
    let recorded = RecordedExchange::parse(text.as_bytes()).expect("it is a request and a response");
    Server::new(move |request| {
        assert_eq!(request.line.split(' ').next(), Some(recorded.method.as_str()));
        assert!(recorded.url.ends_with(request.path()), "{}", request.line);
        assert_eq!(request.body, recorded.request_body);
        ok(std::str::from_utf8(&recorded.body).expect("it is text"))
    })
}

#[test]
fn every_example_in_the_standard_steps_readme_runs() {
    let sections = sections();
    for (name, component) in steps() {
        let section = sections.get(name).unwrap_or_else(|| panic!("steps/README.md has no section {name}"));
        let kind = inspect(component)["kind"].as_str().expect("it is a text").to_owned();
        let examples: Vec<_> = section.blocks.chunk_by(|_, (language, _)| *language != "toml").collect();
        assert!(!examples.is_empty(), "steps/README.md has no example of {name}");
        for blocks in examples {
            let (step, input, output, more) = match (kind.as_str(), blocks) {
                ("source", [("toml", step), ("jsonl", output)]) => (step, None, output, None),
                (_, [("toml", step), ("jsonl", input), ("jsonl", output), more @ ..]) if more.len() < 2 => {
                    (step, Some(*input), output, more.first())
                }
                _ => panic!("an example of {name} in steps/README.md has no block `toml`, and rows in and out"),
            };
            run_example(name, component, step, input, output, more);
        }
    }
}

fn run_example(
    name: &str,
    component: &str,
    step: &str,
    input: Option<&str>,
    output: &str,
    more: Option<&(&'static str, &'static str)>,
) {
    let folder = Folder::new();
    // A server takes the place of the one in the example.
    let server = more.filter(|(language, _)| *language == "http").map(|(_, text)| server(text));
    let local = |text: &str| match &server {
        Some(server) => text.replace("https://api.example.org", &server.url("")),
        None => text.to_owned(),
    };
    if let Some((path, text)) = more.and_then(|(language, text)| Some((language.strip_prefix("csv ")?, text))) {
        folder.write(path, text);
    }
    let models = more.filter(|(language, _)| *language == "jsonl answers").map(|(_, text)| model_server(text));
    let (step, output) = (&local(step), local(output));
    let named = format!("component = \"steps/{name}\"");
    assert!(step.contains(&named), "the example of {name} doesn't name its component: {step}");
    let step = step.replace(&named, &format!("component = {component:?}"));
    let mut pipeline = "[pipeline]\nname = \"example\"\n\n".to_owned();
    if let Some(input) = input {
        folder.write("input.jsonl", local(input));
        if !step.contains("[[source]]") {
            pipeline.push_str("[[source]]\npath = \"input.jsonl\"\n\n");
        }
    }
    if let Some((_, url)) = &models {
        let model = step.lines().find_map(|line| line.strip_prefix("model = ")).expect("the example has a model");
        let table = format!("[[model]]\nname = {model}\nurl = {url:?}\nmodel = \"small\"\n\n");
        pipeline += &table;
    }
    pipeline += step.as_str();
    pipeline += "\n[[sink]]\npath = \"output.jsonl\"\n";
    assert_eq!(folder.output_of(pipeline), output, "the example of {name}");
}

#[test]
fn every_parameter_is_documented_in_the_standard_steps_readme() {
    let sections = sections();
    for (name, component) in steps() {
        let text = sections[name].text;
        let manifest = inspect(component);
        let parameters = manifest["parameters"]["properties"].as_object().expect("it is a schema of an object");
        for (parameter, schema) in parameters {
            assert!(
                text.contains(&format!("\n| `{parameter}` |")),
                "steps/README.md does not describe {name}'s {parameter}"
            );
            assert!(schema["description"].is_string(), "{name}'s {parameter} has no description");
        }
    }
}
