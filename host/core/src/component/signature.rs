//! The manifest and signature of a step, checked against the contract.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use crate::data_type::DataType;
use crate::engine::bindings::{guest, types};
use crate::failure::{Failure, FailureKind};
use crate::text::cut;

/// The maximum length of the name of a column or step, in bytes.
const NAME_BYTES: usize = 256;
/// The maximum number of inputs, and of outputs.
const COLUMNS: usize = 4096;
/// The maximum length of a summary, in bytes.
const SUMMARY_BYTES: usize = 4096;
/// The maximum length of the JSON Schema of the parameters, in bytes.
const SCHEMA_BYTES: usize = 1 << 20;

/// The kind of a step, which determines how it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum StepKind {
    /// Generates rows.
    Source,
    /// Converts each batch on its own.
    #[default]
    Transform,
    /// Receives all batches in order, in one instance.
    Aggregate,
}

impl StepKind {
    /// The name in messages and failure records.
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

/// The manifest of a step.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// The name of the step.
    pub name: String,
    /// The version of the step.
    pub version: String,
    /// A description in one sentence.
    pub summary: String,
    /// The kind of the step.
    pub kind: StepKind,
    /// The parameters: a JSON Schema of an object.
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
#[non_exhaustive]
pub struct Column {
    /// The name of the column.
    pub name: Arc<str>,
    /// The type of the column.
    pub data_type: DataType,
    /// Whether values may be null.
    pub nullable: bool,
    /// Whether the column may be missing. Always false for outputs.
    pub optional: bool,
}

/// The input and output columns of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// The columns that the step reads.
    pub inputs: Vec<Column>,
    /// The columns that the step writes.
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
                data_type: from_contract(field.data_type),
                nullable: field.nullable,
                optional: field.optional,
            })
        })
        .collect()
}

fn from_contract(data_type: types::DataType) -> DataType {
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
