//! The native half of the Python package `stillbox`. The other half, in `python/stillbox`, has the interface that users see.

mod arrow;
mod cluster;
mod command;
mod engine;
mod errors;
mod pipeline;
mod signals;
mod step;
mod stream;
mod waiting;

use pyo3::prelude::*;

/// The module `stillbox._stillbox`.
#[pymodule]
fn _stillbox(module: &Bound<'_, PyModule>) -> PyResult<()> {
    signals::note_python_handler();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<arrow::Batches>()?;
    module.add_class::<cluster::Worker>()?;
    module.add_class::<pipeline::Pipeline>()?;
    module.add_class::<step::Step>()?;
    module.add_class::<stream::Stream>()?;
    module.add_function(wrap_pyfunction!(command::command, module)?)?;
    module.add_function(wrap_pyfunction!(step::build, module)?)?;
    module.add_function(wrap_pyfunction!(engine::start, module)?)
}
