//! What a step says of itself, checked.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::data_type::DataType;
use crate::engine::bindings::{guest, types};
use crate::failure::{Failure, FailureKind};
use crate::text::cut;

/// The most bytes of a column's or a step's name.
const NAME_BYTES: usize = 256;
/// The most columns of one signature.
const COLUMNS: usize = 4096;
/// The most bytes of a summary.
const SUMMARY_BYTES: usize = 4096;
/// The most bytes of a parameters' schema.
const SCHEMA_BYTES: usize = 1 << 20;

/// How a step is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepKind {
    /// Makes rows.
    Source,
    /// Turns a batch into a batch, with no memory between batches.
    #[default]
    Transform,
    /// Sees all batches, in order, in one instance.
    Aggregate,
}

impl StepKind {
    /// The name in messages and records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Transform => "transform",
            Self::Aggregate => "aggregate",
        }
    }
}

impl fmt::Display for StepKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a step is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Manifest {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does, in a sentence.
    pub summary: String,
    /// How it is driven.
    pub kind: StepKind,
    /// Its parameters: a JSON Schema of an object.
    pub parameters: serde_json::Value,
}

impl Manifest {
    pub(crate) fn check(manifest: guest::StepManifest) -> Result<Self, Box<Failure>> {
        if manifest.name.is_empty() {
            return Err(bad("its manifest has an empty name".into()));
        }
        for (what, text, most) in [
            ("name", &manifest.name, NAME_BYTES),
            ("version", &manifest.version, NAME_BYTES),
            ("summary", &manifest.summary, SUMMARY_BYTES),
            ("parameters", &manifest.parameters, SCHEMA_BYTES),
        ] {
            if text.len() > most {
                let size = text.len();
                return Err(bad(format!("the {what} in its manifest has {size} bytes, more than the {most} allowed")));
            }
        }
        let parameters: serde_json::Value = serde_json::from_str(&manifest.parameters)
            .map_err(|error| bad(format!("the parameters in its manifest are not a JSON Schema: {error}")))?;
        if !parameters.is_object() {
            return Err(bad("the parameters in its manifest are not a JSON Schema of an object".into()));
        }
        let kind = match manifest.kind {
            types::Kind::Source => StepKind::Source,
            types::Kind::Transform => StepKind::Transform,
            types::Kind::Aggregate => StepKind::Aggregate,
        };
        Ok(Self { name: manifest.name, version: manifest.version, summary: manifest.summary, kind, parameters })
    }
}

/// One column of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub data_type: DataType,
    /// Whether values may be null.
    pub nullable: bool,
    /// Inputs only: whether the column may be missing.
    pub optional: bool,
}

/// The columns in and out of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// The columns that the step reads.
    pub inputs: Vec<Column>,
    /// The columns that it writes.
    pub outputs: Vec<Column>,
}

impl Signature {
    pub(crate) fn check(signature: types::Signature, kind: StepKind) -> Result<Self, Box<Failure>> {
        let signature =
            Self { inputs: columns("inputs", signature.inputs)?, outputs: columns("outputs", signature.outputs)? };
        if let Some(output) = signature.outputs.iter().find(|output| output.optional) {
            return Err(bad(format!("its signature has the optional output {:?}", output.name)));
        }
        if kind == StepKind::Source && !signature.inputs.is_empty() {
            return Err(bad("it is a source, and its signature has inputs".into()));
        }
        Ok(signature)
    }
}

fn columns(list: &str, fields: Vec<types::Field>) -> Result<Vec<Column>, Box<Failure>> {
    if fields.len() > COLUMNS {
        return Err(bad(format!("its signature has {} {list}, more than the {COLUMNS} allowed", fields.len())));
    }
    let mut seen = HashSet::new();
    fields
        .into_iter()
        .map(|field| {
            if field.name.is_empty() || field.name.len() > NAME_BYTES {
                let shown = cut(&field.name, 32);
                return Err(bad(format!(
                    "a column among the {list} has the name {shown:?}; a name has 1 to {NAME_BYTES} bytes"
                )));
            }
            if !seen.insert(field.name.clone()) {
                return Err(bad(format!("its signature names the column {:?} twice among the {list}", field.name)));
            }
            Ok(Column {
                name: field.name.into(),
                data_type: of_contract(field.data_type),
                nullable: field.nullable,
                optional: field.optional,
            })
        })
        .collect()
}

fn of_contract(data_type: types::DataType) -> DataType {
    match data_type {
        types::DataType::Boolean => DataType::Boolean,
        types::DataType::Integer => DataType::Integer,
        types::DataType::Float => DataType::Float,
        types::DataType::Text => DataType::Text,
        types::DataType::Binary => DataType::Binary,
        types::DataType::Json => DataType::Json,
        types::DataType::Vector => DataType::Vector,
    }
}

fn bad(message: String) -> Box<Failure> {
    Box::new(Failure::new(FailureKind::BadOutput, message))
}
