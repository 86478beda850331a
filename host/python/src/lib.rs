//! The native half of the Python package `stillbox`.

use pyo3::prelude::*;

/// The module `stillbox._stillbox`.
#[pymodule]
fn _stillbox(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
