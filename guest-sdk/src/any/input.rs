use std::rc::Rc;

use super::AnyValue;
use crate::column::{ColumnSpec, Opener};
use crate::contract::{Column, DataType};
use crate::input::{
    BinaryColumn, BooleanColumn, Broken, ColumnReader, FloatColumn, Input, IntegerColumn, JsonColumn, NullableColumn,
    TextColumn, VectorColumn,
};
use crate::sent::Sender;
use crate::{Json, Result};

/// A row of columns that the parameters decide, in the order in which they list them.
#[derive(Clone, Debug)]
pub struct AnyRow<'a> {
    columns: AnyColumns<'a>,
    row: usize,
}

impl<'a> AnyRow<'a> {
    /// The value of a column, by its place among the columns. A column that is missing is null.
    ///
    /// # Panics
    /// There is no such column.
    pub fn get(&self, column: usize) -> AnyValue<'a> {
        self.columns.0[column].as_ref().map_or(AnyValue::Null, |column| column.get(self.row))
    }

    /// The value of a column of JSON, by its place among the columns; none for a null, be it the column's or JSON's own, or a
    /// column that is missing.
    ///
    /// # Panics
    /// There is no such column, or it is not of JSON.
    pub fn json(&self, column: usize) -> Option<Json<'a>> {
        match self.columns.0[column].as_ref()? {
            AnyColumn::Json(column) if column.is_null(self.row) => None,
            AnyColumn::Json(column) => Some(column.values().get(self.row)).filter(|json| json.text() != "null"),
            other => panic!("the column {column} is read as JSON, and is of {:?}", other.data_type()),
        }
    }
}

/// The columns of an [`AnyRow`], opened.
// A row is read without knowing how long the columns live, so it shares them.
#[derive(Clone, Debug)]
pub struct AnyColumns<'a>(Rc<[Option<AnyColumn<'a>>]>);

impl Input for AnyRow<'_> {
    type Row<'a> = AnyRow<'a>;
    type Columns<'a> = AnyColumns<'a>;
    const COLUMNS: &'static [ColumnSpec] = &[];
    const ANY: bool = true;

    fn open<'a>(opener: &mut Opener<'a>) -> Result<Self::Columns<'a>> {
        Ok(AnyColumns(opener.rest()?.into()))
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
        pub(crate) enum AnyColumn<'a> {
            $($variant(NullableColumn<'a, $column<'a>>),)*
        }

        impl<'a> AnyColumn<'a> {
            /// Opens a column that is to be of a type.
            pub(crate) fn open(
                column: &'a Column,
                data_type: DataType,
                rows: usize,
                sender: Sender,
            ) -> Result<Self, Broken> {
                match data_type {
                    $(DataType::$variant => ColumnReader::open(column, rows, sender).map(Self::$variant),)*
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
