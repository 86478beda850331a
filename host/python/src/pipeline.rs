//! Pipelines.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use stillbox::config::ConfigError;
use stillbox::{Overrides, Policy, RunOptions};

use crate::arrow::Input;
use crate::cluster::PythonExecutor;
use crate::engine;
use crate::errors;
use crate::reading::reader;
use crate::stream::Stream;
use crate::waiting::{Cancellation, on_thread};

/// A pipeline file with replaced settings.
#[pyclass(frozen, module = "stillbox._stillbox")]
pub(crate) struct Pipeline {
    pipeline: stillbox::Pipeline,
}

/// Objects with Arrow data, by the name of the source that they replace.
type Sources<'py> = Vec<(String, Bound<'py, PyAny>)>;

#[pymethods]
impl Pipeline {
    /// Reads a pipeline file. `set` and `limit` are as those of the command. The paths are those of the input, the output and
    /// the policy.
    #[new]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        set: Vec<String>,
        limit: Vec<String>,
        max_rejects: Option<String>,
        paths: (Option<PathBuf>, Option<PathBuf>, Option<PathBuf>),
    ) -> PyResult<Self> {
        let (input, output, policy) = paths;
        let mut overrides = Overrides::new();
        (overrides.set, overrides.limit) = (set, limit);
        (overrides.max_rejects, overrides.input, overrides.output) = (max_rejects, input, output);
        let policy = policy.map(Policy::from_file).transpose().map_err(|error| errors::config(py, &error))?;
        let pipeline = stillbox::Pipeline::from_file(path)
            .and_then(|pipeline| pipeline.with(&overrides).map_err(ConfigError::from))
            .map_err(|error| errors::config(py, &error))?;
        Ok(Self { pipeline: policy.into_iter().fold(pipeline, stillbox::Pipeline::policy) })
    }

    #[getter]
    fn name(&self) -> &str {
        self.pipeline.name()
    }

    #[getter]
    fn sources(&self) -> Vec<String> {
        self.pipeline.source_names().iter().map(ToString::to_string).collect()
    }

    #[getter]
    fn sinks(&self) -> Vec<String> {
        self.pipeline.sink_names().iter().map(ToString::to_string).collect()
    }

    /// Checks the pipeline, and returns its outline as JSON.
    fn check(&self, py: Python<'_>, sources: Sources<'_>) -> PyResult<String> {
        let cancellation = Cancellation::default();
        let options = options(&cancellation, sources)?;
        let current = engine::current()?;
        let (pipeline, call) = (self.pipeline.clone(), current.clone());
        let checked = on_thread(py, &cancellation, move || pipeline.check(&call.engine, &options))?;
        engine::note_handlers(&current);
        errors::json(&checked.map_err(|error| errors::run(py, &error))?)
    }

    /// Runs the pipeline, and returns its report as JSON. An executor is an object as `stillbox.ray` has it.
    #[pyo3(signature = (sources, executor = None))]
    fn run(&self, py: Python<'_>, sources: Sources<'_>, executor: Option<Py<PyAny>>) -> PyResult<String> {
        let cancellation = Cancellation::default();
        let mut options = options(&cancellation, sources)?;
        if let Some(executor) = executor {
            options = options.executor(Arc::new(PythonExecutor::new(executor)));
        }
        let current = engine::current()?;
        let (pipeline, call) = (self.pipeline.clone(), current.clone());
        let result = on_thread(py, &cancellation, move || pipeline.run(&call.engine, &options))?;
        engine::note_handlers(&current);
        errors::json(&result.map_err(|error| errors::run(py, &error))?)
    }

    /// Starts a run whose rows of one sink are returned batch by batch.
    fn stream(&self, sources: Sources<'_>, sink: &str) -> PyResult<Stream> {
        let cancellation = Cancellation::default();
        let options = options(&cancellation, sources)?;
        Stream::start(self.pipeline.clone(), options, sink, cancellation)
    }
}

fn options(cancellation: &Cancellation, sources: Sources<'_>) -> PyResult<RunOptions> {
    let interrupt = &cancellation.interrupt;
    let mut options = RunOptions::new().interrupt(interrupt).cleanup(&cancellation.cleanup);
    for (name, rows) in sources {
        options = options.source(name, reader(Input::new(&rows)?, interrupt));
    }
    Ok(options)
}
