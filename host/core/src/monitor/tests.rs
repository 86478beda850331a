use std::sync::mpsc::channel;
use std::thread;

use wasmtime::WasmBacktrace;

use super::*;
use crate::stack::Frame;

struct Fixed;

impl Symbolizer for Fixed {
    fn frames(&self, _: &WasmBacktrace, _: Libraries) -> Vec<Frame> {
        frames()
    }
}

fn frames() -> Vec<Frame> {
    vec![Frame { function: "loop_forever".into(), location: None }]
}

/// The stack of no guest.
fn backtrace() -> WasmBacktrace {
    WasmBacktrace::force_capture(wasmtime::Store::new(&engine(), ()))
}

fn engine() -> wasmtime::Engine {
    wasmtime::Engine::default()
}

#[test]
fn a_snapshot_has_the_innermost_work_and_wait_of_each_thread() {
    let monitor = Monitor::new();
    assert_eq!(monitor.snapshot(), Snapshot::default());
    let _batch = monitor.begin(Span::new(SpanKind::Batch, "batch").batch(7));
    let (call, live) = monitor.begin_call(
        Span::new(SpanKind::Call, "process").step(Some(&"ask".into())).rows(3),
        engine().weak(),
        Arc::new(Fixed),
    );
    let wait = live.wait("an answer of the model writer", backtrace());
    live.set_suspended(true);
    let snapshot = monitor.snapshot();
    let [activity] = &snapshot.threads[..] else { panic!("{snapshot:?}") };
    assert_eq!((&*activity.activity, activity.step.as_deref()), ("process", Some("ask")));
    assert_eq!((activity.batch, activity.rows), (Some(7), Some(3)));
    assert_eq!(activity.waits_for.as_ref().unwrap().what, "an answer of the model writer");
    assert_eq!(activity.backtrace, frames());
    drop(wait);
    let waits_for = monitor.snapshot().threads[0].waits_for.clone();
    assert_eq!(waits_for, Some(Wait { what: snapshot::HOST_FUNCTION.into(), elapsed: std::time::Duration::ZERO }));
    drop(call);
    assert_eq!(monitor.snapshot().threads[0].activity, "batch");
}

#[test]
fn a_guest_that_computes_gives_its_stack_to_each_snapshot() {
    let monitor = Monitor::new();
    let engine = engine();
    let (asked, done) = channel::<()>();
    let (started, starts) = channel();
    let guest = thread::spawn({
        let (monitor, engine) = (monitor.clone(), engine.weak());
        move || {
            let (_call, live) = monitor.begin_call(Span::new(SpanKind::Call, "process"), engine, Arc::new(Fixed));
            started.send(()).unwrap();
            while done.try_recv().is_err() {
                if let Some(snapshot) = live.wanted() {
                    live.give(snapshot, backtrace());
                }
                thread::yield_now();
            }
        }
    });
    starts.recv().unwrap();
    for _ in 0..2 {
        assert_eq!(monitor.snapshot().threads[0].backtrace, frames());
    }
    asked.send(()).unwrap();
    guest.join().unwrap();
}

#[test]
fn a_guest_that_does_not_answer_is_shown_without_a_stack() {
    let monitor = Monitor::new();
    let (_call, _live) = monitor.begin_call(Span::new(SpanKind::Call, "process"), engine().weak(), Arc::new(Fixed));
    let snapshot = monitor.snapshot();
    assert_eq!(snapshot.threads[0].backtrace, []);
    assert_eq!(snapshot.threads[0].waits_for, None);
}

#[test]
fn a_listener_gets_each_span_at_its_end() {
    let (sender, ended) = channel();
    let monitor = Monitor::with_listener(move |span, _| sender.send(span.name.to_string()).unwrap());
    let outer = monitor.begin(Span::new(SpanKind::Batch, "outer"));
    drop(monitor.begin(Span::new(SpanKind::Convert, "inner")));
    assert_eq!(monitor.open_spans().len(), 1);
    drop(outer);
    assert_eq!(ended.try_iter().collect::<Vec<_>>(), ["inner", "outer"]);
}

#[test]
fn spans_of_all_threads_are_listed_in_the_order_in_which_they_began() {
    let monitor = Monitor::new();
    let names = || monitor.open_spans().iter().map(|span| span.name.to_string()).collect::<Vec<_>>();
    let first = monitor.begin(Span::new(SpanKind::Batch, "first"));
    let (sender, guards) = channel();
    let (again, may_end) = channel::<()>();
    let other = thread::spawn({
        let monitor = monitor.clone();
        move || {
            sender.send(monitor.begin(Span::new(SpanKind::Batch, "second"))).unwrap();
            may_end.recv().unwrap();
        }
    });
    let second = guards.recv().unwrap();
    let third = monitor.begin(Span::new(SpanKind::Wait, "third"));
    assert_eq!(names(), ["first", "second", "third"]);
    assert_eq!(monitor.snapshot().threads.len(), 2);
    // A span may also end on another thread, and before one within it.
    drop(first);
    drop(second);
    assert_eq!(names(), ["third"]);
    drop(third);
    again.send(()).unwrap();
    other.join().unwrap();
}

#[test]
fn lists_of_threads_that_have_ended_are_removed() {
    let monitor = Monitor::new();
    for _ in 0..10 {
        let monitor = monitor.clone();
        thread::spawn(move || drop(monitor.begin(Span::new(SpanKind::Batch, "batch")))).join().unwrap();
    }
    assert_eq!(monitor.state.threads.count(), 1);
}

#[test]
fn a_thread_works_for_several_monitors() {
    for _ in 0..10 {
        let monitors = [Monitor::new(), Monitor::new()];
        let _spans = monitors.each_ref().map(|monitor| monitor.begin(Span::new(SpanKind::Batch, "batch")));
        assert_eq!(monitors.each_ref().map(|monitor| monitor.open_spans().len()), [1, 1]);
    }
}
