use std::rc::Rc;

use crate::any_value::AnyValue;
use crate::column::ColumnSpec;
use crate::contract::{Column, DataType};
use crate::input::opener::Opener;
use crate::input::{
    BinaryColumn, BooleanColumn, ColumnReader, ContractViolation, FloatColumn, Input, IntegerColumn, JsonColumn,
    NullableColumn, TextColumn, VectorColumn,
};
use crate::received::TextGuarantee;
use crate::{Json, Result};

/// A row of columns that the parameters define, in the order in which they list them.
#[derive(Clone, Debug)]
pub struct AnyRow<'a> {
    columns: AnyColumns<'a>,
    row: usize,
}

impl<'a> AnyRow<'a> {
    /// Returns the value of a column, by the column's index. The values of a missing column are null.
    ///
    /// # Panics
    /// The index is out of range.
    pub fn get(&self, column: usize) -> AnyValue<'a> {
        self.columns.0[column].as_ref().map_or(AnyValue::Null, |column| column.get(self.row))
    }

    /// Returns the value of a JSON column, by the column's index: `None` for a null of the column, for the JSON value `null`, and
    /// for a missing column.
    ///
    /// # Panics
    /// The index is out of range, or the column does not have the type JSON.
    pub fn json(&self, column: usize) -> Option<Json<'a>> {
        match self.columns.0[column].as_ref()? {
            AnyColumn::Json(column) if column.is_null(self.row) => None,
            AnyColumn::Json(column) => Some(column.values().get(self.row)).filter(|json| json.text() != "null"),
            other => panic!("the column {column} is read as JSON, but has the type {:?}", other.data_type()),
        }
    }
}

/// The opened columns of an [`AnyRow`].
// Shared, because a row cannot borrow the columns for an unknown lifetime.
#[derive(Clone, Debug)]
pub struct AnyColumns<'a>(Rc<[Option<AnyColumn<'a>>]>);

impl Input for AnyRow<'_> {
    type Row<'a> = AnyRow<'a>;
    type Columns<'a> = AnyColumns<'a>;
    const COLUMNS: &'static [ColumnSpec] = &[];
    const ANY: bool = true;

    fn open<'a>(opener: &mut Opener<'a>) -> Result<Self::Columns<'a>> {
        Ok(AnyColumns(opener.rest(AnyColumn::open)?.into()))
    }

    #[inline]
    fn read<'a>(columns: &Self::Columns<'a>, row: usize) -> Result<Self::Row<'a>> {
        Ok(AnyRow { columns: columns.clone(), row })
    }
}

macro_rules! columns {
    ($row:ident; $($variant:ident: $column:ident, |$opened:ident| $get:expr;)*) => {
        /// An opened column of any type.
        #[derive(Clone, Debug)]
        enum AnyColumn<'a> {
            $($variant(NullableColumn<'a, $column<'a>>),)*
        }

        impl<'a> AnyColumn<'a> {
            /// Opens a column of a type that is known at run time.
            fn open(
                column: &'a Column,
                data_type: DataType,
                rows: usize,
                guarantee: TextGuarantee,
            ) -> Result<Self, ContractViolation> {
                match data_type {
                    $(DataType::$variant => ColumnReader::open(column, rows, guarantee).map(Self::$variant),)*
                }
            }

            fn data_type(&self) -> DataType {
                match self {
                    $(Self::$variant(_) => DataType::$variant,)*
                }
            }

            fn get(&self, $row: usize) -> AnyValue<'a> {
                match self {
                    $(
                        Self::$variant(column) if column.is_null($row) => AnyValue::Null,
                        Self::$variant(column) => {
                            let $opened = column.values();
                            AnyValue::$variant($get)
                        }
                    )*
                }
            }
        }
    };
}
columns! {
    row;
    Boolean: BooleanColumn, |column| column.get(row);
    Integer: IntegerColumn, |column| column.values()[row];
    Float: FloatColumn, |column| column.values()[row];
    Text: TextColumn, |column| column.get(row).into();
    Binary: BinaryColumn, |column| column.get(row).into();
    Json: JsonColumn, |column| column.get(row).text().into();
    Vector: VectorColumn, |column| column.get(row).into();
}
