//! The types of the contract, and the Arrow types that hold them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arrow_schema::extension::{ExtensionType, Json};
use arrow_schema::{DataType as ArrowType, Field};

/// The type of a column as steps see it.
///
/// Inside the host a column is an Arrow array. What a source makes of these types, and what a step returns, is
/// `Boolean`, `Int64`, `Float64`, `Utf8`, `Binary`, `Utf8` with the canonical extension `arrow.json`, and
/// `List<Float32>`. Columns of other Arrow types come from Parquet and Arrow IPC; they are carried along as
/// they are, and converted when a step reads them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// True or false.
    Boolean,
    /// A signed integer of 64 bits.
    Integer,
    /// An IEEE 754 number of 64 bits.
    Float,
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
    /// One JSON value, kept as its text.
    Json,
    /// A vector of 32-bit floats, as wide in every row.
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

    /// The Arrow field that holds this type. Vectors are lists, since only the vectors of one batch have to be of one
    /// width.
    pub(crate) fn field(self, name: &str, nullable: bool) -> Field {
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

    /// The Arrow field of vectors of `width` elements.
    pub(crate) fn vector_field(name: &str, width: i32, nullable: bool) -> Field {
        let element = Arc::new(Field::new("item", ArrowType::Float32, false));
        Field::new(name, ArrowType::FixedSizeList(element, width), nullable)
    }

    /// The type as which a step reads a column of this Arrow field, or none where there is no conversion.
    ///
    /// Integers of every width are integers, 16- and 32-bit floats are floats; dates, times, intervals and decimals
    /// are text; lists, structs and maps are JSON, but for lists of 32-bit floats, which are vectors.
    pub(crate) fn from_field(field: &Field) -> Option<Self> {
        if field.extension_type_name() == Some(Json::NAME) {
            return Some(Self::Json);
        }
        Self::from_arrow(field.data_type())
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
            ArrowType::List(element) | ArrowType::LargeList(element) if element.data_type() == &ArrowType::Float32 => {
                Self::Vector
            }
            arrow if arrow.is_nested() && !matches!(arrow, ArrowType::Union(..)) => Self::Json,
            arrow if arrow.is_temporal() || arrow.is_decimal() => Self::Text,
            ArrowType::Dictionary(_, values) => return Self::from_arrow(values),
            ArrowType::Null => Self::Json,
            _ => return None,
        })
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
