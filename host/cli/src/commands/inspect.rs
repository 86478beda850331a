//! `stillbox inspect`.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use stillbox::component::{Availability, Column, Toolchain};
use stillbox::inspection::{Inspection, inspect};
use stillbox::text::{escape_controls, escape_controls_in_json};

use super::shared;
use crate::args::{Global, Inspect};
use crate::directories::engine;
use crate::exit_code::Exit;
use crate::output::console;
use crate::output::failure;
use crate::output::render;
use crate::output::summary;
use crate::output::summary::duration;
use crate::signals::Signals;

/// Describes the step.
pub(crate) fn execute(arguments: &Inspect, global: &Global, signals: &Signals) -> Exit {
    // A build stops its child processes by itself. Reading a file may block forever.
    let interrupt =
        if arguments.step.is_dir() { signals.interrupt() } else { signals.interrupt_within(Duration::ZERO) };
    // After a signal, errors are only a consequence of it.
    let failed = |error: &dyn Error| {
        if let Some(reason) = interrupt.reason() {
            return render::cancelled(reason);
        }
        failure::error(error);
        Exit::Usage
    };
    let cleanup = signals.cleanup();
    let engine = engine(global, None, &cleanup);
    let wasm = match shared::file(&arguments.step, arguments.no_build, &engine, (&interrupt, &cleanup)) {
        Ok(wasm) => wasm,
        Err(exit) => return exit,
    };
    match inspect(&engine, &wasm, arguments.parameters.as_deref(), &interrupt) {
        Ok(inspection) => {
            if arguments.json {
                console::print(&escape_controls_in_json(&as_json(&inspection)))
            } else {
                console::print(&as_text(&inspection))
            }
        }
        Err(error) => failed(&error),
    }
}

/// Returns the description as text. Texts of the step stay on their line, after a label or indented, so that they cannot
/// imitate other lines.
fn as_text(inspection: &Inspection) -> String {
    let mut text = String::new();
    for line in lines(inspection) {
        let _ = writeln!(text, "{}", escape_controls(&line));
    }
    text
}

fn lines(inspection: &Inspection) -> Vec<String> {
    let Inspection { manifest, imports, size, digest, toolchain, compiled_in, signature, .. } = inspection;
    let mut lines = vec![format!("name      {} {} ({})", manifest.name, manifest.version, manifest.kind)];
    if !manifest.summary.is_empty() {
        lines.push(format!("summary   {}", in_one_line(&manifest.summary)));
    }
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    lines.extend([
        format!("language  {}, with the SDK {}", known(&toolchain.language), known(&toolchain.sdk)),
        format!("made by   {}", tools(toolchain)),
        format!("size      {} bytes", summary::grouped(*size)),
        format!("compiled  in {}", duration(*compiled_in)),
        format!("digest    {digest}"),
    ]);
    let mut section = |title: &str, of: Vec<String>| {
        lines.extend([String::new(), title.to_owned()]);
        let nothing = of.is_empty().then(|| "nothing".to_owned());
        lines.extend(of.into_iter().chain(nothing).map(|line| format!("  {line}")));
    };
    section("parameters", parameters(&manifest.parameters));
    if let Some(signature) = signature {
        section("reads", columns(&signature.inputs));
        section("writes", columns(&signature.outputs));
    }
    let import =
        |import: &stillbox::component::Import| format!("{:<40}  {}", import.name, availability(import.availability));
    section("imports", imports.iter().map(import).collect());
    lines
}

/// Returns the tools with their versions, without details that follow the number, such as a commit.
fn tools(toolchain: &Toolchain) -> String {
    let short = |version: &str| version.split_whitespace().next().unwrap_or_default().to_owned();
    let tools: Vec<_> = toolchain.tools.iter().map(|(name, version)| format!("{name} {}", short(version))).collect();
    if tools.is_empty() { "tools that do not say so".to_owned() } else { in_one_line(&tools.join(", ")) }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn columns(columns: &[Column]) -> Vec<String> {
    let line = |column: &Column| {
        let nullable = if column.nullable { ", may be null" } else { "" };
        let optional = if column.optional { ", may be missing" } else { "" };
        format!("{}: {}{nullable}{optional}", column.name, column.data_type)
    };
    columns.iter().map(line).collect()
}

/// Returns one line for every property of the schema.
fn parameters(schema: &Value) -> Vec<String> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|all| !all.is_empty()) else {
        return vec!["none".into()];
    };
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let width = properties.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let line = |(name, property): (&String, &Value)| {
        let default = match property.get("default") {
            Some(default) => format!("default {default}"),
            None if required.contains(&name.as_str()) => "required".into(),
            None => "optional".into(),
        };
        let description = property.get("description").and_then(Value::as_str).unwrap_or_default();
        let description = in_one_line(description);
        format!("{name:<width$}  {}, {default}  {description}", type_of(property)).trim_end().to_owned()
    };
    properties.iter().map(line).collect()
}

fn type_of(property: &Value) -> String {
    if let Some(choices) = property.get("enum").and_then(Value::as_array) {
        return choices.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    }
    let name = match property.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        _ => "any".into(),
    };
    match property.get("items") {
        Some(items) if name == "array" => format!("array of {}", type_of(items)),
        _ => name,
    }
}

fn availability(availability: Availability) -> String {
    match availability {
        Availability::Harmless => "provided".into(),
        Availability::Empty(permission) => format!("provided, empty: {} would have to be granted", permission.name()),
        _ => "not provided".into(),
    }
}

fn as_json(inspection: &Inspection) -> String {
    let Inspection { manifest, imports, size, digest, toolchain, compiled_in, signature, .. } = inspection;
    let columns = |columns: &[Column]| -> Vec<Value> {
        let column = |column: &Column| {
            json!({
                "name": column.name, "type": column.data_type.name(),
                "nullable": column.nullable, "optional": column.optional,
            })
        };
        columns.iter().map(column).collect()
    };
    let import = |import: &stillbox::component::Import| {
        let grant = match import.availability {
            Availability::Empty(permission) => Some(permission.name()),
            _ => None,
        };
        let is_of_runtime = import.is_of_runtime(toolchain.language.as_deref());
        json!({
            "name": import.name, "provided": import.availability != Availability::Missing, "grant": grant,
            "runtime": is_of_runtime,
        })
    };
    let needs = imports.iter().filter(|import| !import.is_of_runtime(toolchain.language.as_deref()));
    let needs: BTreeSet<&str> = needs
        .filter_map(|import| match import.availability {
            Availability::Empty(permission) => Some(permission.name()),
            _ => None,
        })
        .collect();
    let signature = signature
        .as_ref()
        .map(|signature| json!({ "inputs": columns(&signature.inputs), "outputs": columns(&signature.outputs) }));
    let all = json!({
        "name": manifest.name,
        "version": manifest.version,
        "summary": manifest.summary,
        "kind": manifest.kind.name(),
        "parameters": manifest.parameters,
        "signature": signature,
        "imports": imports.iter().map(import).collect::<Vec<_>>(),
        "needs": needs,
        "size": size,
        "digest": &**digest,
        "language": toolchain.language,
        "sdk": toolchain.sdk,
        "tools": toolchain.tools.iter().map(|(name, version)| json!({ "name": name, "version": version })).collect::<Vec<_>>(),
        "compile_ms": (compiled_in.as_secs_f64() * 1e6).round() / 1e3,
    });
    format!("{all:#}\n")
}
