//! `stillbox runs`.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use stillbox::runs::{RunInfo, RunStore, RunStoreError};
use stillbox::text::escape_controls;

use crate::args::{self, RunsCommand};
use crate::directories::state_directory;
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::failure;
use crate::output::render;
use crate::output::summary::{counted, grouped, rows};

/// Lists runs, shows one, or removes their state.
pub(crate) fn execute(arguments: &args::Runs) -> Exit {
    let Some(directory) = state_directory(&arguments.state) else {
        render::message("there is no state directory; give one with `--state-dir`");
        return Exit::Usage;
    };
    let runs = RunStore::at(directory);
    let done = match &arguments.command {
        None => runs.list().map(|list| if arguments.json { json(&list) } else { table(&list) }),
        Some(RunsCommand::Show { run }) => runs.list().map(|list| {
            let found = list.iter().find(|info| info.id == *run);
            found.map(|info| if arguments.json { json(info) } else { details(info) }).unwrap_or_default()
        }),
        Some(RunsCommand::Prune { older_than }) => runs.prune(*older_than).map(|pruned| {
            let unfinished = counted(pruned.unfinished as u64, "unfinished run", "unfinished runs");
            format!("removed {} finished and {unfinished}\n", pruned.ended)
        }),
    };
    match (done, &arguments.command) {
        (Ok(text), Some(RunsCommand::Show { run })) if text.is_empty() => {
            render::message(&format!("there is no run {run}; `stillbox runs` lists all runs"));
            Exit::Usage
        }
        (Ok(text), _) => console::print(&text),
        (Err(error), _) => failed(&error),
    }
}

fn failed(error: &RunStoreError) -> Exit {
    failure::error(error);
    Exit::Failed
}

fn json(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value).expect("it is made of texts and numbers");
    stillbox::text::escape_controls_in_json(&json).into_owned() + "\n"
}

fn table(list: &[RunInfo]) -> String {
    if list.is_empty() {
        return "no runs\n".into();
    }
    let header = ["run", "pipeline", "state", "rows", "age"].map(str::to_owned);
    let rows = list.iter().map(|info| {
        let state =
            if info.resumable && info.status.name() == "failed" { "failed, resumable" } else { info.status.name() };
        [
            escape_controls(&info.id).into_owned(),
            escape_controls(&info.name).into_owned(),
            state.to_owned(),
            grouped(info.rows),
            age(info.age()),
        ]
    });
    let table: Vec<_> = std::iter::once(header).chain(rows).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    for [run, pipeline, state, rows, age] in &table {
        let [a, b, c, d, _] = widths;
        let _ = writeln!(text, "{run:<a$}  {pipeline:<b$}  {state:<c$}  {rows:>d$}  {age}");
    }
    text
}

fn details(info: &RunInfo) -> String {
    let mut text = String::new();
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(text, "{key:<10}{}", escape_controls(value));
    };
    line("run", &info.id);
    line("pipeline", &format!("{} ({})", info.name, info.pipeline.display()));
    line("state", info.status.name());
    if let Some(failure) = &info.failure {
        line("failure", failure);
    }
    line("rows", &grouped(info.rows));
    line("age", &age(info.age()));
    line("process", &info.pid.to_string());
    if info.resumable {
        line("resume", &format!("with `--resume`, after {}", rows(info.rows)));
    }
    if let Some(why) = &info.unrepeatable {
        line("resume", &format!("not possible: {why}"));
    }
    match &info.corrupt {
        // Only lists need its record.
        Some(what) if info.resumable => line("damage", &format!("{what}; `--resume` still resumes the run")),
        Some(what) => {
            let help = "`--restart` starts a new run, `stillbox runs prune` removes this one";
            line("resume", &format!("not possible: {what}; {help}"));
        }
        None => {}
    }
    for part in &info.parts {
        let bytes = fs::metadata(part).map_or_else(|_| "missing".into(), |part| counted(part.len(), "byte", "bytes"));
        line("part", &format!("{} ({bytes})", part.display()));
    }
    line("folder", &info.folder.display().to_string());
    text
}

/// Returns an approximate age, in the largest unit.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
