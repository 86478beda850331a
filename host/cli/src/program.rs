//! The program that the command is part of: this crate's own, or the Python package.

use std::ffi::OsString;
use std::sync::{Arc, OnceLock};

use stillbox::remote::Executor;

/// Connects to a cluster at an address, such as `auto`, and returns what runs tasks there.
pub type ConnectCluster = Box<dyn Fn(&str) -> Result<Arc<dyn Executor>, String> + Send + Sync>;

/// How the command was started, and what it can do besides.
#[derive(Default)]
pub struct Program {
    /// The arguments. The first one is the name of the command in messages.
    pub arguments: Vec<OsString>,
    /// The command that starts this program again, without its arguments. Empty if it is not known: components are then
    /// compiled in this process, without a limit on memory.
    pub command: Vec<OsString>,
    /// Connects to a Ray cluster, for `run --on ray`. `None` if this program cannot.
    pub ray: Option<ConnectCluster>,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

impl Program {
    /// The program of this process, with its arguments.
    pub fn of_this_process() -> Self {
        let command = std::env::current_exe().map(|program| vec![program.into()]).unwrap_or_default();
        Self { arguments: std::env::args_os().collect(), command, ray: None }
    }
}

/// Sets the program of this process.
///
/// # Panics
/// If it was set before.
pub(crate) fn set(program: Program) {
    assert!(PROGRAM.set(program).is_ok(), "the command runs once in a process");
}

/// Returns the program of this process.
pub(crate) fn get() -> &'static Program {
    PROGRAM.get_or_init(Program::of_this_process)
}
