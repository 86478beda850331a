//! The command `stillbox` of the Python package.

use std::ffi::OsString;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use pyo3::prelude::*;
use stillbox::remote::Executor;
use stillbox_cli::{ConnectCluster, Program};

use crate::cluster::PythonExecutor;

/// Runs the command, and returns its exit code. `command` starts this program again, and `connect` takes an address and
/// returns an executor.
#[pyfunction]
pub(crate) fn command(
    py: Python<'_>,
    arguments: Vec<OsString>,
    command: Vec<OsString>,
    connect: Option<Py<PyAny>>,
) -> u8 {
    let ray = connect.map(|connect| -> ConnectCluster { Box::new(move |address| self::connect(&connect, address)) });
    py.detach(|| stillbox_cli::main(Program { arguments, command, ray }))
}

/// Connects to a cluster, on a thread of its own: on the main thread, Ray would replace the handlers of signals. The thread stays
/// as long as the process, because the processes of a new cluster end with the thread that has started them.
fn connect(connect: &Py<PyAny>, address: &str) -> Result<Arc<dyn Executor>, String> {
    let (connect, address) = (Python::attach(|py| connect.clone_ref(py)), address.to_owned());
    let (sender, answer) = channel();
    let spawned = thread::Builder::new().name("ray".into()).spawn(move || {
        let connected = Python::attach(|py| match connect.call1(py, (address,)) {
            Ok(executor) => Ok(Arc::new(PythonExecutor::new(executor)) as Arc<dyn Executor>),
            Err(error) => Err(error.value(py).str().map_or_else(|_| error.to_string(), |text| text.to_string())),
        });
        let _ = sender.send(connected);
        loop {
            thread::park();
        }
    });
    spawned.map_err(|error| format!("a thread cannot be started: {error}"))?;
    answer.recv().unwrap_or_else(|_| Err("connecting panicked".to_owned()))
}
