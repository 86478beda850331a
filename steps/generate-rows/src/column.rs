use stillbox_sdk::any::{AnyValue, DataType};
use stillbox_sdk::random::{Random, mix};
use stillbox_sdk::{Parameters, Result, bail, ensure};

use super::words::text;

/// The largest whole number up to which every whole number can be represented exactly as a float.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;
/// The limit of the number of words in a text.
const MAX_WORDS: f64 = 1000.0;

/// A column of random values.
#[derive(Clone, Debug, Parameters)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// `integer`: whole numbers from `min` (0) to `max` (100), both included. `float`: numbers from `min` (0), included, to `max`
    /// (1), excluded. `boolean`: true or false. `text`: `min` (3) to `max` (12) English words. `choice`: one of `choices`. Values are
    /// uniformly distributed; the defaults are in parentheses.
    pub kind: Kind,
    /// The smallest number, or the smallest number of words.
    pub min: Option<f64>,
    /// The largest number, or the largest number of words, up to 1000.
    pub max: Option<f64>,
    /// The texts to choose from.
    #[parameter(default)]
    pub choices: Vec<String>,
    /// The fraction of nulls.
    #[parameter(default = 0.0, min = 0.0, max = 1.0)]
    pub nulls: f64,
}

/// The kind of values in a column.
#[derive(Clone, Copy, Debug, Parameters, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
    /// True or false.
    Boolean,
    /// English words.
    Text,
    /// One of several texts.
    Choice,
}

impl Kind {
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Integer => DataType::Integer,
            Self::Float => DataType::Float,
            Self::Boolean => DataType::Boolean,
            Self::Text | Self::Choice => DataType::Text,
        }
    }
}

impl Column {
    /// Returns the ends of the range, with defaults.
    fn range(&self) -> (f64, f64) {
        let (min, max): (f64, f64) = match self.kind {
            Kind::Integer => (0.0, 100.0),
            Kind::Text => (3.0, 12.0),
            _ => (0.0, 1.0),
        };
        // A given end also moves the default of the other end, so that the range is valid.
        match (self.min, self.max) {
            (Some(min), None) => (min, max.max(min)),
            (None, Some(max)) => (min.min(max), max),
            (given, other) => (given.unwrap_or(min), other.unwrap_or(max)),
        }
    }

    /// Checks the `i`th column.
    pub(crate) fn check(&self, i: usize) -> Result<()> {
        let is_choice = self.kind == Kind::Choice;
        ensure!(is_choice || self.choices.is_empty(), "`columns[{i}].choices` applies only to the kind choice");
        ensure!(!is_choice || !self.choices.is_empty(), "`columns[{i}].choices` is empty: name at least one text");
        for (name, value) in [("min", self.min), ("max", self.max)] {
            let Some(value) = value else { continue };
            match self.kind {
                Kind::Integer if value.fract() != 0.0 || value.abs() > MAX_EXACT_INTEGER => {
                    bail!("`columns[{i}].{name}` must be a whole number for the kind integer, not {value}")
                }
                Kind::Text if value.fract() != 0.0 || !(0.0..=MAX_WORDS).contains(&value) => {
                    bail!("`columns[{i}].{name}` must be from 0 to {MAX_WORDS} words for the kind text, not {value}")
                }
                Kind::Boolean | Kind::Choice => {
                    bail!("`columns[{i}].min` and `columns[{i}].max` apply only to numbers and texts")
                }
                _ => {}
            }
        }
        let (min, max) = self.range();
        ensure!(min <= max, "`columns[{i}].min` is above `columns[{i}].max`");
        ensure!((max - min).is_finite(), "`columns[{i}].min` and `columns[{i}].max` are too far apart for a float");
        Ok(())
    }

    /// Returns the column's own seed.
    pub(crate) fn seed(&self, seed: u64) -> u64 {
        self.name.bytes().fold(mix(seed), |seed, byte| mix(seed ^ u64::from(byte)))
    }

    /// Returns the value of a row.
    pub(crate) fn value(&self, random: &mut Random) -> AnyValue<'static> {
        if random.unit() < self.nulls {
            return AnyValue::Null;
        }
        let (min, max) = self.range();
        let whole = |random: &mut Random| min as i64 + random.below((max - min) as u64 + 1) as i64;
        match self.kind {
            Kind::Integer => AnyValue::Integer(whole(random)),
            Kind::Float => AnyValue::Float(min + (max - min) * random.unit()),
            Kind::Boolean => AnyValue::Boolean(random.below(2) == 1),
            Kind::Text => {
                let words = whole(random);
                AnyValue::Text(text(words, random).into())
            }
            Kind::Choice => {
                let chosen = random.below(self.choices.len() as u64) as usize;
                AnyValue::Text(self.choices[chosen].clone().into())
            }
        }
    }
}
