//! The table of everything that is measured; see `benches/README.md`.

mod boundary;
mod compute;
mod distilabel;
mod failures;
mod figures;
#[path = "../../tests/e2e/text_benchmark/input.rs"]
mod generate;
mod instance;
mod instructions;
mod memory;
mod native;
mod print;
mod process;
mod python;
mod scaling;
mod scene;
mod snapshots;
mod start;
mod text;

use scene::Scene;

/// Measures, and prints what it finds.
type Part = fn(&Scene);

/// The parts of the table, in its order. The last is left out unless it is asked for: it takes very long.
const PARTS: [(&str, Part); 11] = [
    ("text", text::print),
    ("instance", instance::print),
    ("snapshots", snapshots::print),
    ("boundary", boundary::print),
    ("compute", compute::print),
    ("start", start::print),
    ("failures", failures::print),
    ("memory", memory::print),
    ("scaling", scaling::print),
    ("instructions", instructions::print),
    ("distilabel", distilabel::print),
];

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    // Another process that has to do with the measuring: the native programs, and what is counted under callgrind.
    match arguments.first().map(String::as_str) {
        Some("native") => return native::run(&arguments[1..]).unwrap_or_else(|problem| panic!("{problem}")),
        Some("counted") => return instructions::counted(&arguments[1..]),
        _ => {}
    }
    // `cargo test` starts this without `--bench`, and only wants to know that it works.
    let is_bench = arguments.iter().any(|argument| argument == "--bench");
    arguments.retain(|argument| !argument.starts_with("--"));
    if let Some(unknown) = arguments.iter().find(|name| PARTS.iter().all(|(part, _)| part != name)) {
        assert!(!is_bench, "there is no part {unknown}; there are {:?}", PARTS.map(|(part, _)| part));
        // A filter for the names of tests.
        return;
    }
    let scene = if is_bench { Scene::full() } else { Scene::quick() };
    if !is_bench {
        println!("This only shows that everything works: there is next to no work, and the figures mean nothing.");
    }
    for (index, (name, print)) in PARTS.iter().enumerate() {
        let is_wanted =
            if arguments.is_empty() { index + 1 < PARTS.len() } else { arguments.iter().any(|a| a == name) };
        if is_wanted {
            print(&scene);
        }
    }
}
