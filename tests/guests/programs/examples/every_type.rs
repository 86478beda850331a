//! Reads a column of every type, with nulls, and writes one of every type.

use stillbox_sdk::{Input, Json, Output, Result, step};

#[derive(Input)]
struct Row<'a> {
    boolean: Option<bool>,
    integer: Option<i64>,
    float: Option<f64>,
    text: Option<&'a str>,
    binary: Option<&'a [u8]>,
    json: Option<Json<'a>>,
    vector: Option<&'a [f32]>,
}

#[derive(Output)]
struct Copied<'a> {
    boolean: Option<bool>,
    integer: Option<i64>,
    float: Option<f64>,
    text: Option<&'a str>,
    binary: Option<&'a [u8]>,
    json: Option<Json<'a>>,
    vector: Option<&'a [f32]>,
    not_boolean: bool,
    same_integer: i64,
    same_float: f64,
    longer_text: String,
    longer_binary: Vec<u8>,
    list_json: stillbox_sdk::serde_json::Value,
    pair_vector: [f32; 2],
}

/// Copies every column, and adds a column of each type without nulls.
#[step]
#[expect(clippy::unnecessary_wraps, reason = "the form of a step")]
fn every_type(row: Row<'_>) -> Result<Copied<'_>> {
    let Row { boolean, integer, float, text, binary, json, vector } = row;
    Ok(Copied {
        boolean,
        integer,
        float,
        text,
        binary,
        json,
        vector,
        not_boolean: !boolean.unwrap_or(true),
        same_integer: integer.unwrap_or(i64::MIN),
        same_float: float.unwrap_or(0.5),
        longer_text: format!("{}!", text.unwrap_or_default()),
        longer_binary: [binary.unwrap_or_default(), &[0, 255]].concat(),
        list_json: [json.map(Json::text)].as_slice().into(),
        pair_vector: [vector.map_or(0.0, |vector| vector.iter().sum()), 1.5],
    })
}
