//! Requests to a model: time against the ideal, with and without a rate, and from stored answers.
//!
//! `cargo bench -p stillbox-cli --bench models` prints three lines: 1,000 requests that a server on this machine answers after
//! 200 ms, 64 at a time; 1,000 requests to a server with a token bucket of 100 requests in a second, with the time that the bucket
//! takes at least, and the requests that the server refused; and a run of 100,000 rows whose answers are stored.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use stillbox::runs::{Checkpointing, RunStore, Start};
use stillbox::{Engine, Pipeline, RunError, RunOptions};
use stillbox_test_guests::ASK;

const REQUESTS: usize = 1_000;
const CONCURRENCY: usize = 64;
const DELAY: Duration = Duration::from_millis(200);
/// Requests in a second, and the size of the bucket.
const RATE: f64 = 100.0;
const STORED: usize = 100_000;
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/components");

fn main() {
    // `cargo test --benches` runs this as well, to check that it works; a few requests are enough for that.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (requests, limited, stored) = if is_bench { (REQUESTS, REQUESTS, STORED) } else { (CONCURRENCY, 10, 100) };
    println!("{:<24} {:>9} {:>8} {:>8} {:>6} {:>8}", "part", "requests", "time s", "ideal s", "ratio", "refused");
    let print = |part: &str, requests: usize, time: Duration, ideal: f64, refused: usize| {
        let time = time.as_secs_f64();
        println!("{part:<24} {requests:>9} {time:>8.2} {ideal:>8.2} {:>6.2} {refused:>8}", time / ideal);
    };
    let server = Server::start(DELAY, None);
    let folder = folder(requests, &server, "");
    let ideal = DELAY.as_secs_f64() * (requests as f64 / CONCURRENCY as f64).ceil();
    let time = run(folder.path(), Start::New).expect("the server answers");
    print("64 at a time", requests, time, ideal, 0);

    let server = Server::start(Duration::from_millis(20), Some(RATE));
    let folder = self::folder(limited, &server, &format!("requests-per-minute = {}", RATE * 60.0));
    let ideal = ((limited as f64 - RATE) / RATE).max(0.02);
    let time = run(folder.path(), Start::New).expect("the server answers");
    print("100 in a second", limited, time, ideal, server.refused.load(Ordering::SeqCst));

    // The first run fails in its only batch, and has stored all answers but one.
    let server = Server::start(Duration::ZERO, None);
    let folder = self::folder(stored, &server, "");
    server.is_locked.store(true, Ordering::SeqCst);
    run(folder.path(), Start::New).expect_err("the server refuses the last prompt");
    server.is_locked.store(false, Ordering::SeqCst);
    let sent = server.requests.load(Ordering::SeqCst);
    let time = run(folder.path(), Start::Resume).expect("the server answers");
    assert!(server.requests.load(Ordering::SeqCst) - sent <= 1 + CONCURRENCY, "stored answers were paid again");
    print("stored answers", stored, time, 3.0, 0);
}

fn folder(requests: usize, server: &Server, more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    write(folder.path(), requests, server, more);
    folder
}

fn write(folder: &Path, requests: usize, server: &Server, more: &str) {
    let mut rows = String::new();
    for id in 1..requests {
        let _ = writeln!(rows, "{{\"prompt\":\"prompt {id}\"}}");
    }
    rows.push_str("{\"prompt\":\"the last prompt\"}\n");
    std::fs::write(folder.join("input.jsonl"), rows).expect("the folder is new");
    let text = format!(
        "[pipeline]\nname = \"models\"\nbatch-rows = 100000\n[[source]]\npath = \"input.jsonl\"\n[[model]]\nname = \"writer\"\nurl = \"http://{}/v1\"\n\
         model = \"small\"\nconcurrency = {CONCURRENCY}\n{more}\n[[step]]\nname = \"ask\"\ncomponent = {ASK:?}\nmodel = \"writer\"\n\
         [[sink]]\npath = \"output.jsonl\"\n",
        server.address
    );
    std::fs::write(folder.join("pipeline.toml"), text).expect("the folder is new");
}

/// Runs the pipeline, and returns the time.
fn run(folder: &Path, start: Start) -> Result<Duration, RunError> {
    let pipeline = Pipeline::from_file(folder.join("pipeline.toml")).expect("the pipeline is valid");
    let engine = Engine::builder().threads(2).compile_cache(CACHE).build();
    // Compiles the component.
    pipeline.check(&engine, &RunOptions::new()).expect("the pipeline is valid");
    let state = Checkpointing::at(RunStore::at(folder.join("state"))).start(start);
    let started = Instant::now();
    pipeline.run(&engine, &RunOptions::new().checkpointing(state))?;
    Ok(started.elapsed())
}

/// A server that answers every request after a delay, or refuses it if its bucket is empty.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    /// Whether the key is refused for the last prompt.
    is_locked: Arc<AtomicBool>,
}

/// Requests that may be sent at once, and when that was.
type Bucket = Mutex<(f64, Instant)>;

impl Server {
    fn start(delay: Duration, rate: Option<f64>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface exists");
        let address = listener.local_addr().expect("it is bound");
        let (requests, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let is_locked = Arc::<AtomicBool>::default();
        let (all, none, locked) = (Arc::clone(&requests), Arc::clone(&refused), Arc::clone(&is_locked));
        let server = Self { address, requests: all, refused: none, is_locked: locked };
        let bucket: Arc<Bucket> = Arc::new(Mutex::new((rate.unwrap_or_default(), Instant::now())));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (requests, refused, bucket) = (Arc::clone(&requests), Arc::clone(&refused), Arc::clone(&bucket));
                let is_locked = Arc::clone(&is_locked);
                thread::spawn(move || {
                    answer(&stream, |body| {
                        if is_locked.load(Ordering::SeqCst) && body.windows(8).any(|part| part == b"the last") {
                            return "401 Unauthorized";
                        }
                        requests.fetch_add(1, Ordering::Relaxed);
                        let is_refused = rate.is_some_and(|rate| !take(&bucket, rate));
                        refused.fetch_add(usize::from(is_refused), Ordering::Relaxed);
                        if !is_refused {
                            thread::sleep(delay);
                        }
                        if is_refused { "429 Too Many Requests" } else { "200 OK" }
                    });
                });
            }
        });
        server
    }
}

/// Takes a request out of the bucket, if there is one.
fn take(bucket: &Bucket, rate: f64) -> bool {
    let mut bucket = bucket.lock().expect("no thread panics");
    let now = Instant::now();
    bucket.0 = (bucket.0 + now.duration_since(bucket.1).as_secs_f64() * rate).min(rate);
    bucket.1 = now;
    let is_there = bucket.0 >= 1.0;
    bucket.0 -= if is_there { 1.0 } else { 0.0 };
    is_there
}

/// Answers the requests of a connection.
fn answer(mut stream: &TcpStream, status: impl Fn(&[u8]) -> &'static str) {
    const BODY: &str = "{\"model\":\"small\",\"choices\":[{\"message\":{\"content\":\"An answer of some words.\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}";
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).is_ok_and(|read| read > 0) {
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().expect("it is a length");
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("the body follows");
            let status = status(&body);
            let response = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{BODY}", BODY.len());
            if stream.write_all(response.as_bytes()).is_err() {
                return;
            }
        }
        line.clear();
    }
}
