//! Exit codes, all of them.

use std::process::ExitCode;

use stillbox::Signal;

/// How the command ends. Scripts may rely on these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all was done. Also when whoever reads the standard output has closed it.
    Done,
    /// 1: a step, the input or a sink failed. What was written before is as it was. An input fails by what it holds, its
    /// header included.
    Failed,
    /// 2: the command line, the pipeline file or a component is wrong, or an input is not there. Nothing was run.
    Usage,
    /// 130: stopped by Ctrl-C (SIGINT), 143: by SIGTERM, 129: by SIGHUP.
    Stopped(Signal),
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Stopped(Signal::Interrupt) => 130,
            Self::Stopped(Signal::Terminate) => 143,
            Self::Stopped(Signal::HangUp) => 129,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.number().into()
    }
}
