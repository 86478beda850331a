//! The types of the contract, and their Arrow types.

mod nested;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow_schema::extension::{ExtensionType, Json, Uuid};
use arrow_schema::{DataType as ArrowType, Field};

pub(crate) use nested::NestedType;

/// The type of a column, as steps see it.
///
/// In the host, a column is an Arrow array. Sources and steps create the types `Boolean`, `Int64`, `Float64`, `Utf8`,
/// `Binary`, `Utf8` with the canonical extension `arrow.json`, and `List<Float32>`. Columns of other Arrow types come
/// from Parquet and Arrow IPC. They pass through unchanged, and are converted when a step reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// True or false.
    Boolean,
    /// A signed 64-bit integer.
    Integer,
    /// A 64-bit IEEE 754 number.
    Float,
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
    /// One JSON value, as its exact text.
    Json,
    /// A vector of 32-bit floats, of the same width in every row.
    Vector,
}

impl DataType {
    /// All types, in the order of the contract.
    pub const ALL: [Self; 7] =
        [Self::Boolean, Self::Integer, Self::Float, Self::Text, Self::Binary, Self::Json, Self::Vector];

    /// The name in pipeline files, messages and the contract.
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Json => "json",
            Self::Vector => "vector",
        }
    }

    /// Returns the Arrow field for this type. Vectors are lists of variable size, because their width may differ
    /// between batches.
    pub fn field(self, name: &str, nullable: bool) -> Field {
        let arrow = match self {
            Self::Boolean => ArrowType::Boolean,
            Self::Integer => ArrowType::Int64,
            Self::Float => ArrowType::Float64,
            Self::Text | Self::Json => ArrowType::Utf8,
            Self::Binary => ArrowType::Binary,
            Self::Vector => ArrowType::List(Arc::new(Field::new("item", ArrowType::Float32, false))),
        };
        let field = Field::new(name, arrow, nullable);
        if self == Self::Json { field.with_extension_type(Json::default()) } else { field }
    }

    /// Returns the Arrow field for vectors of `width` elements.
    pub(crate) fn vector_field(name: &str, width: i32, nullable: bool) -> Field {
        let element = Arc::new(Field::new("item", ArrowType::Float32, false));
        Field::new(name, ArrowType::FixedSizeList(element, width), nullable)
    }

    /// Returns the type in which a step reads a column with this Arrow field, or `None` without a conversion.
    ///
    /// Integers of any width are integers; 16- and 32-bit floats are floats; dates, times, intervals, decimals and UUIDs
    /// are text; lists, structs and maps are JSON, except lists of 32-bit floats, which are vectors.
    pub fn from_field(field: &Field) -> Option<Self> {
        match field.extension_type_name() {
            Some(Json::NAME) => Some(Self::Json),
            Some(Uuid::NAME) if field.data_type() == &ArrowType::FixedSizeBinary(16) => Some(Self::Text),
            _ => Self::from_arrow(field.data_type()),
        }
    }

    fn from_arrow(arrow: &ArrowType) -> Option<Self> {
        Some(match arrow {
            ArrowType::Boolean => Self::Boolean,
            arrow if arrow.is_integer() => Self::Integer,
            arrow if arrow.is_floating() => Self::Float,
            ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => Self::Text,
            ArrowType::Binary | ArrowType::LargeBinary | ArrowType::BinaryView | ArrowType::FixedSizeBinary(_) => {
                Self::Binary
            }
            ArrowType::FixedSizeList(element, width) if *width > 0 && element.data_type() == &ArrowType::Float32 => {
                Self::Vector
            }
            ArrowType::List(element)
            | ArrowType::LargeList(element)
            | ArrowType::ListView(element)
            | ArrowType::LargeListView(element)
                if element.data_type() == &ArrowType::Float32 =>
            {
                Self::Vector
            }
            ArrowType::RunEndEncoded(_, values) => return Self::from_field(values),
            arrow if arrow.is_nested() && !contains_union(arrow) => Self::Json,
            arrow if arrow.is_temporal() || arrow.is_decimal() => Self::Text,
            ArrowType::Dictionary(_, values) => return Self::from_arrow(values),
            ArrowType::Null => Self::Json,
            _ => return None,
        })
    }
}

/// Returns whether a type is or contains a union, which no type of the contract represents.
fn contains_union(arrow: &ArrowType) -> bool {
    match arrow {
        ArrowType::Union(..) => true,
        ArrowType::List(element)
        | ArrowType::LargeList(element)
        | ArrowType::ListView(element)
        | ArrowType::LargeListView(element)
        | ArrowType::FixedSizeList(element, _)
        | ArrowType::RunEndEncoded(_, element)
        | ArrowType::Map(element, _) => contains_union(element.data_type()),
        ArrowType::Struct(fields) => fields.iter().any(|field| contains_union(field.data_type())),
        ArrowType::Dictionary(_, values) => contains_union(values),
        _ => false,
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DataType {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|data_type| data_type.name() == name).ok_or(())
    }
}
