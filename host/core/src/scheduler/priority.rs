//! How threads that run steps share the cores with those that look after the run.

/// The factor between the shares of two neighbouring niceness values, by Linux's own account.
const SHARE_PER_NICE: f64 = 1.25;

/// How much nicer each of so many threads has to be for all of them to weigh as much as one thread for each core.
///
/// With more guests than cores a signal would otherwise wait for its turn behind all of them: half a second for 64 on two
/// cores. Beside other programs the run gets the same share as with a thread for each core.
fn niceness(threads: usize, cores: usize) -> i32 {
    let crowd = threads as f64 / cores.max(1) as f64;
    if crowd <= 1.0 { 0 } else { (crowd.ln() / SHARE_PER_NICE.ln()) as i32 }
}

/// How long a thread that runs steps asks to run without being interrupted by others like it.
///
/// Linux lets a thread that wakes run before one that asks for a longer slice than its own, and without that only when
/// the other's slice is over, or several: the thread that hears of a signal waited 12 ms for its turn, and those that read
/// and write wait as well. Any slice above the default, of 3 ms at most, does. The longer it is, the longer those wait who
/// need a lock that a thread without a turn holds.
#[cfg(target_os = "linux")]
const SLICE: std::time::Duration = std::time::Duration::from_millis(4);

/// Lowers the priority of the calling thread, one of so many that run steps, and has threads that wake go first.
#[cfg(target_os = "linux")]
pub(crate) fn share_cores(threads: usize) {
    use rustix::process::{getpriority_process, setpriority_process};
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    // Linux takes none as the calling thread. A system that refuses this has slower signals, and nothing worse.
    let shared = getpriority_process(None).map_err(std::io::Error::from).and_then(|nice| {
        let nicer = (nice + niceness(threads, cores)).min(19);
        // By itself, so that it holds where the other call is refused.
        setpriority_process(None, nicer)?;
        ask_for_slice(nicer)
    });
    if let Err(error) = shared {
        tracing::debug!("how a thread shares the cores cannot be changed: {error}");
    }
}

/// Asks for [`SLICE`] for the calling thread, which is this nice. Before version 6.12 Linux does nothing about it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no crate that is kept offers this call")]
fn ask_for_slice(nice: i32) -> std::io::Result<()> {
    let attributes = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: 0,
        sched_flags: libc::SCHED_FLAG_KEEP_POLICY as u64,
        sched_nice: nice,
        sched_priority: 0,
        sched_runtime: SLICE.as_nanos() as u64,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: 0 is the calling thread, and the structure lives and has the size that it says until the call returns.
    let result = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Elsewhere only whole processes have a priority.
#[cfg(not(target_os = "linux"))]
pub(crate) fn share_cores(_: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_together_weigh_as_much_as_one_for_each_core() {
        assert_eq!(niceness(1, 2), 0);
        assert_eq!(niceness(2, 2), 0);
        assert_eq!(niceness(8, 2), 6);
        assert_eq!(niceness(64, 2), 15);
    }
}
