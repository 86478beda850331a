//! Binding the columns of a step to the incoming ones.

use std::sync::Arc;

use arrow_schema::{DataType as ArrowType, FieldRef, Schema};
use tokio::sync::Semaphore;

use super::graph::GraphNode;
use super::load::{LoadedStep, step_limits};
use super::node_schema::{NodeSchema, new_id, type_name};
use super::reach::{cache_mode, check_cache, check_grants, check_models};
use super::step::{ColumnSource, Step};
use crate::component::{Column, Component, Signature, StepKind};
use crate::config::instance::{CacheMode, InstanceLife};
use crate::config::names::NameMap;
use crate::config::{Config, ConfigLocation, DEFAULT_BATCH_ROWS, Diagnostic, StepTable, nearest};
use crate::data_type::DataType;
use crate::engine::Access;
use crate::failure::{Failure, FailureKind};
use crate::limits::Limits;
use crate::policy::OnFailure;
use crate::source::SourceSchema;
use crate::values::with_kept_columns;

/// The step whose columns are bound.
#[derive(Clone, Copy)]
pub(super) struct BindContext<'a> {
    pub(super) config: &'a Config,
    pub(super) node: &'a GraphNode,
    /// The index in the file.
    pub(super) index: usize,
    /// The index among the steps of the graph, in topological order.
    pub(super) number: usize,
    /// The node that provides the columns, in messages.
    pub(super) provider: &'a str,
}

/// Binds the columns of a step to the incoming ones, using the names of the pipeline.
pub(super) fn bind_columns(
    context: BindContext<'_>,
    loaded: LoadedStep,
    input: &NodeSchema,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Step, NodeSchema)> {
    let BindContext { config, node, index, number, .. } = context;
    let table = &config.steps[index];
    let LoadedStep { component, parameters, signature, grants, snapshot } = loaded;
    check_grants(table, &grants.grants, diagnostics);
    check_models(config, table, &component, diagnostics);
    let kind = component.manifest().kind;
    // These checks do not concern columns, so checking continues after a problem.
    check_kind(table, kind, diagnostics);
    check_cache(table, diagnostics);
    let before = diagnostics.len();
    let inputs_as = pipeline_names(&signature.inputs, &table.inputs, "reads", &node.name, diagnostics);
    let outputs_as = pipeline_names(&signature.outputs, &table.outputs, "writes", &node.name, diagnostics);
    check_outputs(table, &outputs_as, diagnostics);
    let mut incoming = input.clone();
    let inputs = inputs(&signature, &inputs_as, &mut incoming, |wanted, name, problem, node_schema| {
        let written = table.inputs.iter().find(|(own, _)| *own.value == *wanted.name);
        let location = written.map_or(&table.parameters.location, |(_, column)| &column.location);
        let mismatch = mismatch(&node.name, (wanted, name), problem, node_schema, context.provider);
        diagnostics.push(mismatch.at(location.clone(), &node.name, &component));
    });
    let (output, column_sources) = outgoing(&incoming, &signature, &outputs_as, kind);
    let pipeline_rows = config.pipeline.batch_rows.as_ref().map_or(DEFAULT_BATCH_ROWS, |rows| rows.value);
    let step = Step {
        number,
        name: Arc::clone(&node.name),
        component,
        snapshot,
        parameters,
        signature,
        limits: step_limits(config, table),
        access: grants.access,
        grants: grants.grants,
        on_failure: table.on_failure.value.clone(),
        inputs,
        column_sources,
        schema: Arc::clone(&output.schema),
        batch_rows: table.batch_rows.as_ref().map_or(pipeline_rows, |rows| rows.value),
        instance: table.instance.as_ref().map_or(InstanceLife::Batch, |instance| instance.value),
        cache: cache_mode(table),
        records_drops: config.dropped.is_some() && kind == StepKind::Transform,
        slots: table.concurrency.as_ref().map(|most| Arc::new(Semaphore::new(most.value))),
    };
    (diagnostics.len() == before).then_some((step, output))
}

/// Reports settings that do not apply to a step of this kind.
fn check_kind(table: &StepTable, kind: StepKind, diagnostics: &mut Vec<Diagnostic>) {
    if kind == StepKind::Transform {
        return;
    }
    let name = &table.name.value;
    let mut report = |location: &ConfigLocation, problem: &str, help: &str| {
        let message = format!("step \"{name}\" is of kind {kind}, which {problem}");
        diagnostics.push(Diagnostic::new(location.clone(), message).help(help));
    };
    let single_instance = "it has a single instance for all rows";
    if let Some(concurrency) = &table.concurrency {
        report(&concurrency.location, "does not support `concurrency`", single_instance);
    }
    if let Some(instance) = &table.instance {
        report(&instance.location, "does not support `instance`", single_instance);
    }
    match (&table.on_failure.value, kind) {
        (OnFailure::Retry(_), _) => {
            report(
                &table.on_failure.location,
                "does not support retries",
                "its instance loses its state when a call fails",
            );
        }
        (OnFailure::Reject, StepKind::Source) => {
            report(&table.on_failure.location, "has no rows to reject", "it takes no rows; remove `on-failure`");
        }
        _ => {}
    }
}

/// Returns the names of a step's columns in the pipeline. Reports unknown columns.
fn pipeline_names(
    columns: &[Column],
    names: &NameMap,
    does: &str,
    step: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Arc<str>> {
    for (own, _) in names {
        if !columns.iter().any(|column| *column.name == own.value) {
            let message = format!("step \"{step}\" {does} no column \"{}\"", own.value);
            let mut diagnostic = Diagnostic::new(own.location.clone(), message);
            if let Some(meant) = nearest(own, columns.iter().map(|column| &*column.name)) {
                diagnostic = diagnostic.help(format!("did you mean \"{meant}\"?"));
            }
            let all = columns.iter().map(|column| &*column.name).collect::<Vec<_>>().join(", ");
            let all = if all.is_empty() { "nothing".into() } else { all };
            diagnostics.push(diagnostic.help(format!("it {does} {all}")));
        }
    }
    let name_of = |column: &Column| {
        let written = names.iter().find(|(own, _)| *own.value == *column.name);
        written.map_or_else(|| Arc::clone(&column.name), |(_, name)| Arc::from(name.as_str()))
    };
    columns.iter().map(name_of).collect()
}

/// Reports outputs with the same name.
fn check_outputs(table: &StepTable, names: &[Arc<str>], diagnostics: &mut Vec<Diagnostic>) {
    for (own, name) in &table.outputs {
        if names.iter().filter(|other| ***other == *name.value).count() > 1 {
            let message = format!("step \"{}\" would write two columns \"{}\"", *table.name, name.value);
            let help = format!("choose another name for \"{}\"", own.value);
            diagnostics.push(Diagnostic::new(name.location.clone(), message).help(help));
        }
    }
}

enum ColumnMatch {
    At(usize),
    Missing,
    /// The column has a type that means something else in the contract, or that the contract does not have.
    OtherType(FieldRef),
}

fn find(schema: &Schema, name: &str, wanted: DataType) -> ColumnMatch {
    let Ok(position) = schema.index_of(name) else { return ColumnMatch::Missing };
    let field = &schema.fields()[position];
    // Rows that are all null, such as those of an empty table of pandas. They fail if the step takes no nulls.
    if field.data_type() == &ArrowType::Null {
        return ColumnMatch::At(position);
    }
    match DataType::from_field(field) {
        Some(found) if found == wanted => ColumnMatch::At(position),
        // The conversion fails for values that are not exact.
        Some(DataType::Integer) if wanted == DataType::Float => ColumnMatch::At(position),
        // Every value has a JSON form, so a step that takes columns of any type asks for `json`.
        Some(_) if wanted == DataType::Json => ColumnMatch::At(position),
        _ => ColumnMatch::OtherType(Arc::clone(field)),
    }
}

/// A column that a step reads, but that is missing or has another type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ColumnMismatch {
    /// The step, the column and the input, in one sentence without a full stop.
    pub message: String,
    /// Ways to fix it, and the columns of the input, one sentence each.
    pub help: Vec<String>,
}

impl ColumnMismatch {
    /// Creates a diagnostic with a failure record for the step.
    fn at(self, location: ConfigLocation, step: &Arc<str>, component: &Component) -> Diagnostic {
        let mut failure = Failure::new(FailureKind::Incompatible, &*self.message).with_hint(self.help.join("; "));
        (failure.step, failure.component) = (Some(Arc::clone(step)), Some(Arc::clone(component.digest())));
        self.help.into_iter().fold(Diagnostic::new(location, self.message), Diagnostic::help).failure(failure)
    }
}

fn mismatch(
    step: &str,
    (wanted, name): (&Column, &str),
    problem: &ColumnMatch,
    node_schema: &NodeSchema,
    provider: &str,
) -> ColumnMismatch {
    let data_type = wanted.data_type;
    let mut help = Vec::new();
    let message = if let ColumnMatch::OtherType(field) = problem {
        let found = type_name(field);
        help.push(format!(
            "convert it to {data_type} with the step `cast`, or declare its type with `columns` in a source that reads JSON or CSV"
        ));
        format!("step \"{step}\" reads the column \"{name}\" as {data_type}, but {provider} has it as {found}")
    } else {
        let names = node_schema.schema.fields().iter().map(|field| field.name().as_str());
        if let Some(meant) = nearest(name, names) {
            help.push(format!("did you mean \"{meant}\"?"));
        }
        format!("step \"{step}\" reads the column \"{name}\", which {provider} does not have")
    };
    help.push(format!("{provider} gives {}", node_schema.describe()));
    ColumnMismatch { message, help }
}

/// Creates a step outside of a pipeline, bound to the columns of an input. `provider` is the name of the input in messages.
///
/// # Errors
/// Columns that are missing or have another type.
pub(crate) fn standalone_step(
    component: Arc<Component>,
    (parameters, signature): (Arc<str>, Signature),
    (limits, access): (Limits, Option<Arc<Access>>),
    input: &SourceSchema,
    provider: &str,
) -> Result<Step, Vec<ColumnMismatch>> {
    let manifest = component.manifest();
    let (name, kind): (Arc<str>, StepKind) = (manifest.name.as_str().into(), manifest.kind);
    let mut incoming = NodeSchema::from_source(input);
    let mut mismatches = duplicates(&incoming.schema, provider);
    let names: Vec<_> = signature.inputs.iter().map(|column| Arc::clone(&column.name)).collect();
    let inputs = inputs(&signature, &names, &mut incoming, |wanted, name, problem, node_schema| {
        mismatches.push(mismatch(&component.manifest().name, (wanted, name), problem, node_schema, provider));
    });
    if !mismatches.is_empty() {
        return Err(mismatches);
    }
    let names: Vec<_> = signature.outputs.iter().map(|column| Arc::clone(&column.name)).collect();
    let (output, column_sources) = outgoing(&incoming, &signature, &names, kind);
    Ok(Step {
        number: 0,
        name,
        component,
        snapshot: None,
        parameters,
        signature,
        limits,
        grants: Arc::default(),
        access,
        on_failure: OnFailure::Stop,
        inputs,
        column_sources,
        schema: output.schema,
        batch_rows: DEFAULT_BATCH_ROWS,
        instance: InstanceLife::Batch,
        cache: CacheMode::Off,
        records_drops: false,
        slots: None,
    })
}

/// Reports columns with the same name.
fn duplicates(schema: &Schema, provider: &str) -> Vec<ColumnMismatch> {
    let mut names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.sort_unstable();
    let mut twice: Vec<&str> = names.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
    twice.dedup();
    let mismatch = |name: &str| ColumnMismatch {
        message: format!("{provider} has two columns \"{name}\""),
        help: vec!["rename one of them".to_owned()],
    };
    twice.into_iter().map(mismatch).collect()
}

/// Returns the index of each input of the signature among the incoming columns. Adds missing columns to an empty input.
fn inputs(
    signature: &Signature,
    names: &[Arc<str>],
    incoming: &mut NodeSchema,
    mut complain: impl FnMut(&Column, &str, &ColumnMatch, &NodeSchema),
) -> Vec<Option<usize>> {
    let mut inputs = Vec::with_capacity(signature.inputs.len());
    for (wanted, name) in signature.inputs.iter().zip(names) {
        inputs.push(match find(&incoming.schema, name, wanted.data_type) {
            ColumnMatch::At(position) => Some(position),
            ColumnMatch::Missing if incoming.open => {
                Some(incoming.append(wanted.data_type.field(name, wanted.nullable)))
            }
            ColumnMatch::Missing if wanted.optional => None,
            problem => {
                complain(wanted, name, &problem, incoming);
                None
            }
        });
    }
    inputs
}

/// Returns the outgoing columns. A replaced column keeps its position; new ones follow in the order of the signature. Rows
/// that an aggregate creates have no carried columns, so these become nullable.
fn outgoing(
    incoming: &NodeSchema,
    signature: &Signature,
    names: &[Arc<str>],
    kind: StepKind,
) -> (NodeSchema, Vec<ColumnSource>) {
    let mut fields: Vec<FieldRef> = incoming.schema.fields().iter().cloned().collect();
    let mut ids = incoming.ids.clone();
    if kind == StepKind::Aggregate {
        fields = fields.iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect();
        ids = fields.iter().map(|_| new_id()).collect();
    }
    let mut column_sources: Vec<ColumnSource> = (0..fields.len()).map(ColumnSource::Carried).collect();
    for (index, (output, name)) in signature.outputs.iter().zip(names).enumerate() {
        let field = Arc::new(output.data_type.field(name, output.nullable));
        if let Some(position) = fields.iter().position(|field| **field.name() == **name) {
            fields[position] = field;
            ids[position] = new_id();
            column_sources[position] = ColumnSource::Output(index);
        } else {
            fields.push(field);
            ids.push(new_id());
            column_sources.push(ColumnSource::Output(index));
        }
    }
    let metadata = incoming.schema.metadata();
    let is_unchanged = column_sources.iter().enumerate().all(|(index, source)| match source {
        ColumnSource::Carried(from) => *from == index,
        ColumnSource::Output(_) => index >= incoming.schema.fields().len(),
    });
    let metadata = if is_unchanged {
        metadata.clone()
    } else {
        let carried =
            column_sources.iter().zip(&fields).filter(|(source, _)| matches!(source, ColumnSource::Carried(_)));
        with_kept_columns(metadata, &carried.map(|(_, field)| (field.name().as_str(), field.name().as_str())).collect())
    };
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    (NodeSchema { schema, ids, open: incoming.open }, column_sources)
}
