//! The time from a signal to the end of a run.
//!
//! `cargo bench -p stillbox-cli --bench interruption` prints the time from the signal to the end of the process, median and
//! 99th percentile of 50 runs: for guests that compute, wait and allocate, with one instance, with one for each core and
//! with four for each core, which is the most that a run has, and for runs that compile, wait for input, wait for a
//! reader of their output, have just written 256 MiB, or wait for a server in each phase of a request. The last columns are the same for SIGKILL: the process does nothing itself then, so they are the
//! time that the system needs to end it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use stillbox_test_guests::{ADD_COLUMN, BAD_ALLOCATE, BAD_LOOP, BAD_SLEEP, FETCH};
use tempfile::TempDir;

const RUNS: usize = 50;
/// Time after its start within which a run has all its instances in flight, on two cores.
const SETTLED: Duration = Duration::from_millis(150);
/// Bytes of output before the signal, in runs that write much.
const WRITTEN: u64 = 256 << 20;
/// A shorter run saves no checkpoint at its end.
const RESUMABLE: Duration = Duration::from_millis(1100);
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/components");
const ROW: &str = "{\"id\":3,\"text\":\"some text\"}\n";

/// The state of a run when the signal comes.
#[derive(Clone, Copy)]
enum State {
    /// This guest is running, in this number of instances.
    Guests(&'static str, usize),
    /// A component is being compiled.
    Compiles,
    /// The input has no more rows, and no end.
    Reads,
    /// The output is a full pipe.
    Writes,
    /// The output has this size already, and grows. The checkpoint is kept.
    HasWritten,
    /// A server has sent this much of its response, and sends no more. Without anything it is at the start of a handshake.
    Requests(Option<&'static str>),
}

fn main() {
    // `cargo test --benches` runs this as well, to check that it works; one run is enough for that.
    let runs = if std::env::args().any(|argument| argument == "--bench") { RUNS } else { 1 };
    println!("{:<22} {:>9} {:>9} {:>14} {:>14}", "state", "p50 ms", "p99 ms", "SIGKILL p50 ms", "SIGKILL p99 ms");
    for (name, guest) in [("loops", BAD_LOOP), ("sleeps", BAD_SLEEP), ("allocates", BAD_ALLOCATE)] {
        for in_flight in [1, cores(), 4 * cores()] {
            print(&format!("{name}, {in_flight} in flight"), State::Guests(guest, in_flight), runs);
        }
    }
    print("compiles", State::Compiles, runs);
    print("waits for input", State::Reads, runs);
    print("waits for a reader", State::Writes, runs);
    print("has written 256 MiB", State::HasWritten, runs);
    print("waits for a handshake", State::Requests(None), runs);
    print("waits for a head", State::Requests(Some("")), runs);
    print("waits for a body", State::Requests(Some("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")), runs);
}

/// Starts a server that sends the start of each response. The channel reports the requests.
fn stalling(start: &'static str) -> (SocketAddr, Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface exists");
    let address = listener.local_addr().expect("it is bound");
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            std::thread::spawn(move || {
                let _ = stream.read_exact(&mut [0; 16]);
                let _ = stream.write_all(start.as_bytes());
                let _ = sender.send(());
                // Until the client closes the connection.
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    (address, receiver)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn print(name: &str, state: State, runs: usize) {
    let [p50, p99] = percentiles((0..runs).map(|_| time(state, Signal::INT)));
    // Fewer runs, because these times vary less.
    let [killed_p50, killed_p99] = percentiles((0..runs.div_ceil(3)).map(|_| time(state, Signal::KILL)));
    println!("{name:<22} {p50:>9.1} {p99:>9.1} {killed_p50:>14.1} {killed_p99:>14.1}");
}

fn percentiles(times: impl Iterator<Item = Duration>) -> [f64; 2] {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    [0.5, 0.99].map(|share| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3)
}

/// The time from this signal to the end of a run in this state.
fn time(state: State, signal: Signal) -> Duration {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let (server, requests) = stalling(if let State::Requests(Some(sent)) = state { sent } else { "" });
    let mut child = start(&folder, state, server);
    let started = Instant::now();
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut stdout = child.stdout.take().expect("it is piped");
    match state {
        State::Guests(..) => {
            wait_for(&mut BufReader::new(&mut stdout), "\"started\"");
            std::thread::sleep(SETTLED);
        }
        State::Requests(_) => requests.recv().expect("the server gets a request"),
        State::Compiles => std::thread::sleep(SETTLED / 3),
        State::Reads => {
            stdin.write_all(ROW.repeat(5000).as_bytes()).expect("the command reads");
            std::thread::sleep(SETTLED);
        }
        State::Writes => {
            stdout.read_exact(&mut [0]).expect("there is output");
            std::thread::sleep(SETTLED);
        }
        State::HasWritten => {
            while unfinished_bytes(folder.path()) < WRITTEN || started.elapsed() < RESUMABLE {
                std::thread::sleep(SETTLED / 100);
            }
        }
    }
    let pid = Pid::from_raw(child.id().try_into().expect("a process has a small number")).expect("and not 0");
    let sent = Instant::now();
    kill_process(pid, signal).expect("the command is running");
    let status = child.wait().expect("it can be waited for");
    let time = sent.elapsed();
    assert_eq!(status.code(), (signal == Signal::INT).then_some(130));
    if matches!(state, State::HasWritten) && signal == Signal::INT {
        assert!(unfinished_bytes(folder.path()) >= WRITTEN, "the checkpoint was lost");
    }
    time
}

/// The size of the unfinished output.
fn unfinished_bytes(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).expect("the folder exists").flatten();
    let unfinished = files.filter(|file| file.path().extension().is_some_and(|ending| ending == "part"));
    unfinished.filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

fn start(folder: &TempDir, state: State, server: SocketAddr) -> Child {
    let path = folder.path();
    let (guest, rows, threads) = match state {
        State::Guests(guest, in_flight) => (guest, in_flight, in_flight),
        State::Compiles | State::Reads => (ADD_COLUMN, 1, 2),
        State::Writes => (ADD_COLUMN, 50_000, 2),
        State::HasWritten => (ADD_COLUMN, 0, 2),
        State::Requests(_) => (FETCH, 1, 1),
    };
    let scheme = if matches!(state, State::Requests(None)) { "https" } else { "http" };
    let url = format!("{scheme}://{server}/");
    let batch_rows = if rows == threads { 1 } else { 1000 };
    let input = match state {
        State::Reads => "-\"\nformat = \"jsonl",
        State::HasWritten => long_rows(),
        _ => "input.jsonl",
    };
    let output = if matches!(state, State::Writes) { "-\"\nformat = \"jsonl" } else { "output.jsonl" };
    let pipeline = format!(
        "[pipeline]\nname = \"bench\"\nbatch-rows = {batch_rows}\n\n[[source]]\npath = \"{input}\"\n\n\
         [[step]]\nname = \"guest\"\ncomponent = \"{guest}\"\n[[step.allow.http]]\nurl = \"{url}\"\n\n\
         [[sink]]\npath = \"{output}\"\n"
    );
    fs::write(path.join("pipeline.toml"), pipeline).expect("the folder is new");
    let request = format!("{{\"url\":\"{url}\"}}\n");
    let row = if matches!(state, State::Requests(_)) { &request } else { ROW };
    fs::write(path.join("input.jsonl"), row.repeat(rows)).expect("the folder is new");
    let own_cache = path.join("cache");
    let cache = if matches!(state, State::Compiles) { &own_cache } else { Path::new(CACHE) };
    let mut command = Command::new(env!("CARGO_BIN_EXE_stillbox"));
    command.args(["run", "pipeline.toml", "--threads", &threads.to_string(), "--cache-dir"]).arg(cache);
    if matches!(state, State::Guests(..)) {
        command.args(["--message-format", "json"]);
    }
    command.current_dir(path).env("STILLBOX_STATE", path.join("runs"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().expect("the command can be run")
}

/// The path of an input that takes longer than [`RESUMABLE`].
fn long_rows() -> &'static str {
    const PATH: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/long-rows.jsonl");
    const ROWS: usize = 64 << 10;
    let row = format!("{{\"id\":3,\"text\":\"{}\"}}\n", "some text ".repeat(3 << 10));
    let bytes = (row.len() * ROWS) as u64;
    if fs::metadata(PATH).map_or(true, |file| file.len() != bytes) {
        let mut file = BufWriter::new(File::create(PATH).expect("there is room"));
        (0..ROWS).for_each(|_| file.write_all(row.as_bytes()).expect("there is room"));
        file.flush().expect("there is room");
    }
    PATH
}

fn wait_for(events: &mut impl BufRead, event: &str) {
    let mut line = String::new();
    while !line.contains(event) {
        line.clear();
        assert_ne!(events.read_line(&mut line).expect("events are text"), 0, "the run did not begin");
    }
}
