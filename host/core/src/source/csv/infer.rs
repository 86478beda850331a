//! Infers types from the first rows.

use super::super::number::{Number, csv_float, is_exact, parse_number};
use crate::data_type::DataType;

/// The values of a column in the sample.
#[derive(Debug, Default, Clone)]
pub(crate) struct ObservedFields {
    data_type: Option<DataType>,
    /// Whether there was an integer without an exact float.
    inexact: bool,
    /// The first field that is not empty, for the width of vectors.
    pub(crate) first: Option<String>,
}

impl ObservedFields {
    /// Adds a field.
    pub(crate) fn add(&mut self, field: &str) {
        if field.is_empty() {
            return;
        }
        if self.first.is_none() {
            self.first = Some(field.to_owned());
        }
        let data_type = match (field, parse_number(field)) {
            ("true" | "false", _) => DataType::Boolean,
            // An integer -0 would lose its sign.
            ("-0", _) | (_, Some(Number::Float(_))) => DataType::Float,
            (_, Some(Number::Integer(integer))) => {
                self.inexact |= !is_exact(integer);
                DataType::Integer
            }
            (_, None) if csv_float(field).is_some() => DataType::Float,
            (_, Some(Number::Large | Number::Overflow) | None) => DataType::Text,
        };
        self.data_type = Some(match (self.data_type, data_type) {
            (None, data_type) => data_type,
            (Some(before), data_type) if before == data_type => data_type,
            (Some(DataType::Integer), DataType::Float) | (Some(DataType::Float), DataType::Integer) => DataType::Float,
            _ => DataType::Text,
        });
    }

    /// Returns a type that accepts all values.
    pub(crate) fn common(&self) -> DataType {
        match self.data_type {
            None => DataType::Text,
            Some(DataType::Float) if self.inexact => DataType::Text,
            Some(data_type) => data_type,
        }
    }
}
