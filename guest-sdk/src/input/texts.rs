use std::borrow::Cow;

use serde_json::Value;

use super::{ColumnReader, ContractViolation, InputType};
use crate::contract::{Column, DataType, Texts, Values};
use crate::received::TextGuarantee;
use crate::{Error, Json, Result};

/// A column of texts.
#[derive(Clone, Copy, Debug)]
pub struct TextColumn<'a> {
    offsets: &'a [u32],
    text: &'a str,
}

impl<'a> TextColumn<'a> {
    /// Returns the text of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &'a str {
        &self.text[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }

    /// Returns where the texts start in [`all`](Self::all), and where the last one ends.
    pub const fn offsets(&self) -> &'a [u32] {
        self.offsets
    }

    /// Returns all texts, concatenated.
    pub const fn all(&self) -> &'a str {
        self.text
    }
}

/// Opens a column of UTF-8.
///
/// UTF-8 is checked once for the whole column, then each offset is checked to be on a character boundary. The result is the
/// same as a check of each row, and several times as fast on short rows.
///
/// Columns from the host are not checked, as generated bindings do not check a `string` either: the check would take longer
/// than many steps.
fn open_text(texts: &Texts, rows: usize, guarantee: TextGuarantee) -> Result<TextColumn<'_>, ContractViolation> {
    let BinaryColumn { offsets, bytes } = open_bytes(texts, rows)?;
    if guarantee.texts_are_utf8() {
        #[expect(unsafe_code, reason = "no safe function converts bytes to text without a check")]
        // SAFETY: this guarantee is created on the condition that each text is UTF-8, and a concatenation of UTF-8 is UTF-8.
        let text = unsafe { std::str::from_utf8_unchecked(bytes) };
        return Ok(TextColumn { offsets, text });
    }
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    if offsets.iter().all(|offset| text.is_char_boundary(*offset as usize)) {
        Ok(TextColumn { offsets, text })
    } else {
        Err("a value ends inside a character")
    }
}

fn open_bytes(texts: &Texts, rows: usize) -> Result<BinaryColumn<'_>, ContractViolation> {
    let Texts { offsets, bytes } = texts;
    if offsets.len() != rows + 1 {
        Err("it does not have one offset per row and one more")
    } else if offsets[0] != 0 || offsets[rows] as usize != bytes.len() || !offsets.is_sorted() {
        Err("its offsets do not ascend from 0 to its length")
    } else {
        Ok(BinaryColumn { offsets, bytes })
    }
}

impl<'a> ColumnReader<'a> for TextColumn<'a> {
    fn open(column: &'a Column, rows: usize, guarantee: TextGuarantee) -> Result<Self, ContractViolation> {
        match &column.values {
            Values::Text(texts) => open_text(texts, rows, guarantee),
            _ => Err("its type is not text"),
        }
    }
}

macro_rules! texts {
    ($($type:ty),*) => {$(
        impl<'a> InputType<'a> for $type {
            const DATA_TYPE: DataType = DataType::Text;
            type Column = TextColumn<'a>;

            #[inline]
            fn read(column: &Self::Column, row: usize) -> Result<Self> {
                Ok(column.get(row).into())
            }
        }
    )*};
}
texts!(&'a str, Cow<'a, str>, String);

/// A column of bytes.
#[derive(Clone, Copy, Debug)]
pub struct BinaryColumn<'a> {
    offsets: &'a [u32],
    bytes: &'a [u8],
}

impl<'a> BinaryColumn<'a> {
    /// Returns the bytes of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &'a [u8] {
        &self.bytes[self.offsets[row] as usize..self.offsets[row + 1] as usize]
    }
}

impl<'a> ColumnReader<'a> for BinaryColumn<'a> {
    fn open(column: &'a Column, rows: usize, _: TextGuarantee) -> Result<Self, ContractViolation> {
        match &column.values {
            Values::Binary(texts) => open_bytes(texts, rows),
            _ => Err("its type is not binary"),
        }
    }
}

macro_rules! bytes {
    ($($type:ty),*) => {$(
        impl<'a> InputType<'a> for $type {
            const DATA_TYPE: DataType = DataType::Binary;
            type Column = BinaryColumn<'a>;

            #[inline]
            fn read(column: &Self::Column, row: usize) -> Result<Self> {
                Ok(column.get(row).into())
            }
        }
    )*};
}
bytes!(&'a [u8], Vec<u8>);

/// A column of JSON values.
#[derive(Clone, Copy, Debug)]
pub struct JsonColumn<'a> {
    name: &'a str,
    texts: TextColumn<'a>,
}

impl<'a> JsonColumn<'a> {
    /// Returns the JSON value of a row.
    #[inline]
    pub fn get(&self, row: usize) -> Json<'a> {
        Json::from_text(self.texts.get(row))
    }
}

impl<'a> ColumnReader<'a> for JsonColumn<'a> {
    fn open(column: &'a Column, rows: usize, guarantee: TextGuarantee) -> Result<Self, ContractViolation> {
        match &column.values {
            Values::Json(texts) => Ok(Self { name: &column.name, texts: open_text(texts, rows, guarantee)? }),
            _ => Err("its type is not JSON"),
        }
    }
}

impl<'a> InputType<'a> for Json<'a> {
    const DATA_TYPE: DataType = DataType::Json;
    type Column = JsonColumn<'a>;

    #[inline]
    fn read(column: &Self::Column, row: usize) -> Result<Self> {
        Ok(column.get(row))
    }
}

impl<'a> InputType<'a> for Value {
    const DATA_TYPE: DataType = DataType::Json;
    type Column = JsonColumn<'a>;

    fn read(column: &Self::Column, row: usize) -> Result<Self> {
        let parsed = column.get(row).parse();
        parsed
            .map_err(|error: Error| error.context(format_args!("cannot read the JSON in the column `{}`", column.name)))
    }
}
