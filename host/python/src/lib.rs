//! The native half of the Python package `stillbox`. The other half, in `python/stillbox`, has the interface that users see.

mod arrow;
mod cluster;
mod command;
mod engine;
mod errors;
mod pipeline;
mod reading;
mod signals;
mod step;
mod stream;
mod waiting;

use std::panic;

use pyo3::prelude::*;

/// The module `stillbox._stillbox`.
#[pymodule]
fn _stillbox(module: &Bound<'_, PyModule>) -> PyResult<()> {
    signals::note_python_handler();
    hide_caught_panics();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<arrow::Batches>()?;
    module.add_class::<cluster::Worker>()?;
    module.add_class::<pipeline::Pipeline>()?;
    module.add_class::<step::Step>()?;
    module.add_class::<stream::Stream>()?;
    let end_reading = wrap_pyfunction!(reading::end_reading, module)?;
    module.py().import("atexit")?.call_method1("register", (end_reading,))?;
    module.add_function(wrap_pyfunction!(command::command, module)?)?;
    module.add_function(wrap_pyfunction!(step::build, module)?)?;
    module.add_function(wrap_pyfunction!(step::pull, module)?)?;
    module.add_function(wrap_pyfunction!(engine::start, module)?)
}

/// Leaves out the messages of panics that are reported as exceptions.
fn hide_caught_panics() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !stillbox::panic_is_caught() {
            default(panic);
        }
    }));
}
