use std::time::Duration;

use serde_json::{Value, json};
use stillbox::ThreadActivity;

use super::stacks::Stacks;
use super::*;

/// A call with this stack, the innermost function first.
fn call(functions: &[&str], waits_for: Option<&str>) -> ThreadActivity {
    let frame = |function: &&str| json!({ "function": function, "location": { "file": "src/lib.rs", "line": 1 } });
    let mut activity = json!({
        "thread": "step-0", "kind": "call", "activity": "process", "step": "parse", "elapsed": 0.5,
        "backtrace": functions.iter().map(frame).collect::<Vec<_>>(),
    });
    if let Some(what) = waits_for {
        activity["waits_for"] = json!({ "what": what, "elapsed": 0.25 });
    }
    serde_json::from_value(activity).expect("it is an activity")
}

fn stacks() -> Stacks {
    let mut stacks = Stacks::default();
    let calls = [
        call(&["find", "parse"], None),
        call(&["find", "parse"], None),
        call(&["parse"], None),
        call(&["<script>&\u{1b}[2J", "parse"], Some("a timer")),
    ];
    for (index, call) in calls.iter().enumerate() {
        stacks.add(Duration::from_millis(10 * index as u64), call);
    }
    stacks
}

#[test]
fn the_table_has_own_and_total_shares() {
    insta::assert_snapshot!(table::table(&stacks()), @r"
    profile: 4 samples, about 40.0 ms of all threads
        own  total  function
      50.0%  50.0%  find
      25.0%  100.0%  parse
      25.0%  25.0%  (wait) waits for a timer
    ");
    assert!(table::table(&Stacks::default()).contains("no sample"));
}

#[test]
fn a_recursive_function_counts_once() {
    let mut stacks = Stacks::default();
    stacks.add(Duration::ZERO, &call(&["walk", "walk", "walk"], None));
    assert!(table::table(&stacks).contains(" 100.0%  100.0%  walk\n"), "{}", table::table(&stacks));
}

#[test]
fn the_flame_graph_is_xml_whatever_the_names_are() {
    let svg = flame_graph::draw("a <b>", &stacks());
    let mut reader = quick_xml::Reader::from_str(&svg);
    let mut rectangles = 0;
    loop {
        match reader.read_event().expect("it is XML") {
            quick_xml::events::Event::Eof => break,
            quick_xml::events::Event::Empty(tag) if tag.name().as_ref() == b"rect" => rectangles += 1,
            _ => {}
        }
    }
    // The background, the step, its three functions and the wait.
    assert_eq!(rectangles, 6);
    assert!(!svg.contains("<script") && !svg.contains('\u{1b}'));
    // The whole width is the step's.
    assert!(svg.contains("<title>parse: 4 samples, 100.0%</title>"), "{svg}");
    flame_graph::draw("empty", &Stacks::default());
}

/// Every number of a row leads to a row that exists.
#[test]
fn the_tables_of_the_firefox_profile_fit_together() {
    let profile = firefox::profile("p", &stacks());
    let thread = &profile["threads"][0];
    let length = |table: &str| thread[table]["length"].as_u64().expect("it has a length");
    for table in ["samples", "stackTable", "frameTable", "funcTable"] {
        let columns = thread[table].as_object().expect("it is a table");
        for (name, column) in columns.iter().filter(|(_, column)| column.is_array()) {
            assert_eq!(column.as_array().map(Vec::len), Some(length(table) as usize), "{table}.{name}");
        }
    }
    let texts = thread["stringArray"].as_array().expect("it is a list").len() as u64;
    let refers = |table: &str, column: &str, rows: u64| {
        let numbers = thread[table][column].as_array().expect("it is a column").iter();
        assert!(numbers.filter_map(Value::as_u64).all(|number| number < rows), "{table}.{column}");
    };
    refers("samples", "stack", length("stackTable"));
    refers("stackTable", "prefix", length("stackTable"));
    refers("stackTable", "frame", length("frameTable"));
    refers("frameTable", "func", length("funcTable"));
    refers("funcTable", "name", texts);
    refers("funcTable", "fileName", texts);
    assert_eq!(length("samples"), 4);
}

#[test]
fn the_tree_is_bounded_whatever_functions_are_called() {
    let mut stacks = Stacks::default();
    let count = 120_000;
    for index in 0..count {
        stacks.add(Duration::ZERO, &call(&[&format!("f{index}")], None));
    }
    assert_eq!(stacks.count(), count);
    assert!(stacks.nodes.len() <= 100_002, "{}", stacks.nodes.len());
}
