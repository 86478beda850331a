//! `stillbox new`.

use std::fmt::Write as _;
use std::path::Path;

use stillbox::text::{escape_controls, shell_word};
use stillbox_author::{Language, MadeStep, NewStep, StepTemplate};

use crate::args::{Lang, New, NewKind};
use crate::exit_code::Exit;
use crate::output::console::{self, eprint};
use crate::output::failure;

/// Creates the folder, and prints the next commands.
pub(crate) fn execute(arguments: &New) -> Exit {
    let language = match arguments.lang {
        Lang::Rust => Language::Rust,
        Lang::Python => Language::Python,
        Lang::Javascript => Language::JavaScript,
    };
    let template = match arguments.kind {
        NewKind::Transform => StepTemplate::Transform,
        NewKind::Filter => StepTemplate::Filter,
        NewKind::Expand => StepTemplate::Expand,
        NewKind::Source => StepTemplate::Source,
        NewKind::Aggregate => StepTemplate::Aggregate,
    };
    let step = NewStep { folder: arguments.folder.clone(), language, template, sdk: arguments.sdk.clone() };
    match step.make() {
        Ok(made) => {
            let exit = console::print(&format!("{}\n", escape_controls(&made.source.display().to_string())));
            eprint!("{}", next(&arguments.folder, &made));
            exit
        }
        Err(error) => {
            failure::error(&error);
            Exit::Usage
        }
    }
}

/// Returns the commands to run next.
fn next(folder: &Path, made: &MadeStep) -> String {
    let folder = folder.display().to_string();
    let folder = folder.trim_end_matches('/');
    let word = |path: &str| escape_controls(&shell_word(path)).into_owned();
    let mut text = String::from("\nWrite the step in this file, and then:\n");
    let _ = writeln!(text, "  stillbox test {}", word(folder));
    let _ = writeln!(text, "  stillbox run {}", word(&made.pipeline.display().to_string()));
    text
}
