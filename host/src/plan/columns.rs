//! The columns along every edge.

use std::sync::Arc;

use arrow_schema::{Field, FieldRef, Schema, SchemaRef};

use super::Step;
use super::graph::{Graph, Role};
use super::steps::{Loaded, limits_of};
use crate::component::{Column, Component, Kind, Signature};
use crate::config::{Complaint, Config, nearest};
use crate::data_type::DataType;
use crate::policy::OnFailure;
use crate::sandbox::Limits;
use crate::source::SourceSchema;

/// The columns that come out of a node.
#[derive(Debug, Clone)]
pub(crate) enum Shape {
    /// Exactly these.
    Known(SchemaRef),
    /// The input is empty, so that there may be any column; these are the ones that steps ask for or add.
    Open(SchemaRef),
}

impl Shape {
    pub(crate) fn schema(&self) -> SchemaRef {
        match self {
            Self::Known(schema) | Self::Open(schema) => Arc::clone(schema),
        }
    }

    fn with(&self, schema: Schema) -> Self {
        match self {
            Self::Known(_) => Self::Known(Arc::new(schema)),
            Self::Open(_) => Self::Open(Arc::new(schema)),
        }
    }
}

/// Where an outgoing column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Carried along: the index among the incoming columns.
    Carried(usize),
    /// Made by the step: the index among its outputs.
    Made(usize),
}

/// The outcome: shapes by node, steps by their index in the file.
pub(super) struct Typed {
    pub(super) source_shape: Shape,
    pub(super) steps: Vec<Option<Arc<Step>>>,
    pub(super) shapes: Vec<Shape>,
}

/// Follows the columns from the source to the sinks. None if something does not fit; then there is a complaint.
pub(super) fn flow(
    config: &Config,
    graph: &Graph,
    loaded: Vec<Option<Loaded>>,
    source: &SourceSchema,
    complaints: &mut Vec<Complaint>,
) -> Option<Typed> {
    let mut loaded = loaded;
    let mut steps: Vec<Option<Arc<Step>>> = Vec::new();
    steps.resize_with(config.steps.len(), || None);
    let mut shapes: Vec<Option<Shape>> = vec![None; graph.nodes.len()];
    shapes[0] = Some(Shape::of_source(source));
    for id in 1..graph.nodes.len() {
        let node = &graph.nodes[id];
        // What a failed step would have added is unknown, so nothing behind it is judged.
        let Some(input) = node.parents.first().and_then(|parent| shapes[*parent].clone()) else { continue };
        match node.role {
            Role::Source(_) => {}
            Role::Sink(_) => shapes[id] = Some(input),
            Role::Step(index) => {
                let Some(loaded) = loaded[index].take() else { continue };
                let Some((step, shape)) = place(config, graph, id, index, loaded, &input, complaints) else { continue };
                steps[index] = Some(Arc::new(step));
                shapes[id] = Some(shape);
            }
        }
    }
    let shapes: Option<Vec<Shape>> = shapes.into_iter().collect();
    shapes.map(|shapes| Typed { source_shape: shapes[0].clone(), steps, shapes })
}

/// Finds a step's columns among those that come in.
fn place(
    config: &Config,
    graph: &Graph,
    id: usize,
    index: usize,
    loaded: Loaded,
    input: &Shape,
    complaints: &mut Vec<Complaint>,
) -> Option<(Step, Shape)> {
    let node = &graph.nodes[id];
    let table = &config.steps[index];
    let before = complaints.len();
    let Loaded { component, parameters, signature } = loaded;
    if component.manifest().kind != Kind::Transform {
        let kind = component.manifest().kind;
        let message = format!("step \"{}\" is of kind {kind}, and only steps of kind transform can be run", node.name);
        complaints.push(Complaint::new(table.component.place.clone(), message));
    }
    let mut incoming = input.schema().as_ref().clone();
    let mut inputs = Vec::with_capacity(signature.inputs.len());
    for wanted in &signature.inputs {
        match find(&incoming, wanted) {
            Found::At(position) => inputs.push(Some(position)),
            Found::Missing if matches!(input, Shape::Open(_)) => {
                inputs.push(Some(incoming.fields().len()));
                let field = wanted.data_type.field(&wanted.name, wanted.nullable);
                incoming = appended(&incoming, field);
            }
            Found::Missing if wanted.optional => inputs.push(None),
            problem => {
                inputs.push(None);
                let provider = provider(graph, id);
                let place = table.parameters.place.clone();
                complaints.push(misfit(&node.name, wanted, &problem, &incoming, &provider).at(place));
            }
        }
    }
    let (schema, placements) = outgoing(&incoming, &signature);
    let step = Step {
        name: Arc::clone(&node.name),
        component,
        parameters,
        signature,
        limits: limits_of(config, table),
        on_failure: table.on_failure.value.clone(),
        inputs,
        placements,
        schema: Arc::new(schema.clone()),
    };
    (complaints.len() == before).then(|| (step, input.with(schema)))
}

/// A step by itself, with its columns found among those of an input that is called `provider`.
///
/// # Errors
/// For each column that is not there, or is of another type, what is wrong and what to do about it.
pub(crate) fn alone(
    component: Arc<Component>,
    (parameters, signature): (Arc<str>, Signature),
    limits: Limits,
    input: &SourceSchema,
    provider: &str,
) -> Result<Step, Vec<Misfit>> {
    let name: Arc<str> = component.manifest().name.as_str().into();
    let input = Shape::of_source(input);
    let mut incoming = input.schema().as_ref().clone();
    let mut inputs = Vec::with_capacity(signature.inputs.len());
    let mut misfits = Vec::new();
    for wanted in &signature.inputs {
        match find(&incoming, wanted) {
            Found::At(position) => inputs.push(Some(position)),
            Found::Missing if matches!(input, Shape::Open(_)) => {
                inputs.push(Some(incoming.fields().len()));
                incoming = appended(&incoming, wanted.data_type.field(&wanted.name, wanted.nullable));
            }
            Found::Missing if wanted.optional => inputs.push(None),
            problem => misfits.push(misfit(&name, wanted, &problem, &incoming, provider)),
        }
    }
    if !misfits.is_empty() {
        return Err(misfits);
    }
    let (schema, placements) = outgoing(&incoming, &signature);
    let (on_failure, schema) = (OnFailure::Stop, Arc::new(schema));
    Ok(Step { name, component, parameters, signature, limits, on_failure, inputs, placements, schema })
}

enum Found {
    At(usize),
    Missing,
    /// The column is there, with a type that has another meaning, or none, in the contract.
    OtherType(FieldRef),
}

fn find(schema: &Schema, wanted: &Column) -> Found {
    let Ok(position) = schema.index_of(&wanted.name) else { return Found::Missing };
    let field = &schema.fields()[position];
    match DataType::of(field) {
        Some(found) if found == wanted.data_type => Found::At(position),
        // Every value is checked to be exact when it is converted.
        Some(DataType::Integer) if wanted.data_type == DataType::Float => Found::At(position),
        // Every value has its JSON, so a step that takes a column of any type asks for `json`.
        Some(_) if wanted.data_type == DataType::Json => Found::At(position),
        _ => Found::OtherType(Arc::clone(field)),
    }
}

/// Who the incoming rows are of, in words.
fn provider(graph: &Graph, id: usize) -> String {
    let parent = &graph.nodes[graph.nodes[id].parents[0]];
    match parent.role {
        Role::Step(_) => format!("step \"{}\"", parent.name),
        Role::Source(_) | Role::Sink(_) => "the source".into(),
    }
}

/// A column that a step reads, and that is not there as it needs it.
pub(crate) struct Misfit {
    pub(crate) message: String,
    pub(crate) help: Vec<String>,
}

impl Misfit {
    fn at(self, place: crate::config::Place) -> Complaint {
        self.help.into_iter().fold(Complaint::new(place, self.message), Complaint::help)
    }
}

fn misfit(step: &str, wanted: &Column, problem: &Found, schema: &Schema, provider: &str) -> Misfit {
    let Column { name, data_type, .. } = wanted;
    let columns = schema.fields().iter().map(|field| describe(field)).collect::<Vec<_>>().join(", ");
    let columns = if columns.is_empty() { "no columns".into() } else { columns };
    let mut help = Vec::new();
    let message = if let Found::OtherType(field) = problem {
        let found = type_name(field);
        format!("step \"{step}\" reads the column \"{name}\" as {data_type}, and {provider} gives it as {found}")
    } else {
        let names = schema.fields().iter().map(|field| field.name().as_str());
        if let Some(meant) = nearest(name, names) {
            help.push(format!("did you mean \"{meant}\"?"));
        }
        format!("step \"{step}\" reads the column \"{name}\", which {provider} does not give")
    };
    help.push(format!("{provider} gives {columns}"));
    Misfit { message, help }
}

/// A column and its type, as messages and `check` write it.
pub(crate) fn describe(field: &Field) -> String {
    format!("{}: {}", field.name(), type_name(field))
}

fn type_name(field: &Field) -> String {
    DataType::of(field).map_or_else(|| format!("{} (Arrow)", field.data_type()), |found| found.name().to_owned())
}

fn appended(schema: &Schema, field: Field) -> Schema {
    let fields = schema.fields().iter().cloned().chain([Arc::new(field)]);
    Schema::new(fields.collect::<Vec<_>>())
}

/// A replaced column keeps its place, new ones follow in the order of the signature.
fn outgoing(incoming: &Schema, signature: &Signature) -> (Schema, Vec<Placement>) {
    let mut fields: Vec<FieldRef> = incoming.fields().iter().cloned().collect();
    let mut placements: Vec<Placement> = (0..fields.len()).map(Placement::Carried).collect();
    for (index, output) in signature.outputs.iter().enumerate() {
        let field = Arc::new(output.data_type.field(&output.name, output.nullable));
        if let Some(position) = fields.iter().position(|field| *field.name() == *output.name) {
            fields[position] = field;
            placements[position] = Placement::Made(index);
        } else {
            fields.push(field);
            placements.push(Placement::Made(index));
        }
    }
    (Schema::new(fields), placements)
}
