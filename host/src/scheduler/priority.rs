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

/// Lowers the priority of the calling thread, one of so many that run steps.
#[cfg(target_os = "linux")]
pub(crate) fn share_cores(threads: usize) {
    use rustix::process::{getpriority_process, setpriority_process};
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let more = niceness(threads, cores);
    if more > 0 {
        // Linux takes none as the calling thread. A system that refuses this has slower signals, and nothing worse.
        let lowered = getpriority_process(None).and_then(|nice| setpriority_process(None, (nice + more).min(19)));
        if let Err(error) = lowered {
            tracing::debug!("the priority of a thread cannot be lowered: {error}");
        }
    }
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
