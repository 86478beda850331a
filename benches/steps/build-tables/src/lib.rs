//! Builds tables when it is bound: regular expressions, and a number of MiB.

use regex::Regex;
use stillbox_sdk::parameters::TextParameter;
use stillbox_sdk::{Input, Output, Parameters, Result, step, text_parameter};

/// The parameters.
#[derive(Debug, Parameters)]
pub struct Parameters {
    /// The regular expressions.
    pub patterns: Vec<Pattern>,
    /// The size of the table in MiB.
    pub table: Table,
}

/// A regular expression.
#[derive(Debug)]
pub struct Pattern(Regex);

impl TextParameter for Pattern {
    fn parse(text: &str) -> Result<Self, String> {
        Regex::new(text).map(Self).map_err(|error| error.to_string())
    }

    fn source(&self) -> &str {
        self.0.as_str()
    }
}

/// A table of pseudorandom numbers.
#[derive(Debug)]
pub struct Table {
    source: String,
    numbers: Vec<u64>,
}

impl TextParameter for Table {
    fn parse(text: &str) -> Result<Self, String> {
        let size: u64 = text.parse().map_err(|_| "is not a number of MiB".to_owned())?;
        let number = |index: u64| index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
        Ok(Self { source: text.to_owned(), numbers: (0..(size << 20) / 8).map(number).collect() })
    }

    fn source(&self) -> &str {
        &self.source
    }
}

text_parameter!(Pattern);
text_parameter!(Table);

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    pub text: &'a str,
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Found {
    /// The number of expressions that match.
    pub matches: i64,
    /// An entry of the table.
    pub number: Option<i64>,
}

/// Counts the regular expressions that match a text, and looks its length up.
#[step]
pub fn build_tables(parameters: &Parameters, row: Row<'_>) -> Result<Found> {
    let matches = parameters.patterns.iter().filter(|pattern| pattern.0.is_match(row.text)).count() as i64;
    let numbers = &parameters.table.numbers;
    let number = row.text.len().checked_rem(numbers.len()).map(|index| numbers[index] as i64);
    Ok(Found { matches, number })
}
