//! Requests by HTTP: time, connections and memory.
//!
//! `cargo bench -p stillbox-cli --bench requests` sends 10,000 requests to a server on this machine that answers each after
//! 20 ms, 64 at a time, on two threads. It prints the time, its ratio to the ideal time (10,000 / 64 x 20 ms), the connections
//! that were opened, and the peak memory of the process.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use stillbox::{Engine, Pipeline, RunOptions};
use stillbox_test_guests::FETCH_TOGETHER;

const REQUESTS: usize = 10_000;
const CONCURRENCY: usize = 64;
const DELAY: Duration = Duration::from_millis(20);
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/components");

fn main() {
    // `cargo test --benches` runs this as well, to check that it works; a few requests are enough for that.
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    let (requests, rounds) = if is_bench { (REQUESTS, 3) } else { (CONCURRENCY, 1) };
    println!("{:>9} {:>8} {:>6} {:>12} {:>9}", "requests", "time s", "ratio", "connections", "peak MiB");
    for _ in 0..rounds {
        let (time, connections) = run(requests);
        let ideal = DELAY.as_secs_f64() * requests as f64 / CONCURRENCY as f64;
        let ratio = time.as_secs_f64() / ideal;
        println!("{requests:>9} {:>8.2} {ratio:>6.2} {connections:>12} {:>9.1}", time.as_secs_f64(), peak_mib());
    }
}

/// Sends requests, and returns the time and the number of connections.
fn run(requests: usize) -> (Duration, usize) {
    let (address, connections) = serve();
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let mut rows = String::new();
    for id in 0..requests {
        let _ = writeln!(rows, "{{\"url\":\"http://{address}/{id}\"}}");
    }
    std::fs::write(folder.path().join("input.jsonl"), rows).expect("the folder is new");
    let text = format!(
        "[pipeline]\nname = \"requests\"\n[[source]]\npath = \"input.jsonl\"\n[[step]]\nname = \"fetch\"\ncomponent = {FETCH_TOGETHER:?}\n\
         [[step.allow.http]]\nurl = \"http://{address}/\"\nlimits = {{ concurrency = {CONCURRENCY} }}\n[[sink]]\npath = \"output.jsonl\"\n"
    );
    let pipeline = Pipeline::from_text(folder.path().join("pipeline.toml"), &text).expect("the pipeline is valid");
    let engine = Engine::builder().threads(2).compile_cache(CACHE).build();
    // Compiles the component.
    pipeline.check(&engine, &RunOptions::new()).expect("the pipeline is valid");
    let started = Instant::now();
    let report = pipeline.run(&engine, &RunOptions::new()).expect("the server answers");
    assert_eq!(report.rows_in, requests as u64);
    (started.elapsed(), connections.load(Ordering::SeqCst))
}

/// Starts a server.
fn serve() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface exists");
    let address = listener.local_addr().expect("it is bound");
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            count.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || answer(&stream));
        }
    });
    (address, connections)
}

/// Answers the requests of a connection.
fn answer(mut stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|length| length > 0) {
        if line == "\r\n" {
            thread::sleep(DELAY);
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
        line.clear();
    }
}

/// The peak of the resident memory of this process.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse::<f64>().ok());
    peak.unwrap_or_default() / 1024.0
}
