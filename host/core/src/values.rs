//! The values of every Arrow type: their text, their keys, and exact conversions between types.
//!
//! This is the only implementation of each: steps, sinks, sort keys, rejected rows and failure records use it. `docs/types.md`
//! lists the types, and a test compares the page with this code (`sink/tests/types.rs`).

mod convert;
mod descriptor;
mod key;
mod layout;
mod metadata;
mod table;
mod text;
mod time;
mod unify;

pub(crate) use convert::{ConversionError, convert};
pub(crate) use descriptor::parquet_descriptor;
pub(crate) use key::key_texts;
pub(crate) use layout::{Lists, plain};
pub(crate) use metadata::{KeptColumns, with_kept_columns};
pub(crate) use table::{
    IntervalForm, LogicalType, Unsupported, arrow_field, is_json, is_uuid, json_support, logical_type, parquet_field,
};
pub(crate) use text::{TextError, TextWriter, is_text_like, text_writer};
pub(crate) use unify::unify;
