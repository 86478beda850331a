//! The files of a new step, from templates.

use super::code::code;
use super::name::Names;
use super::sdk::ManifestParts;
use super::{Language, StepTemplate};

/// The pipeline file.
pub(super) const PIPELINE: &str = "pipeline.toml";

/// The folder of the first case of a new step.
const CASE: &str = "cases/first/";

const README: &str = include_str!("README.md.template");

/// Returns the paths and texts of the step's files, without those of its case.
pub(super) fn files(
    language: Language,
    template: StepTemplate,
    names: &Names,
    manifest: &ManifestParts,
    source: &str,
) -> Vec<(String, String)> {
    let fill = |text: &str| {
        text.replace("{{name}}", &names.name)
            .replace("{{function}}", &names.function)
            .replace("{{type}}", &names.type_name)
            .replace("{{summary}}", summary(template))
            .replace("{{case}}", case_rows(template))
            .replace("{{language}}", language.name())
            .replace("{{source}}", source)
            .replace("{{sdk}}", &manifest.sdk)
    };
    let mut files = vec![(source.to_owned(), fill(code(language, template))), ("README.md".to_owned(), fill(README))];
    match language {
        Language::Rust => {
            let mut text = fill(include_str!("rust/Cargo.toml.template"));
            if manifest.own_workspace {
                text.push_str("\n[workspace]  # of its own, and not part of the one around it\n");
            }
            files.push(("Cargo.toml".to_owned(), text));
            let local = if manifest.is_versioned { "/.cargo/config.toml\n" } else { "" };
            files.push((".gitignore".to_owned(), format!("/target\n/output.jsonl\n{local}")));
        }
        Language::Python => {
            files.push(("pyproject.toml".to_owned(), fill(include_str!("python/pyproject.toml.template"))));
            files.push((".gitignore".to_owned(), "/.venv\n/build\n/output.jsonl\n__pycache__\n".to_owned()));
        }
        Language::JavaScript => {
            files.push(("package.json".to_owned(), fill(include_str!("javascript/package.json.template"))));
            // What editors know about the SDK.
            files.push(("stillbox.d.ts".to_owned(), include_str!("javascript/stillbox.d.ts").to_owned()));
            files.push((".gitignore".to_owned(), "/build\n/output.jsonl\n/node_modules\n".to_owned()));
        }
    }
    files.push((PIPELINE.to_owned(), pipeline(&names.name, template)));
    files
}

/// Returns the files of the first case.
pub(super) fn cases(template: StepTemplate) -> impl Iterator<Item = (&'static str, &'static str)> {
    macro_rules! case {
        ($shape:literal: $($file:literal),*) => {
            &[$((concat!("cases/first/", $file), include_str!(concat!("cases/", $shape, "/", $file)))),*]
        };
    }
    let files: &[(&str, &str)] = match template {
        StepTemplate::Transform => case!("transform": "input.jsonl", "parameters.toml", "expected.jsonl"),
        StepTemplate::Filter => case!("filter": "input.jsonl", "parameters.toml", "expected.jsonl"),
        StepTemplate::Expand => case!("expand": "input.jsonl", "parameters.toml", "expected.jsonl"),
        StepTemplate::Source => case!("source": "parameters.toml", "expected.jsonl"),
        StepTemplate::Aggregate => case!("aggregate": "input.jsonl", "parameters.toml", "expected.jsonl"),
    };
    debug_assert!(files.iter().all(|(path, _)| path.starts_with(CASE)));
    files.iter().copied()
}

fn summary(template: StepTemplate) -> &'static str {
    match template {
        StepTemplate::Transform => "Counts the words of a text",
        StepTemplate::Filter => "Keeps the rows whose text has enough words",
        StepTemplate::Expand => "Returns one row for each word of a text",
        StepTemplate::Source => "Counts from 0",
        StepTemplate::Aggregate => "Counts all rows and their words",
    }
}

/// Names the rows of a case. A source has no input.
fn case_rows(template: StepTemplate) -> &'static str {
    match template {
        StepTemplate::Source => "expected rows",
        _ => "input rows in `input.jsonl`, expected rows",
    }
}

/// Returns a pipeline that runs the step on the rows of its case, with the parameters of the case.
fn pipeline(name: &str, template: StepTemplate) -> String {
    let source = match template {
        StepTemplate::Source => String::new(),
        _ => format!("[[source]]\npath = \"{CASE}input.jsonl\"\n\n"),
    };
    let parameters = match template {
        StepTemplate::Transform | StepTemplate::Expand | StepTemplate::Aggregate => "{ column = \"text\" }",
        StepTemplate::Filter => "{ column = \"text\", min-words = 4 }",
        StepTemplate::Source => "{ count = 3 }",
    };
    // The rows of an aggregate are new, so they have no values in the input columns.
    let select = if template == StepTemplate::Aggregate { "select = [\"n_rows\", \"n_words\"]\n" } else { "" };
    format!(
        "[pipeline]\nname = \"{name}\"\n\n{source}[[step]]\nname = \"{name}\"\n\
         component = \".\"  # this folder, or a .wasm file\nparameters = {parameters}\n\n[[sink]]\n\
         path = \"output.jsonl\"\n{select}"
    )
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Python => "Python",
            Self::JavaScript => "JavaScript",
        }
    }
}
