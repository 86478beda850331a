//! `stillbox replay`.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use stillbox::bundle::Bundle;
use stillbox::text::{escape_controls, escape_controls_in_json};
use stillbox::{Failure, Grants, Monitor, Replay, ReplayOptions, ReplayOutcome};
use stillbox_author::cases::write_case;

use crate::args;
use crate::args::Global;
use crate::commands::run::report_wrong;
use crate::commands::shared::file_needed;
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::{console, errors, failure, guest, render, summary};
use crate::signals::Signals;

/// Makes the call of a bundle again, or writes it as a case.
pub(crate) fn execute(arguments: &args::Replay, global: &Global, signals: &Signals) -> Exit {
    if let Some(message) = file_needed("--component", arguments.component.as_deref()) {
        render::message(&message);
        return Exit::Usage;
    }
    let bundle = match Bundle::open(&arguments.bundle) {
        Ok(bundle) => bundle,
        Err(error) => {
            let error = anyhow::Error::new(error).context(format!("cannot open `{}`", arguments.bundle.display()));
            return wrong(arguments, &*error);
        }
    };
    if let Some(folder) = &arguments.to_case {
        return to_case(&bundle, folder, arguments);
    }
    let grants = match granted(arguments) {
        Ok(grants) => grants,
        Err(exit) => return exit,
    };
    let interrupt = signals.interrupt_within(Duration::ZERO);
    let cleanup = signals.cleanup();
    let mut options = ReplayOptions::new().allow(&grants).interrupt(&interrupt).cleanup(&cleanup);
    if let Some(component) = &arguments.component {
        options = options.component(component);
    }
    if let Some(rows) = &arguments.rows {
        options = options.rows(rows.clone());
    }
    let monitor = Monitor::new();
    if arguments.show.show_output {
        monitor.on_output(|message| console::eprint!("{}", guest::line(message)));
    }
    options = options.monitor(&monitor);
    if !arguments.json {
        describe(&bundle);
    }
    let replayed = bundle.replay(&engine(global, None, &cleanup), &options);
    if let Some(reason) = interrupt.reason() {
        return render::cancelled(reason);
    }
    match replayed {
        Ok(replay) if arguments.json => {
            console::print(&escape_controls_in_json(&format!("{:#}\n", as_json(&bundle, &replay))));
            exit(&replay)
        }
        Ok(replay) => {
            show(&replay);
            exit(&replay)
        }
        Err(error) => wrong(arguments, &error),
    }
}

fn wrong(arguments: &args::Replay, error: &(dyn Error + 'static)) -> Exit {
    if arguments.json {
        console::print(&escape_controls_in_json(&format!("{:#}\n", errors::from_error(error))));
    }
    failure::error(error);
    Exit::Usage
}

/// Returns the grants of the command line, within its policy.
fn granted(arguments: &args::Replay) -> Result<Grants, Exit> {
    let mut grants = arguments.allow.grants();
    let policy = arguments.allow.policy().map_err(|error| report_wrong(&error))?;
    match policy.and_then(|policy| policy.apply(&mut grants).into_iter().next()) {
        None => Ok(grants),
        Some(violation) => {
            let text = format!("the policy does not permit the replay to {}: {}", violation.grant, violation.reason);
            render::message(&text);
            Err(Exit::Usage)
        }
    }
}

fn to_case(bundle: &Bundle, folder: &Path, arguments: &args::Replay) -> Exit {
    match write_case(bundle, folder, arguments.rows.clone()) {
        Ok(case) => {
            for note in case.notes {
                render::warning(&note);
            }
            let files = case.files.iter().map(|file| escape_controls_of_line(&file.display().to_string()));
            console::print(&files.collect::<String>())
        }
        Err(error) => wrong(arguments, &error),
    }
}

/// Escapes a line except for its end.
fn escape_controls_of_line(line: &str) -> String {
    format!("{}\n", escape_controls(line.trim_end_matches('\n')))
}

/// Prints what the bundle is.
fn describe(bundle: &Bundle) {
    let rows: usize = bundle.batches().iter().map(stillbox::arrow::array::RecordBatch::num_rows).sum();
    let rows = summary::counted(rows as u64, "row", "rows");
    render::status("Replaying", &format!("step {} of {}, with {rows}", bundle.step(), bundle.pipeline()));
    if !bundle.left_out().is_empty() {
        render::status("Without", &format!("the columns {}", bundle.left_out().join(", ")));
    }
}

/// Prints the outcome: the verdict on standard output, and everything else on standard error.
fn show(replay: &Replay) {
    for note in &replay.notes {
        render::warning(note);
    }
    let (found, verdict) = match &replay.outcome {
        ReplayOutcome::Same(failure) => (Some(&**failure), "the same failure".to_owned()),
        ReplayOutcome::Different { failure, differences, .. } => {
            (Some(&**failure), format!("another failure: {}", differences.join("; ")))
        }
        ReplayOutcome::Passed { rows, dropped, .. } => (None, passed(*rows, *dropped)),
        _ => (None, "unknown".to_owned()),
    };
    if let Some(found) = found {
        failure::failure(found);
    }
    let verdict = match (replay.is_other_component, found) {
        (false, _) => verdict,
        (true, None) => format!("fixed: {verdict}"),
        (true, Some(_)) => format!("not fixed: {verdict}"),
    };
    console::print(&escape_controls_of_line(&verdict));
}

fn passed(rows: u64, dropped: u64) -> String {
    let rows = summary::counted(rows, "row", "rows");
    let dropped = if dropped == 0 { String::new() } else { format!(", {} left out", summary::grouped(dropped)) };
    format!("the call passes, with {rows}{dropped}")
}

/// Returns the outcome as JSON.
fn as_json(bundle: &Bundle, replay: &Replay) -> Value {
    let record = |failure: &Failure| serde_json::to_value(failure).unwrap_or(Value::Null);
    let (outcome, failure, differences) = match &replay.outcome {
        ReplayOutcome::Same(failure) => ("same", Some(record(failure)), None),
        ReplayOutcome::Different { failure, differences, .. } => {
            ("different", Some(record(failure)), Some(differences))
        }
        ReplayOutcome::Passed { .. } => ("passed", None, None),
        _ => ("unknown", None, None),
    };
    let mut json = json!({
        "version": 1,
        "step": bundle.step(),
        "outcome": outcome,
        "other_component": replay.is_other_component,
        "recorded": record(bundle.failure()),
        "notes": replay.notes,
    });
    if let Some(failure) = failure {
        json["failure"] = failure;
    }
    if let Some(differences) = differences {
        json["differences"] = json!(differences);
    }
    json
}

fn exit(replay: &Replay) -> Exit {
    match (&replay.outcome, replay.is_other_component) {
        (ReplayOutcome::Same(_), false) | (ReplayOutcome::Passed { .. }, true) => Exit::Done,
        (_, false) => Exit::Different,
        (_, true) => Exit::Failed,
    }
}
