use crate::any_value::AnyValue;
use crate::contract::{Column, DataType};
use crate::input::{
    BinaryColumn, BooleanColumn, ColumnReader, ContractViolation, FloatColumn, IntegerColumn, JsonColumn,
    NullableColumn, TextColumn, VectorColumn,
};
use crate::received::TextGuarantee;

macro_rules! columns {
    ($row:ident; $($variant:ident: $column:ident, |$opened:ident| $get:expr;)*) => {
        /// An opened column of any type.
        #[derive(Clone, Debug)]
        pub(super) enum AnyColumn<'a> {
            $($variant(NullableColumn<'a, $column<'a>>),)*
        }

        impl<'a> AnyColumn<'a> {
            /// Opens a column of a type that is known at run time.
            pub(super) fn open(
                column: &'a Column,
                data_type: DataType,
                rows: usize,
                guarantee: TextGuarantee,
            ) -> Result<Self, ContractViolation> {
                match data_type {
                    $(DataType::$variant => ColumnReader::open(column, rows, guarantee).map(Self::$variant),)*
                }
            }

            pub(super) fn data_type(&self) -> DataType {
                match self {
                    $(Self::$variant(_) => DataType::$variant,)*
                }
            }

            pub(super) fn get(&self, $row: usize) -> AnyValue<'a> {
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
