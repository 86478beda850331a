//! One step.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parking_lot::Mutex;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::{Map, Value};
use stillbox::build::{BuildOptions, build_step};
use stillbox::config::StepSettings;
use stillbox::registry::TransferOptions;
use stillbox::{Applied, BindError, BoundStep, ConfiguredStep, Engine, Failure};

use crate::arrow::{Batches, Input};
use crate::engine::{self, CurrentEngine, OwnedByProcess};
use crate::errors;
use crate::reading::read_all;
use crate::waiting::{Cancellation, Raised, on_thread};

/// Inputs with other columns than these are bound again. Programs mostly have one or two.
const BOUND: usize = 16;

/// A component with parameters and settings. It can be called from several threads at once.
#[pyclass(frozen, module = "stillbox._stillbox")]
pub(crate) struct Step {
    component: PathBuf,
    parameters: Map<String, Value>,
    settings: StepSettings,
    state: Mutex<StepState>,
}

/// The part that depends on the engine.
struct StepState {
    generation: u64,
    loaded: OwnedByProcess<LoadedStep>,
}

struct LoadedStep {
    configured: ConfiguredStep,
    /// The latest is the last.
    bound: Vec<(SchemaRef, Arc<BoundStep>)>,
}

#[pymethods]
impl Step {
    /// Loads the component, and binds the parameters, which are a JSON object. The settings are TOML.
    #[new]
    fn new(py: Python<'_>, component: PathBuf, parameters: &str, settings: &str) -> PyResult<Self> {
        let parameters = serde_json::from_str(parameters).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let settings = StepSettings::parse(settings).map_err(|wrong| errors::diagnostics(py, &wrong))?;
        let current = engine::current()?;
        let configured = configure(py, &current, &component, &parameters, &settings)?;
        let state = StepState::new(current.generation, configured);
        Ok(Self { component, parameters, settings, state: Mutex::new(state) })
    }

    /// The manifest, the signature and the digest, as JSON.
    fn describe(&self) -> PyResult<String> {
        let state = self.state.lock();
        let configured = &state.loaded.configured;
        let (manifest, signature) = (configured.manifest(), configured.signature());
        let columns = |columns: &[stillbox::component::Column]| -> Vec<Value> {
            let column = |column: &stillbox::component::Column| {
                serde_json::json!({
                    "name": &*column.name, "type": column.data_type.to_string(), "nullable": column.nullable,
                    "optional": column.optional,
                })
            };
            columns.iter().map(column).collect()
        };
        errors::json(&serde_json::json!({
            "name": manifest.name, "version": manifest.version, "summary": manifest.summary, "kind": manifest.kind.name(),
            "digest": configured.digest(), "inputs": columns(&signature.inputs), "outputs": columns(&signature.outputs),
        }))
    }

    /// Applies the step to all rows. Returns the output, the rejected rows, each as its index, its columns as JSON and its
    /// record as JSON, and the number of dropped rows.
    fn apply(&self, py: Python<'_>, rows: &Bound<'_, PyAny>) -> PyResult<(Batches, Vec<Rejected>, u64)> {
        let input = Input::new(rows)?;
        let current = engine::current()?;
        let step = self.bound(py, &current, &input.schema())?;
        let (applied, raised) = match input {
            Input::Batch(batch) => apply(py, &current.engine, &step, &[batch])?,
            Input::Stream(stream) => apply(py, &current.engine, &step, &read_all(py, stream)?)?,
        };
        if let Some(raised) = raised {
            return Err(raised);
        }
        let applied = applied.map_err(|failure| errors::failure(py, &failure))?;
        let rejected = applied.rejected.iter();
        let rejected = rejected.map(|reject| Ok((reject.row, reject.columns.clone(), errors::json(&reject.failure)?)));
        let rejected = rejected.collect::<PyResult<Vec<_>>>()?;
        Ok((Batches::new(Arc::clone(step.schema()), applied.batches), rejected, applied.dropped))
    }
}

/// The index of a rejected row, its columns and its record.
type Rejected = (u64, String, String);

/// The result of a call, and the exception that has interrupted it, if any.
type Interruptible = (Result<Applied, Box<Failure>>, Option<PyErr>);

/// Applies a step without the GIL. Returns the exception that has interrupted it, too.
fn apply(py: Python<'_>, engine: &Engine, step: &Arc<BoundStep>, batches: &[RecordBatch]) -> PyResult<Interruptible> {
    let raised = Raised::default();
    let interrupt = raised.interrupt(py)?;
    let applied = py.detach(|| step.apply(engine, batches, &interrupt));
    Ok((applied, raised.take()))
}

impl StepState {
    fn new(generation: u64, configured: ConfiguredStep) -> Self {
        Self { generation, loaded: OwnedByProcess::new(LoadedStep { configured, bound: Vec::new() }) }
    }
}

impl Step {
    /// Returns the step, bound to these columns.
    fn bound(&self, py: Python<'_>, current: &CurrentEngine, schema: &SchemaRef) -> PyResult<Arc<BoundStep>> {
        let configured = {
            let state = self.state.lock();
            if state.generation == current.generation {
                let bound = &state.loaded.bound;
                if let Some((_, step)) = bound.iter().rfind(|(columns, _)| columns == schema) {
                    return Ok(Arc::clone(step));
                }
                Some(state.loaded.configured.clone())
            } else {
                None
            }
        };
        let configured = match configured {
            Some(configured) => configured,
            None => configure(py, current, &self.component, &self.parameters, &self.settings)?,
        };
        let bound = configured.bind(schema, "the input");
        let bound = bound.map_err(|mismatches| errors::columns(py, &configured, &mismatches))?;
        let bound = Arc::new(bound);
        let mut state = self.state.lock();
        if state.generation != current.generation {
            *state = StepState::new(current.generation, configured);
        }
        let loaded = &mut state.loaded.bound;
        if loaded.len() == BOUND {
            loaded.remove(0);
        }
        loaded.push((Arc::clone(schema), Arc::clone(&bound)));
        Ok(bound)
    }
}

/// Loads and configures a component on another thread, since it may have to be compiled.
fn configure(
    py: Python<'_>,
    current: &CurrentEngine,
    component: &Path,
    parameters: &Map<String, Value>,
    settings: &StepSettings,
) -> PyResult<ConfiguredStep> {
    let cancellation = Cancellation::default();
    let step = current.engine.step(component).parameters(parameters.clone()).settings(settings.clone());
    let step = step.interrupt(&cancellation.interrupt);
    let call = current.clone();
    let configured: Result<ConfiguredStep, BindError> = on_thread(py, &cancellation, move || {
        let configured = step.configure();
        drop(call);
        configured
    })?;
    engine::note_handlers(current);
    configured.map_err(|error| errors::bind(py, &error))
}

/// Downloads the component of a reference with a digest, and returns its path.
#[pyfunction]
pub(crate) fn pull(py: Python<'_>, reference: String) -> PyResult<PathBuf> {
    let cancellation = Cancellation::default();
    let options = TransferOptions::new().interrupt(&cancellation.interrupt).cleanup(&cancellation.cleanup);
    let current = engine::current()?;
    let work = move || current.engine.pull_pinned(&reference, &options);
    let downloaded = on_thread(py, &cancellation, work)?;
    downloaded.map(|downloaded| downloaded.path).map_err(|error| errors::bind(py, &error.into()))
}

/// Compiles a step's folder to a component, and returns its path.
#[pyfunction]
pub(crate) fn build(py: Python<'_>, folder: PathBuf) -> PyResult<PathBuf> {
    let cancellation = Cancellation::default();
    let given = cancellation.clone();
    let work = move || build_step(&folder, BuildOptions::new().interrupt(&given.interrupt).cleanup(&given.cleanup));
    let built = on_thread(py, &cancellation, work)?;
    built.map(|built| built.wasm).map_err(|error| errors::other(&error))
}
