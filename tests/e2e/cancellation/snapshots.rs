//! SIGUSR1 and SIGQUIT: what the threads of a run do, with the stacks of the guests and what they wait for.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use stillbox::{Engine, Pipeline, RunOptions, SpanKind};
use stillbox_test_guests::HANG;

use crate::harness::schemas::assert_is_event;
use crate::harness::{
    Events, Folder, MEASURES, PipelineFile, Server, end, read_request, redact, send, spawn, step, wait_until,
    wait_until_caught, wat,
};

/// A server that answers nothing, and waits until its connections are closed.
fn silent_server() -> Server {
    Server::raw(|stream| {
        let mut reader = std::io::BufReader::new(stream);
        while read_request(&mut reader).is_some() {}
    })
}

/// Writes a pipeline whose rows hang in these ways, each in a batch of its own.
fn write_hanging(folder: &Folder, server: &Server, ways: &[&str]) {
    let row = |how: &&str| json!({ "how": how, "url": server.url("/slow?part=1") }).to_string() + "\n";
    folder.write("input.jsonl", ways.iter().map(row).collect::<String>());
    let hang = step("hang").allow_http(&server.url("/"), "").set("model", "\"writer\"").limits("time = \"5m\"");
    let model = format!("[[model]]\nname = \"writer\"\nurl = {:?}\nmodel = \"small\"\n", server.url("/v1"));
    folder.write_pipeline(PipelineFile::new().batch_rows(1).add(hang).toml(&model));
}

fn start(folder: &Folder, arguments: &[&str]) -> Child {
    spawn(folder.command().args(["run", "pipeline.toml", "--threads", "4"]).args(arguments))
}

/// The calls of a snapshot, by the last word of what they wait for.
fn calls(snapshot: &Value) -> BTreeMap<String, Value> {
    let calls =
        snapshot["threads"].as_array().expect("it has threads").iter().filter(|thread| thread["kind"] == "call");
    let what = |call: &Value| match call["waits_for"]["what"].as_str() {
        None => "nothing".to_owned(),
        Some(what) if what.starts_with("GET ") => "a response".to_owned(),
        Some(what) => what.to_owned(),
    };
    calls.map(|call| (what(call), call.clone())).collect()
}

/// Asks for snapshots until one shows all of these waits: a guest needs a moment to begin its wait.
fn snapshot_with(child: &Child, events: &mut Events, waits: &[&str]) -> BTreeMap<String, Value> {
    let mut last = BTreeMap::new();
    wait_until("all guests hang", || {
        send(child, Signal::USR1);
        let event = events.wait_for("snapshot").pop().expect("there is one");
        assert_is_event(&event);
        assert_eq!(event["signal"], "SIGUSR1");
        last = calls(&event);
        waits.iter().all(|wait| last.contains_key(*wait))
    });
    last
}

fn functions(call: &Value) -> Vec<String> {
    let frames = call["backtrace"].as_array().unwrap_or_else(|| panic!("it has no stack: {call}"));
    frames.iter().map(|frame| format!("{} {}", frame["function"], frame["location"]["file"])).collect()
}

#[test]
fn a_snapshot_shows_guests_that_loop_sleep_and_wait_for_servers() {
    let (folder, server) = (Folder::with(&[HANG]), silent_server());
    write_hanging(&folder, &server, &["loop", "sleep", "fetch", "ask"]);
    let mut child = start(&folder, &["--message-format", "json"]);
    let mut events = Events::new(&mut child);
    events.wait_for("started");
    let model = "1 answer of the model \"default\"";
    let calls = snapshot_with(&child, &mut events, &["nothing", "a timer", "a response", model]);
    for (wait, call) in &calls {
        assert_eq!((&call["step"], &call["activity"], &call["rows"]), (&"hang".into(), &"process".into(), &1.into()));
        let has_source = functions(call).iter().any(|frame| frame.contains("examples/hang.rs"));
        assert!(has_source, "{wait}: {call:#}");
    }
    let first = &functions(&calls["nothing"])[0];
    assert!(first.contains("loop_forever"), "{first}");
    // A query may contain a key.
    assert_eq!(calls["a response"]["waits_for"]["what"], format!("GET {}", server.url("/slow")));
    let batches: Vec<_> = ["nothing", "a timer", "a response", model].map(|wait| calls[wait]["batch"].clone()).into();
    assert_eq!(batches, [0, 1, 2, 3]);
    // The first snapshot also reads debug information. The fastest of some, because the machine may do other things.
    let times = (0..10).map(|_| {
        let asked = Instant::now();
        send(&child, Signal::USR1);
        events.wait_for("snapshot");
        asked.elapsed()
    });
    let fastest = times.min().expect("there are some");
    assert!(fastest < Duration::from_millis(200), "{fastest:?}");
    // The run continues, and can be stopped.
    send(&child, Signal::TERM);
    events.wait_for("finished");
    assert_eq!(end(child), Some(143));
}

#[test]
fn sigquit_shows_the_same_and_stops_the_run() {
    let (folder, server) = (Folder::with(&[HANG]), silent_server());
    write_hanging(&folder, &server, &["loop", "sleep"]);
    let mut child = start(&folder, &["--message-format", "json"]);
    let mut events = Events::new(&mut child);
    events.wait_for("started");
    snapshot_with(&child, &mut events, &["nothing", "a timer"]);
    send(&child, Signal::QUIT);
    let shown = events.wait_for("finished");
    shown.iter().for_each(assert_is_event);
    let [snapshot, finished] = &shown[..] else { panic!("{shown:?}") };
    assert_eq!((&snapshot["event"], &snapshot["signal"]), (&"snapshot".into(), &"SIGQUIT".into()));
    assert_eq!(calls(snapshot).len(), 2, "{snapshot}");
    assert_eq!((&finished["status"], &finished["signal"]), (&"interrupted".into(), &"SIGQUIT".into()));
    assert_eq!(end(child), Some(131));
    assert!(!folder.contains("output.jsonl"));
}

/// The names of functions come from the component.
#[test]
fn a_snapshot_is_text_that_does_not_drive_a_terminal() {
    let folder = Folder::new();
    let name = "\\1b[2J\\c2\\9b31mevil\\e2\\80\\ae\\0a::error::x";
    let functions = format!("(func $evil (@name \"{name}\") (loop (br 0)))");
    folder.write("guest.wasm", wat::step("(call $evil)", &functions));
    folder.write("input.jsonl", "{\"id\":1}\n");
    folder.write_pipeline(PipelineFile::new().add(step("guest").name("evil")));
    let mut child = start(&folder, &["--progress", "none"]);
    wait_until_caught(&child, Signal::USR1);
    let mut stderr = child.stderr.take().expect("it is piped");
    let mut text = String::new();
    wait_until("the guest loops", || {
        send(&child, Signal::USR1);
        // A snapshot may come in several parts.
        loop {
            let mut bytes = [0; 4096];
            let count = stderr.read(&mut bytes).expect("it can be read");
            assert!(count > 0, "the command ended: {text}");
            text.push_str(&String::from_utf8_lossy(&bytes[..count]));
            if text.ends_with('\n') {
                break;
            }
        }
        // An earlier snapshot is of the guest before it calls the function.
        text.rsplit("SIGUSR1").next().is_some_and(|last| last.contains("::error::x\n") && last.ends_with("frame: ?\n"))
    });
    send(&child, Signal::TERM);
    assert_eq!(end(child), Some(143));
    let snapshot = text.rsplit("SIGUSR1").next().expect("there is one");
    let _guard = redact(MEASURES.into_iter().chain([("step-\\d", "step-N")]));
    insta::assert_snapshot!(snapshot, @r"
    : 1 thread is at work
      step-N: process in step evil, batch 0, 1 row, for [TIME]
        frame: \u{1b}[2J\u{9b}31mevil\u{202e}\u{a}::error::x
        frame: ?
    ");
}

#[test]
fn a_program_takes_snapshots_of_its_run() {
    let (folder, server) = (Folder::with(&[HANG]), silent_server());
    write_hanging(&folder, &server, &["loop", "sleep"]);
    let pipeline = Pipeline::from_file(folder.join("pipeline.toml")).expect("it is valid");
    let engine = Engine::builder().threads(2).build();
    let run = pipeline.start(&engine, RunOptions::new()).expect("a thread can be started");
    wait_until("both guests hang", || {
        let snapshot = run.snapshot();
        let calls: Vec<_> = snapshot.threads.iter().filter(|thread| thread.kind == SpanKind::Call).collect();
        let waits = calls.iter().filter(|call| call.waits_for.is_some()).count();
        calls.len() == 2 && waits == 1 && calls.iter().all(|call| !call.backtrace.is_empty())
    });
    drop(run);
}
