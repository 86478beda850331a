//! Whether a signal was ignored when the process began, as `nohup` sets it for SIGHUP, and a shell without job control
//! for the SIGINT of its background jobs.
//!
//! The call for it, `sigaction`, has no safe wrapper, because it may replace a handler as well. So the set is read from the
//! status of the process, and on systems without `/proc` a child, which inherits ignored signals, shows it by its fate.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};

use signal_hook::low_level::signal_name;

/// The status of this process on Linux.
const STATUS: &str = "/proc/self/status";

/// The signals that the process ignored when this was read. `None` if the system does not list them.
pub(super) struct IgnoredSignals(Option<u64>);

impl IgnoredSignals {
    /// Reads the signals that the process ignores.
    pub(super) fn read() -> Self {
        Self(fs::read_to_string(STATUS).ok().map(|status| ignored_signals(&status)))
    }

    /// Returns whether the process ignores a signal. If that cannot be determined, it does not.
    pub(super) fn contains(&self, signal: i32) -> bool {
        self.0.map_or_else(|| does_child_survive(signal), |set| set >> (signal - 1) & 1 == 1)
    }
}

/// Returns the set of ignored signals in a process status: bit 0 is signal 1.
fn ignored_signals(status: &str) -> u64 {
    let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    set.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0)
}

/// Returns whether a child that sends itself a signal ends normally.
fn does_child_survive(signal: i32) -> bool {
    let Some(name) = signal_name(signal).and_then(|name| name.strip_prefix("SIG")) else { return false };
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("kill -{name} $$")]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().is_ok_and(|status| status.signal().is_none())
}

#[cfg(test)]
mod tests {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};

    use super::*;

    #[test]
    fn the_set_of_ignored_signals_is_read_from_the_status() {
        let status =
            "Name:\tstillbox\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000440\n";
        assert_eq!(ignored_signals(status), 1 << (SIGHUP - 1) | 1 << 12);
        assert_eq!(ignored_signals("Name:\tstillbox\n"), 0);
        assert_eq!(ignored_signals("SigIgn:\tmany\n"), 0);
    }

    #[test]
    fn a_child_shows_the_same_as_the_status() {
        let ignored = IgnoredSignals::read();
        for signal in [SIGHUP, SIGINT, SIGTERM, SIGUSR1] {
            assert_eq!(does_child_survive(signal), ignored.contains(signal), "signal {signal}");
        }
    }
}
