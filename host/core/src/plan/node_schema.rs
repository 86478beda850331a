//! The outgoing columns of a node, while the plan derives them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_schema::{Field, FieldRef, Schema, SchemaRef};

use crate::data_type::DataType;
use crate::source::SourceSchema;

/// The outgoing columns of a node.
#[derive(Debug, Clone)]
pub(crate) struct NodeSchema {
    pub(crate) schema: SchemaRef,
    /// An identity for each column. It stays the same while the column is carried along unchanged.
    pub(crate) ids: Vec<u64>,
    /// Whether the input is empty, so that its columns are unknown. The schema then has the columns that steps ask for or
    /// add.
    pub(crate) open: bool,
}

impl NodeSchema {
    /// Creates columns with new identities.
    pub(crate) fn new(schema: SchemaRef) -> Self {
        let ids = schema.fields().iter().map(|_| new_id()).collect();
        Self { schema, ids, open: false }
    }

    pub(super) fn from_source(schema: &SourceSchema) -> Self {
        match schema {
            SourceSchema::Known(schema) => Self::new(Arc::clone(schema)),
            SourceSchema::Empty => Self { open: true, ..Self::new(Arc::new(Schema::empty())) },
        }
    }

    /// Adds a column that only the settings name, if the columns are unknown. Returns its index.
    pub(super) fn assume(&mut self, name: &str) -> Option<usize> {
        self.open.then(|| self.append(DataType::Text.field(name, true)))
    }

    pub(super) fn append(&mut self, field: Field) -> usize {
        let fields = self.schema.fields().iter().cloned().chain([Arc::new(field)]);
        self.schema = Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>()));
        self.ids.push(new_id());
        self.ids.len() - 1
    }

    /// Describes the columns for messages.
    pub(super) fn describe(&self) -> String {
        let columns = self.schema.fields().iter().map(|field| describe(field)).collect::<Vec<_>>().join(", ");
        if columns.is_empty() { "no columns".into() } else { columns }
    }
}

/// Returns an identity that no other column has.
pub(super) fn new_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A column and its type, for messages and the outline.
pub(crate) fn describe(field: &Field) -> String {
    format!("{}: {}", field.name(), type_name(field))
}

pub(super) fn type_name(field: &Field) -> String {
    DataType::from_field(field)
        .map_or_else(|| format!("{} (Arrow)", field.data_type()), |found| found.name().to_owned())
}
