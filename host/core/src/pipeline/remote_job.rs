//! The job of a run whose tasks run in other processes.

use std::fs;
use std::sync::Arc;

use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Schema};
use sha2::{Digest as _, Sha256};

use super::Pipeline;
use crate::component::Component;
use crate::digest::digest_text;
use crate::failure::{Failure, FailureKind};
use crate::plan::{Plan, Replacements, Role};
use crate::remote::{Job, JobComponent, JobDescription, VERSION};
use crate::source::SourceSchema;

/// Describes the run with this id to its workers.
///
/// # Errors
/// A component has changed since the plan was made, or a path is not UTF-8.
pub(super) fn describe(
    pipeline: &Pipeline,
    plan: &Plan,
    replacements: &Replacements,
    (run, is_resumable): (&Arc<str>, bool),
) -> Result<Job, Box<Failure>> {
    let host = |error: &dyn std::error::Error| Box::new(Failure::host(error));
    let config = &pipeline.config;
    let mut digests: Vec<Arc<str>> = vec![Arc::default(); config.steps.len()];
    let mut components: Vec<JobComponent> = Vec::new();
    for node in &plan.nodes {
        let (Role::Step(index), Some(step)) = (node.role, &node.step) else { continue };
        digests[index] = Arc::clone(step.component.digest());
        if components.iter().all(|component| component.digest != *step.component.digest()) {
            components.push(read(&step.component)?);
        }
    }
    let schema = |schema: &SourceSchema| match schema {
        SourceSchema::Known(schema) => encode_schema(schema).map(Some),
        SourceSchema::Empty => Ok(None),
    };
    let sources = plan.sources.iter().map(|source| schema(&source.schema)).collect::<Result<_, _>>();
    let text = |path: &std::path::Path| {
        path.to_str().map(ToOwned::to_owned).ok_or_else(|| {
            let message =
                format!("the path {} is not UTF-8, so the run cannot be described to a worker", path.display());
            Box::new(Failure::new(FailureKind::Host, message))
        })
    };
    let description = JobDescription {
        version: VERSION.to_owned(),
        run: Arc::clone(run),
        file: text(&config.file)?,
        text: Arc::clone(&config.text),
        set: pipeline.overrides.set.clone(),
        limit: pipeline.overrides.limit.clone(),
        output: pipeline.overrides.output.as_deref().map(text).transpose()?,
        components: digests,
        sources: sources.map_err(|error| host(&error))?,
        batch_sinks: replacements.sinks.keys().cloned().collect(),
        is_resumable,
    };
    let description = serde_json::to_vec(&description).map_err(|error| host(&error))?;
    Ok(Job { description, components })
}

/// Reads the file of a component again.
fn read(component: &Component) -> Result<JobComponent, Box<Failure>> {
    let path = component.path();
    let bytes = fs::read(path).map_err(|error| {
        let mut failure = Failure::new(FailureKind::Host, format!("{} cannot be read", path.display()));
        failure.causes.push(error.to_string());
        Box::new(failure)
    })?;
    if *digest_text(&Sha256::digest(&bytes)) != **component.digest() {
        let message = format!("{} was changed while the run started", path.display());
        return Err(Box::new(Failure::new(FailureKind::Host, message).with_hint("start the run again")));
    }
    Ok(JobComponent { digest: Arc::clone(component.digest()), bytes })
}

/// Encodes columns as an Arrow IPC stream without batches.
fn encode_schema(schema: &Schema) -> Result<Vec<u8>, ArrowError> {
    let mut bytes = Vec::new();
    StreamWriter::try_new(&mut bytes, schema)?.finish()?;
    Ok(bytes)
}
