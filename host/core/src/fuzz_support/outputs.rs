//! Outputs of steps, before they are checked.

use crate::batch::{GivenRows, check};
use crate::component::{Column, Signature};
use crate::data_type::DataType;
use crate::engine::bindings::types::{
    ColumnResult, ErrorKind, Output, Rejection, StepError, TextsResult, ValuesResult, VectorsResult,
};
use crate::format::NonFinite;
use crate::json::json_texts;
use crate::limits::Limits;

/// The types of columns, in the order of the signature.
const TYPES: [DataType; 7] = [
    DataType::Boolean,
    DataType::Integer,
    DataType::Float,
    DataType::Text,
    DataType::Binary,
    DataType::Json,
    DataType::Vector,
];

/// Bytes that decide about an output. Zeros follow their end.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        self.0.split_off_first().copied().unwrap_or(0)
    }

    /// One of the numbers that a hostile step would choose, close to the right one or far from it.
    fn near(&mut self, right: usize) -> usize {
        match self.byte() {
            0..=199 => right,
            200..=215 => right.wrapping_add(1),
            216..=230 => right.saturating_sub(1),
            231..=240 => 0,
            other => usize::from(other) * 3,
        }
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length.min(1 << 16)).map(|_| self.byte()).collect()
    }
}

/// Checks an output that the bytes describe, and converts it if it follows the contract.
pub fn check_output(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let rows = usize::from(choices.byte()) % 40;
    let given = match choices.byte() % 4 {
        0 => GivenRows::All(u64::from(choices.byte())),
        1 => GivenRows::None,
        _ => GivenRows::Batch(choices.near(rows)),
    };
    let is_nullable = choices.byte().is_multiple_of(2);
    let column = |data_type: DataType| Column {
        name: data_type.name().into(),
        data_type,
        nullable: is_nullable,
        optional: false,
    };
    let signature = Signature { inputs: Vec::new(), outputs: TYPES.map(column).to_vec() };
    let output = output(&mut choices, rows);
    let limits = Limits::default();
    let Ok(checked) = check(output, given, &signature, &limits) else { return };
    assert_eq!((checked.rows, checked.columns.len()), (rows, TYPES.len()));
    for (array, column) in checked.columns.iter().zip(&signature.outputs) {
        let field = column.data_type.field(&column.name, column.nullable);
        assert_eq!((array.len(), array.data_type()), (rows, field.data_type()));
        assert!(column.nullable || array.null_count() == 0);
        let texts = json_texts(array, &field, NonFinite::Text).expect("every type of the contract has JSON");
        for text in texts.iter().flatten() {
            serde_json::from_str::<serde_json::Value>(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        }
    }
}

fn output(choices: &mut Choices<'_>, rows: usize) -> Output {
    let mut columns: Vec<ColumnResult> = TYPES.into_iter().map(|data_type| column(choices, data_type, rows)).collect();
    match choices.byte() {
        0..=9 => drop(columns.pop()),
        10..=19 => columns.push(column(choices, DataType::Text, rows)),
        20..=39 => columns.swap(0, 3),
        _ => {}
    }
    let origins = (choices.byte() < 128).then(|| {
        let count = choices.near(rows);
        (0..count).map(|row| choices.near(row) as u32).collect()
    });
    let count = if choices.byte() < 200 { 0 } else { usize::from(choices.byte()) % 5 };
    let rejections = (0..count).map(|row| Rejection { row: choices.near(row) as u32, error: error(choices) }).collect();
    Output { rows: rows as u32, columns, origins, rejections }
}

fn column(choices: &mut Choices<'_>, data_type: DataType, rows: usize) -> ColumnResult {
    let validity = (choices.byte() < 100).then(|| {
        let length = choices.near(rows.div_ceil(8));
        choices.bytes(length)
    });
    let wrong = choices.byte();
    let promised = if wrong < 10 { TYPES[usize::from(wrong) % TYPES.len()] } else { data_type };
    let values = match promised {
        DataType::Boolean => {
            let length = choices.near(rows.div_ceil(8));
            ValuesResult::Boolean(choices.bytes(length))
        }
        DataType::Integer => ValuesResult::Integer(vec![i64::from(choices.byte()); choices.near(rows)]),
        DataType::Float => {
            let number = if choices.byte() < 200 { 0.5 } else { f64::NAN };
            ValuesResult::Float(vec![number; choices.near(rows)])
        }
        DataType::Text => ValuesResult::Text(texts(choices, rows, b"a\xc3\xbc\0")),
        DataType::Binary => ValuesResult::Binary(texts(choices, rows, b"\xff\x00")),
        DataType::Json => ValuesResult::Json(texts(choices, rows, b"[1]")),
        DataType::Vector => {
            let width = choices.near(3);
            ValuesResult::Vector(VectorsResult {
                width: width as u32,
                elements: vec![0.5; choices.near(rows.saturating_mul(width)).min(1 << 16)],
            })
        }
    };
    ColumnResult { name: data_type.name().to_owned(), validity, values }
}

fn texts(choices: &mut Choices<'_>, rows: usize, value: &[u8]) -> TextsResult {
    let mut bytes: Vec<u8> = value.repeat(rows);
    let mut offsets: Vec<u32> = (0..=rows).map(|row| (row * value.len()) as u32).collect();
    for _ in 0..choices.byte() % 4 {
        let (at, byte) = (usize::from(choices.byte()), choices.byte());
        match choices.byte() % 4 {
            0 => bytes.get_mut(at).into_iter().for_each(|place| *place = byte),
            1 => offsets.get_mut(at).into_iter().for_each(|place| *place = place.wrapping_add(u32::from(byte))),
            2 => bytes.push(byte),
            _ => drop(offsets.pop()),
        }
    }
    TextsResult { offsets, bytes }
}

fn error(choices: &mut Choices<'_>) -> StepError {
    let length = choices.near(4);
    StepError {
        kind: ErrorKind::Input,
        message: String::from_utf8_lossy(&choices.bytes(length)).into_owned(),
        causes: Vec::new(),
        location: None,
        trace: Vec::new(),
        hint: None,
        retry_after_ms: None,
    }
}
