//! Errors of Stillbox as exceptions of the Python package.

use std::error::Error;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use serde::Serialize;
use stillbox::config::{ConfigError, Diagnostics};
use stillbox::{BindError, ColumnMismatch, ConfiguredStep, Failure, FailureKind, RunError};
use stillbox_cli::{error_text, failure_text, run_error_text};

/// Creates a `stillbox.Failure` from a record.
pub(crate) fn failure(py: Python<'_>, failure: &Failure) -> PyErr {
    failure_with_text(py, failure, &failure_text(failure))
}

fn failure_with_text(py: Python<'_>, failure: &Failure, text: &str) -> PyErr {
    let created = json(failure).and_then(|record| exception(py, "Failure")?.call_method1("_from_json", (record, text)));
    created.map_or_else(|error| error, PyErr::from_value)
}

/// Creates a `stillbox.ConfigError` from the problems of settings.
pub(crate) fn diagnostics(py: Python<'_>, wrong: &Diagnostics) -> PyErr {
    let messages: Vec<&str> = wrong.list.iter().map(|diagnostic| diagnostic.message.as_str()).collect();
    config_error(py, &error_text(wrong), &messages, wrong)
}

fn config_error(py: Python<'_>, text: &str, messages: &[&str], wrong: &Diagnostics) -> PyErr {
    let create = || {
        let records = wrong.list.iter().filter_map(|diagnostic| diagnostic.failure.as_deref());
        let records = records.map(json).collect::<PyResult<Vec<_>>>()?;
        exception(py, "ConfigError")?.call_method1("_create", (text, messages, records))
    };
    create().map_or_else(|error| error, PyErr::from_value)
}

/// Creates the exception for a pipeline file that cannot be loaded.
pub(crate) fn config(py: Python<'_>, error: &ConfigError) -> PyErr {
    match error {
        ConfigError::Invalid(wrong) => diagnostics(py, wrong),
        ConfigError::Unreadable { source, .. } => {
            let created = py
                .get_type::<pyo3::exceptions::PyOSError>()
                .call1((source.raw_os_error().unwrap_or_default(), error_text(error)));
            created.map_or_else(|error| error, PyErr::from_value)
        }
        other => PyRuntimeError::new_err(error_text(other)),
    }
}

/// Creates the exception for columns that a step does not accept: a `stillbox.Failure`.
pub(crate) fn columns(py: Python<'_>, step: &ConfiguredStep, mismatches: &[ColumnMismatch]) -> PyErr {
    let messages: Vec<&str> = mismatches.iter().map(|mismatch| mismatch.message.as_str()).collect();
    let mut record = Failure::new(FailureKind::Incompatible, messages.join("; "));
    (record.step, record.component) = (Some(step.manifest().name.as_str().into()), Some(step.digest().into()));
    let help: Vec<&str> = mismatches.iter().flat_map(|mismatch| &mismatch.help).map(String::as_str).collect();
    if !help.is_empty() {
        record = record.with_hint(help.join("; "));
    }
    failure(py, &record)
}

/// Creates the exception for a step that cannot be loaded: a `stillbox.Failure`.
pub(crate) fn bind(py: Python<'_>, error: &BindError) -> PyErr {
    if let BindError::Bind(record) = error {
        return failure(py, record);
    }
    let kind = match error {
        BindError::Component(_) => FailureKind::Incompatible,
        _ => FailureKind::Host,
    };
    let mut record = Failure::new(kind, error.to_string());
    record.causes = stillbox::text::causes(error).map(ToString::to_string).collect();
    if let BindError::Registry(error) = error {
        record = record.with_hint(error.help().join("; "));
    }
    failure(py, &record)
}

/// Creates the exception of an error without a record.
pub(crate) fn other(error: &(dyn Error + 'static)) -> PyErr {
    PyRuntimeError::new_err(error_text(error))
}

/// Creates the exception for a run that did not succeed: a `stillbox.ConfigError` for a wrong pipeline, otherwise a
/// `stillbox.Failure` with all failures and the numbers of the run.
pub(crate) fn run(py: Python<'_>, error: &RunError) -> PyErr {
    if let RunError::Config(wrong) = error {
        return diagnostics(py, wrong);
    }
    let failures = error.failures();
    let Some(first) = failures.first() else { return PyRuntimeError::new_err(run_error_text(error)) };
    let exception = failure_with_text(py, first, &run_error_text(error));
    let attach = || {
        let records = failures.iter().map(json).collect::<PyResult<Vec<_>>>()?;
        let report = error.report().map(json).transpose()?;
        exception.value(py).call_method1("_of_run", (records, report)).map(drop)
    };
    attach().err().unwrap_or(exception)
}

/// Returns data of a run as JSON.
pub(crate) fn json(value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyRuntimeError::new_err(error.to_string()))
}

fn exception<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("stillbox._errors")?.getattr(name)
}
