//! The exit codes of all commands.

use stillbox::{CancelReason, Signal};

/// How the command ends. Scripts may rely on these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: success. Also if the reader of standard output closed it.
    Done,
    /// 1: a step, the input or a sink failed. Earlier outputs are unchanged. A corrupt input, or one with an invalid
    /// header, belongs here.
    Failed,
    /// 2: the command line, the pipeline file or a component is wrong, a step does not compile, or an input does not exist. Nothing
    /// was run.
    Usage,
    /// 3: the outcome of a replay is another one than that of its bundle.
    Different,
    /// 75: models answer requests of the run in batches, which have not ended. `EX_TEMPFAIL` of `sysexits.h`: the same command succeeds
    /// later.
    Waiting,
    /// 124: the time limit of the run has passed, as `timeout` reports it. If the run can be resumed, a message says so.
    TimeLimit,
    /// 130: stopped by Ctrl-C (SIGINT), 143: by SIGTERM, 129: by SIGHUP, 131: by SIGQUIT.
    Stopped(Signal),
}

impl Exit {
    /// Returns the exit of a command that was cancelled. Without a signal it is a round of `--watch`, whose exit code is not
    /// used.
    pub(crate) fn from_cancel(reason: CancelReason) -> Self {
        reason.signal().map_or(Self::Failed, Self::Stopped)
    }

    /// Returns the exit code of the process.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Different => 3,
            Self::Waiting => 75,
            Self::TimeLimit => 124,
            Self::Stopped(signal) => 128 + signal.number(),
        }
    }
}
