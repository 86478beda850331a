//! Servers that fail, and runs that end because of them.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use rustix::process::Signal;
use stillbox_test_guests::ASK;

use super::{answer, answers, asking, error, rejected, server, write_prompts};
use crate::harness::{Folder, Server, end, ok, read_request, response, send, spawn, wait_until};

/// Fails the first time with each prompt.
fn failing_once(failure: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Server {
    let seen = Mutex::new(HashSet::new());
    server(move |prompt| if seen.lock().unwrap().insert(prompt.to_owned()) { failure() } else { answer("fine") })
}

#[test]
fn errors_that_pass_cost_no_row() {
    let failures: [fn() -> Vec<u8>; 7] = [
        || error("429 Too Many Requests", "", "slow down"),
        || error("429 Too Many Requests", "retry-after: 0.05\r\n", "slow down"),
        || error("500 Internal Server Error", "", "oops"),
        || response("502 Bad Gateway", "", "<html>bad gateway</html>"),
        || ok("{\"choices\": ["),
        || ok("{}"),
        || b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}".to_vec(),
    ];
    for (index, failure) in failures.into_iter().enumerate() {
        let server = failing_once(failure);
        let folder = Folder::with(&[ASK]);
        write_prompts(&folder, 0..10);
        // Of the last response the rest never comes.
        folder.run(asking(&server, "time = \"1s\"")).succeeded();
        assert_eq!((answers(&folder).len(), rejected(&folder).len()), (10, 0), "failure {index}");
    }
}

#[test]
fn a_request_that_always_fails_is_given_up_while_others_succeed() {
    let server = server(|prompt| match prompt {
        "3" => error("500 Internal Server Error", "", "out of luck"),
        "4" => error("400 Bad Request", "", "the prompt is too long"),
        _ => answer("fine"),
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..10);
    folder.run(asking(&server, "retries = 2")).succeeded();
    assert_eq!(answers(&folder).len(), 8);
    let rejected = rejected(&folder);
    assert_eq!(rejected[0], ("3".into(), "the model did not answer in 3 attempts".into()));
    let message = "the server rejects the request: status 400 Bad Request: the prompt is too long";
    assert_eq!(rejected[1], ("4".into(), message.into()));
    let times =
        |prompt: &str| server.requests().iter().filter(|request| super::prompt(&body(request)) == prompt).count();
    assert_eq!((times("3"), times("4"), times("5")), (3, 1, 1));
}

fn body(request: &crate::harness::Request) -> serde_json::Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[test]
fn no_row_is_lost_while_a_server_is_down() {
    let (is_down, failures) = (AtomicBool::new(false), AtomicUsize::new(0));
    let server = server(move |prompt| {
        if prompt == "5" {
            is_down.store(true, Ordering::SeqCst);
        }
        // More failures than a request has retries.
        if is_down.load(Ordering::SeqCst) && failures.fetch_add(1, Ordering::SeqCst) < 30 {
            return error("503 Service Unavailable", "", "down");
        }
        answer("fine")
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..40);
    folder.run(asking(&server, "retries = 1\nconcurrency = 4")).succeeded();
    assert_eq!((answers(&folder).len(), rejected(&folder).len()), (40, 0));
}

#[test]
fn a_server_that_accepts_no_request_ends_the_run() {
    let fatal = [
        ("401 Unauthorized", "bad key"),
        ("404 Not Found", "no such model"),
        ("302 Found", "elsewhere"),
        ("429 Too Many Requests", "insufficient_quota"),
    ];
    for (status, message) in fatal {
        let server = server(move |_| error(status, "", message));
        let folder = Folder::with(&[ASK]);
        write_prompts(&folder, 0..5);
        // Also where failures of rows reject them.
        let printed = folder.run(asking(&server, "concurrency = 1")).failed(1);
        assert!(
            printed.starts_with("model in step ask: the server of model \"writer\" accepts no request"),
            "{printed}"
        );
        assert!(printed.contains(&format!("caused by: status {status}: {message}")), "{printed}");
        assert_eq!(server.requests().len(), 1, "{status}");
    }
}

#[test]
fn a_run_gives_up_when_nothing_succeeds() {
    let server = server(|_| error("429 Too Many Requests", "", "slow down"));
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..5);
    let printed = folder.run(asking(&server, "give-up-after = \"300ms\"")).failed(1);
    assert!(printed.starts_with("model in step ask: model \"writer\" answered no request within 300ms"), "{printed}");
    assert!(printed.contains("caused by: status 429 Too Many Requests: slow down"), "{printed}");
    assert!(printed.contains("--resume"), "{printed}");
}

#[test]
fn a_pause_that_the_server_asks_for_holds_for_all_requests() {
    let first = AtomicBool::new(true);
    let (paused, early) =
        (std::sync::Arc::new(Mutex::new(None::<std::time::Instant>)), std::sync::Arc::new(AtomicUsize::new(0)));
    let server = server({
        let (paused, early) = (paused.clone(), early.clone());
        move |_| {
            if first.swap(false, Ordering::SeqCst) {
                *paused.lock().unwrap() = Some(std::time::Instant::now());
                return error("429 Too Many Requests", "retry-after: 1\r\n", "slow down");
            }
            let since = paused.lock().unwrap().map_or(Duration::MAX, |paused| paused.elapsed());
            // The client hears of the pause after the server has sent it, so it waits longer, never less.
            if since < Duration::from_secs(1) {
                early.fetch_add(1, Ordering::SeqCst);
            }
            answer("fine")
        }
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..20);
    folder.run(asking(&server, "concurrency = 1")).succeeded();
    assert_eq!((answers(&folder).len(), early.load(Ordering::SeqCst)), (20, 0));
}

#[test]
fn the_budget_ends_the_run_before_it_is_exceeded() {
    let server = server(|_| answer("fine"));
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..100);
    let pipeline = |tokens: u32| {
        let budget = format!("concurrency = 1\nbudget = {{ tokens = {tokens} }}\nprice = {{ input = 1, output = 2 }}");
        asking(&server, &budget).batch_rows(10)
    };
    let printed = folder.run(pipeline(600)).failed(1);
    assert!(
        printed.starts_with("model in step ask: the next request to model \"writer\" could exceed its budget"),
        "{printed}"
    );
    let sent = server.requests().len();
    assert!((20..=50).contains(&sent), "{sent} requests of 12 tokens were sent");
    // Prompts with an answer are not paid again.
    folder.run_with(pipeline(100_000), ["--resume"]).succeeded();
    assert_eq!((answers(&folder).len(), server.requests().len()), (100, 100));
}

#[test]
fn a_signal_ends_a_run_that_waits_for_a_model() {
    let (sender, asked) = channel();
    let sender = Mutex::new(sender);
    let server = Server::raw(move |stream| {
        let mut reader = std::io::BufReader::new(stream);
        while read_request(&mut reader).is_some() {
            let _ = sender.lock().unwrap().send(());
        }
    });
    let folder = Folder::with(&[ASK]);
    write_prompts(&folder, 0..5);
    folder.write_pipeline(asking(&server, ""));
    let child = spawn(folder.command().args(["run", "pipeline.toml"]));
    asked.recv_timeout(Duration::from_secs(30)).expect("the server gets a request");
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    wait_until("the connections are closed", || server.open_connections() == 0);
}
