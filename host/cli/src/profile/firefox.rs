//! The profile in the format of Firefox Profiler (profiler.firefox.com), whose page reads the file in the browser.
//!
//! It is a JSON object with tables in columns, where rows refer to rows of other tables by number.

use std::collections::HashMap;
use std::process;

use serde_json::{Value, json};

use super::sampler::EVERY;
use super::stacks::{Function, FunctionKind, Stacks};

/// The version of the processed format. The page upgrades it.
const FORMAT: u64 = 27;

/// The numbers of the categories below.
const CATEGORIES: [(FunctionKind, u64); 4] =
    [(FunctionKind::Guest, 0), (FunctionKind::Wait, 1), (FunctionKind::Step, 2), (FunctionKind::Host, 3)];

/// Returns the profile.
pub(super) fn profile(pipeline: &str, stacks: &Stacks) -> Value {
    let interval = EVERY.as_millis() as u64;
    json!({
        "meta": {
            "version": 24,
            "preprocessedProfileVersion": FORMAT,
            "interval": interval,
            "startTime": 0,
            "processType": 0,
            "product": format!("stillbox {pipeline}"),
            "stackwalk": 1,
            "debug": false,
            "symbolicated": true,
            "markerSchema": [],
            "categories": [
                { "name": "Step", "color": "orange", "subcategories": ["Other"] },
                { "name": "Wait", "color": "grey", "subcategories": ["Other"] },
                { "name": "Pipeline", "color": "blue", "subcategories": ["Other"] },
                { "name": "Host", "color": "purple", "subcategories": ["Other"] },
            ],
        },
        "libs": [],
        "threads": [thread(stacks)],
        "pages": [],
        "counters": [],
    })
}

/// The texts of a thread, each once.
#[derive(Default)]
struct StringTable {
    all: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl StringTable {
    fn number(&mut self, text: &str) -> usize {
        let next = self.all.len();
        *self.numbers.entry(text.to_owned()).or_insert_with(|| {
            self.all.push(text.to_owned());
            next
        })
    }
}

/// All samples as one thread: its time is that of all threads of the run, one after the other at each sample.
fn thread(stacks: &Stacks) -> Value {
    let mut texts = StringTable::default();
    let names: Vec<_> = stacks.functions.iter().map(|function| texts.number(&function.name)).collect();
    let files: Vec<_> =
        stacks.functions.iter().map(|function| function.file.as_deref().map(|file| texts.number(file))).collect();
    let (functions, nodes) = (stacks.functions.len(), stacks.nodes.len());
    let category = |function: &Function| {
        CATEGORIES.iter().find(|(kind, _)| *kind == function.kind).map_or(0, |(_, number)| *number)
    };
    let categories: Vec<u64> = stacks.functions.iter().map(category).collect();
    let end = stacks.times.last().map_or(0.0, |(at, _)| at.as_secs_f64() * 1e3);
    let none = |count: usize| vec![Value::Null; count];
    json!({
        "processType": "default", "processStartupTime": 0, "processShutdownTime": end, "registerTime": 0, "unregisterTime": end,
        "pausedRanges": [], "name": "steps", "isMainThread": true, "pid": process::id().to_string(), "tid": 1,
        "samples": {
            "length": stacks.times.len(),
            "stack": stacks.times.iter().map(|(_, node)| *node).collect::<Vec<_>>(),
            "time": stacks.times.iter().map(|(at, _)| at.as_secs_f64() * 1e3).collect::<Vec<_>>(),
            "weight": null, "weightType": "samples",
        },
        "markers": { "length": 0, "category": [], "data": [], "endTime": [], "name": [], "phase": [], "startTime": [] },
        "stackTable": {
            "length": nodes,
            "prefix": stacks.nodes.iter().map(|node| node.parent).collect::<Vec<_>>(),
            // A frame for each function.
            "frame": stacks.nodes.iter().map(|node| node.function).collect::<Vec<_>>(),
            "category": stacks.nodes.iter().map(|node| categories[node.function]).collect::<Vec<_>>(),
            "subcategory": vec![0; nodes],
        },
        "frameTable": {
            "length": functions, "address": vec![-1; functions], "inlineDepth": vec![0; functions],
            "category": &categories, "subcategory": vec![0; functions],
            "func": (0..functions).collect::<Vec<_>>(), "nativeSymbol": none(functions), "innerWindowID": none(functions),
            "implementation": none(functions), "line": none(functions), "column": none(functions), "optimizations": none(functions),
        },
        "funcTable": {
            "length": functions, "name": names, "isJS": vec![false; functions], "relevantForJS": vec![false; functions],
            "resource": vec![-1; functions], "fileName": files, "lineNumber": none(functions), "columnNumber": none(functions),
        },
        "resourceTable": { "length": 0, "lib": [], "name": [], "host": [], "type": [] },
        "nativeSymbols": { "length": 0, "libIndex": [], "address": [], "name": [], "functionSize": [] },
        "stringArray": texts.all,
    })
}
