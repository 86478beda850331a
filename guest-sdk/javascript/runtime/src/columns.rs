//! Columns of an output, row by row.

use crate::bindings::stillbox::step::types::{Column, Texts, Values, Vectors};
use crate::definition::ColumnType;

/// A value of a column, converted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    /// Text, or JSON.
    Text(String),
    Binary(Vec<u8>),
    Vector(Vec<f32>),
}

/// A column that grows by one value for each row.
#[derive(Debug)]
pub(crate) struct ColumnBuilder {
    pub(crate) name: String,
    column_type: ColumnType,
    cells: Vec<Cell>,
    sizes: Sizes,
}

/// The sizes of the values of a column, which those after them have to fit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sizes {
    /// Bytes of texts, which offsets of 32 bits count.
    bytes: usize,
    /// Elements of each vector.
    width: Option<usize>,
}

impl ColumnBuilder {
    pub(crate) fn new(name: String, column_type: ColumnType) -> Self {
        Self { name, column_type, cells: Vec::new(), sizes: Sizes::default() }
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Adds a value, with the sizes of the column that include it.
    pub(crate) fn push(&mut self, cell: Cell, sizes: Sizes) {
        self.sizes = sizes;
        self.cells.push(cell);
    }

    /// Removes the values for which `kept` is false.
    pub(crate) fn retain(&mut self, kept: &[bool]) {
        let mut kept = kept.iter();
        self.cells.retain(|_| kept.next().copied().unwrap_or(true));
    }

    /// Returns the column.
    pub(crate) fn finish(self) -> Column {
        let has_null = self.cells.contains(&Cell::Null);
        let validity = has_null.then(|| bitmap(self.cells.iter().map(|cell| *cell != Cell::Null)));
        let cells = self.cells;
        let values = match self.column_type {
            ColumnType::Boolean => Values::Boolean(bitmap(cells.iter().map(|cell| *cell == Cell::Boolean(true)))),
            ColumnType::Integer | ColumnType::BigInt => Values::Integer(
                cells.iter().map(|cell| if let Cell::Integer(value) = cell { *value } else { 0 }).collect(),
            ),
            ColumnType::Float => Values::Float(
                cells.iter().map(|cell| if let Cell::Float(value) = cell { *value } else { 0.0 }).collect(),
            ),
            ColumnType::Text(_) => Values::Text(texts(&cells, "")),
            ColumnType::Json => Values::Json(texts(&cells, "null")),
            ColumnType::Binary => Values::Binary(texts(&cells, "")),
            ColumnType::Vector(width) => {
                let width = self.sizes.width.unwrap_or(width.unwrap_or(1) as usize);
                let mut elements = Vec::with_capacity(cells.len() * width);
                for cell in &cells {
                    match cell {
                        Cell::Vector(vector) => elements.extend_from_slice(vector),
                        _ => elements.resize(elements.len() + width, 0.0),
                    }
                }
                Values::Vector(Vectors { width: width as u32, elements })
            }
        };
        Column { name: self.name, validity, values }
    }
}

impl Sizes {
    /// Adds a value.
    ///
    /// # Errors
    /// The reason why the value does not fit those before it.
    pub(crate) fn add(&mut self, cell: &Cell) -> Result<(), String> {
        match cell {
            Cell::Vector(elements) => {
                let width = *self.width.get_or_insert(elements.len());
                if elements.len() != width {
                    return Err(format!("has {} elements, and the vectors before it have {width}", elements.len()));
                }
            }
            Cell::Text(text) => self.add_bytes(text.len())?,
            Cell::Binary(bytes) => self.add_bytes(bytes.len())?,
            _ => {}
        }
        Ok(())
    }

    fn add_bytes(&mut self, length: usize) -> Result<(), String> {
        let bytes = self.bytes.checked_add(length).filter(|bytes| u32::try_from(*bytes).is_ok());
        self.bytes = bytes.ok_or("is too long for a batch")?;
        Ok(())
    }
}

fn texts(cells: &[Cell], placeholder: &str) -> Texts {
    let mut offsets = Vec::with_capacity(cells.len() + 1);
    let mut bytes = Vec::new();
    offsets.push(0);
    for cell in cells {
        bytes.extend_from_slice(match cell {
            Cell::Text(text) => text.as_bytes(),
            Cell::Binary(bytes) => bytes,
            _ => placeholder.as_bytes(),
        });
        offsets.push(bytes.len() as u32);
    }
    Texts { offsets, bytes }
}

/// Returns a bitmap: one bit per row, least significant bit first.
fn bitmap(bits: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let mut bytes = vec![0; bits.len().div_ceil(8)];
    for (row, bit) in bits.enumerate() {
        if bit {
            bytes[row / 8] |= 1 << (row % 8);
        }
    }
    bytes
}
