//! How long a run takes from a signal to its end.
//!
//! `cargo bench -p stillbox --bench interruption` prints, for guests that compute, wait and allocate, and for 1, 8 and 64
//! instances in flight, the time from the signal to the end of the process: median and 99th percentile of 50 runs.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use stillbox_test_guests::{BAD_ALLOCATE, BAD_LOOP, BAD_SLEEP};

const RUNS: usize = 50;
/// How long after its beginning a run has all its instances in flight, on two cores.
const SETTLED: Duration = Duration::from_millis(150);

fn main() {
    // `cargo test --benches` runs this, too, and only wants to know that it works.
    let runs = if std::env::args().any(|argument| argument == "--bench") { RUNS } else { 1 };
    println!("{:<10} {:>9} {:>9} {:>9}", "guest", "in flight", "p50 ms", "p99 ms");
    for (name, guest) in [("loops", BAD_LOOP), ("sleeps", BAD_SLEEP), ("allocates", BAD_ALLOCATE)] {
        for in_flight in [1, 8, 64] {
            let mut times: Vec<Duration> = (0..runs).map(|_| time(guest, in_flight)).collect();
            times.sort();
            let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3;
            println!("{name:<10} {in_flight:>9} {:>9.1} {:>9.1}", at(0.5), at(0.99));
        }
    }
}

fn time(guest: &str, in_flight: usize) -> Duration {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let pipeline = format!(
        "[pipeline]\nname = \"bench\"\nbatch-rows = 1\n\n[[source]]\npath = \"input.jsonl\"\n\n\
         [[step]]\nname = \"guest\"\ncomponent = \"{guest}\"\n\n[[sink]]\npath = \"output.jsonl\"\n"
    );
    fs::write(folder.path().join("pipeline.toml"), pipeline).expect("the folder is new");
    fs::write(folder.path().join("input.jsonl"), "{\"id\":3}\n".repeat(in_flight)).expect("the folder is new");
    let mut child = Command::new(env!("CARGO_BIN_EXE_stillbox"))
        .args(["run", "pipeline.toml", "--message-format", "json", "--threads", &in_flight.to_string()])
        .arg("--cache-dir")
        .arg(concat!(env!("CARGO_TARGET_TMPDIR"), "/components"))
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command can be run");
    let mut events = BufReader::new(child.stdout.take().expect("it is piped"));
    let mut line = String::new();
    while !line.contains("\"started\"") {
        line.clear();
        assert_ne!(events.read_line(&mut line).expect("events are text"), 0, "the run did not begin");
    }
    std::thread::sleep(SETTLED);
    let pid = Pid::from_raw(child.id().try_into().expect("a process has a small number")).expect("and not 0");
    let sent = Instant::now();
    kill_process(pid, Signal::INT).expect("the command is running");
    let status = child.wait().expect("it can be waited for");
    let time = sent.elapsed();
    assert_eq!(status.code(), Some(130));
    time
}
