//! Requests end with their run, in every phase, and leave no connection open.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use stillbox::{Engine, Interrupt, RunError, RunOptions};
use stillbox_test_guests::{FETCH, FETCH_TOGETHER, LEAK_REQUESTS};

use super::{fetch, write_urls};
use crate::harness::{Folder, PipelineFile, Server, end, ok, read_request, send, spawn, step, wait_until};

/// A server that reports a request and then sends the start of a response, if any, and nothing more.
fn stalling(start: &'static str) -> (Server, std::sync::mpsc::Receiver<()>) {
    let (sender, receiver) = channel();
    let sender = std::sync::Mutex::new(sender);
    let server = Server::raw(move |mut stream| {
        let sender: Sender<()> = sender.lock().unwrap().clone();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        if read_request(&mut reader).is_none() {
            return;
        }
        let _ = stream.write_all(start.as_bytes());
        let _ = sender.send(());
        // Until the client closes the connection.
        let _ = read_request(&mut reader);
    });
    (server, receiver)
}

#[test]
fn a_signal_ends_a_run_whose_server_does_not_answer() {
    for start in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome"] {
        let (server, stalled) = stalling(start);
        let folder = Folder::with(&[FETCH]);
        write_urls(&folder, &[server.url("/"), server.url("/")]);
        folder.write_pipeline(PipelineFile::new().batch_rows(1).add(fetch().allow_http(&server.url("/"), "")));
        let child = spawn(folder.command().args(["run", "pipeline.toml", "--threads", "2"]));
        stalled.recv_timeout(Duration::from_secs(30)).expect("the server gets a request");
        send(&child, Signal::INT);
        assert_eq!(end(child), Some(130), "{start:?}");
        assert!(!folder.contains("output.jsonl"));
        wait_until("the connections are closed", || server.open_connections() == 0);
    }
}

/// The second request would wait for a minute.
#[test]
fn a_signal_ends_a_run_that_waits_for_the_rate_of_a_grant() {
    let (sender, answered) = channel();
    let sender = std::sync::Mutex::new(sender);
    let server = Server::new(move |_| {
        let _ = sender.lock().unwrap().send(());
        ok("fine")
    });
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[1, 2, 3].map(|id| server.url(&format!("/{id}"))));
    let grant = fetch().allow_http(&server.url("/"), "limits = { requests-per-minute = 1 }");
    folder.write_pipeline(PipelineFile::new().batch_rows(1).add(grant));
    let child = spawn(folder.command().args(["run", "pipeline.toml", "--threads", "2"]));
    answered.recv_timeout(Duration::from_secs(30)).expect("the server gets a request");
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
    assert_eq!(server.requests().len(), 1);
}

/// The server takes the connection and the start of what is sent, and then neither reads nor answers.
#[test]
fn a_signal_ends_a_run_in_the_handshake_and_while_it_sends() {
    for scheme in ["https", "http"] {
        let (sender, started) = channel();
        let sender = std::sync::Mutex::new(sender);
        let (end_server, ended) = channel::<()>();
        let ended = std::sync::Mutex::new(ended);
        let server = Server::raw(move |mut stream| {
            let _ = stream.read_exact(&mut [0; 16]);
            let _ = sender.lock().unwrap().send(());
            let _ = ended.lock().unwrap().recv();
        });
        let url = format!("{scheme}://{}/", server.address);
        let folder = Folder::with(&[FETCH]);
        // More than the buffers of the system take.
        let row = serde_json::json!({ "url": url, "method": "POST", "body": "x".repeat(12 << 20) });
        folder.write("input.jsonl", format!("{row}\n"));
        let grant = "methods = [\"POST\"]\nlimits = { request-bytes = \"64MiB\" }";
        folder.write_pipeline(PipelineFile::new().add(fetch().allow_http(&url, grant)));
        let child = spawn(folder.command().args(["run", "pipeline.toml"]));
        started.recv_timeout(Duration::from_secs(30)).expect("the server gets a connection");
        send(&child, Signal::INT);
        assert_eq!(end(child), Some(130), "{scheme}");
        drop(end_server);
    }
}

/// Also in a process that goes on: the test would hang if a task kept a socket open.
#[test]
fn an_interrupt_of_the_library_closes_all_connections() {
    for guest in [FETCH, FETCH_TOGETHER] {
        let (server, stalled) = stalling("");
        let folder = Folder::with(&[guest]);
        write_urls(&folder, &[server.url("/"), server.url("/")]);
        let name = if guest == FETCH { "fetch" } else { "fetch_together" };
        folder.write_pipeline(PipelineFile::new().add(step(name).allow_http(&server.url("/"), "")));
        let interrupt = Interrupt::new();
        let result = thread::scope(|scope| {
            let run = scope.spawn(|| {
                let engine = Engine::builder().threads(1).compile_cache(crate::harness::CACHE).build();
                folder.load().run(&engine, &RunOptions::new().interrupt(&interrupt))
            });
            stalled.recv_timeout(Duration::from_secs(30)).expect("the server gets a request");
            interrupt.cancel();
            run.join().expect("the run does not panic")
        });
        assert!(matches!(result, Err(RunError::Interrupted { .. })), "{result:?}");
        wait_until("the connections are closed", || server.open_connections() == 0);
    }
}

#[test]
fn a_signal_ends_a_run_that_connects() {
    // A listener whose queue is full takes no further connection.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _queue: Vec<_> = (0..5000)
        .map_while(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok())
        .collect();
    let url = format!("http://{address}/");
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, std::slice::from_ref(&url));
    folder.write_pipeline(PipelineFile::new().add(fetch().allow_http(&url, "")));
    let mut command = folder.command();
    let mut child = spawn(command.args(["run", "pipeline.toml", "--message-format", "json"]));
    crate::harness::Events::new(&mut child).wait_for("started");
    wait_until("the run connects", || is_connecting(address.port()));
    send(&child, Signal::INT);
    assert_eq!(end(child), Some(130));
}

/// Returns whether a process of this machine waits for a connection to a port, according to the system's table.
fn is_connecting(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let remote = format!("0100007F:{port:04X}");
    table.lines().any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.get(2) == Some(&remote.as_str()) && columns.get(3) == Some(&"02")
    })
}

#[test]
fn a_batch_past_its_time_closes_its_connections() {
    let (server, _stalled) = stalling("HTTP/1.1 200 OK\r\n");
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/")]);
    let table = fetch().limits("time = \"500ms\"").allow_http(&server.url("/"), "");
    let message = folder.run(PipelineFile::new().add(table)).failed(1);
    assert!(message.contains("did not finish within 500ms"), "{message}");
    wait_until("the connections are closed", || server.open_connections() == 0);
}

#[test]
fn leaked_requests_are_bounded_and_end_with_their_instance() {
    let (server, _stalled) = stalling("");
    let folder = Folder::with(&[LEAK_REQUESTS]);
    let row = serde_json::json!({ "authority": server.address.to_string(), "count": 100_000 });
    folder.write("input.jsonl", format!("{row}\n"));
    let grant = step("leak_requests").allow_http(&server.url("/"), "limits = { requests = 500, concurrency = 4 }");
    let started = Instant::now();
    folder.run(PipelineFile::new().add(grant)).succeeded();
    let output = &folder.json_lines("output.jsonl")[0];
    assert_eq!(output["sent"].as_u64().unwrap() + output["refused"].as_u64().unwrap(), 100_000);
    assert!(server.connections() <= 4, "{} connections", server.connections());
    assert!(started.elapsed() < Duration::from_secs(30), "the requests were waited for");
    wait_until("the connections are closed", || server.open_connections() == 0);
}
