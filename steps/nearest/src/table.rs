use std::cmp::Ordering;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};

use stillbox_sdk::serde_json::{self, json};
use stillbox_sdk::{Context as _, Json, Result};
use stillbox_vectors::Vectors;

/// The rows that can be in a list.
#[derive(Debug, Default)]
pub(crate) struct Table {
    vectors: Vectors,
    /// The name of each row, as JSON.
    ids: Vec<Box<str>>,
}

/// The rows that a list has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) count: usize,
    pub(crate) min_similarity: f64,
}

impl Table {
    /// Reads a file of JSON Lines, which has a vector in `column` and a name in `id`.
    ///
    /// # Errors
    /// The file cannot be read, or a line is not an object with both columns, or its vector has no direction or another width.
    pub(crate) fn read(path: &str, column: &str, id: &str) -> Result<Self> {
        Self::from_json_lines(File::open(path).context("cannot open it; is its folder granted?")?, column, id)
    }

    fn from_json_lines(file: impl Read, column: &str, id: &str) -> Result<Self> {
        let mut table = Self::default();
        for (index, line) in BufReader::new(file).lines().enumerate() {
            let line = line?;
            if !line.trim().is_empty() {
                table.add_line(&line, column, id).with_context(|| format!("line {}", index + 1))?;
            }
        }
        Ok(table)
    }

    fn add_line(&mut self, line: &str, column: &str, id: &str) -> Result<()> {
        let object = Json::from_text(line);
        let member = |name: &str| object.member(name)?.with_context(|| format!("it has no member {name:?}"));
        let vector: Vec<f32> = serde_json::from_str(member(column)?.text())
            .with_context(|| format!("the member {column:?} is not a list of numbers"))?;
        self.add(&vector, member(id)?.text())
    }

    /// Adds a row.
    ///
    /// # Errors
    /// The vector has no direction, or another width than those before it.
    pub(crate) fn add(&mut self, vector: &[f32], id: &str) -> Result<()> {
        let length = self.vectors.length_of_direction(vector)?;
        self.vectors.push(vector, length);
        self.ids.push(id.into());
        Ok(())
    }

    /// Returns the list of a vector, as JSON.
    ///
    /// # Errors
    /// The vector has no direction, or another width than the vectors of the table.
    pub(crate) fn nearest(&self, vector: &[f32], limits: Limits) -> Result<String> {
        self.search(vector, limits, None)
    }

    /// Returns the list of a row of the table, without itself.
    pub(crate) fn nearest_others(&self, row: usize, limits: Limits) -> Result<String> {
        self.search(self.vectors.get(row), limits, Some(row))
    }

    fn search(
        &self,
        vector: &[f32],
        Limits { count, min_similarity }: Limits,
        without: Option<usize>,
    ) -> Result<String> {
        let length = self.vectors.length_of_direction(vector)?;
        let similarities = self.vectors.cosines(vector, length).enumerate();
        let mut found: Vec<(usize, f64)> =
            similarities.filter(|(row, similarity)| Some(*row) != without && *similarity >= min_similarity).collect();
        // Earlier rows come first among equals.
        let order = |one: &(usize, f64), other: &(usize, f64)| -> Ordering {
            other.1.total_cmp(&one.1).then(one.0.cmp(&other.0))
        };
        if found.len() > count {
            found.select_nth_unstable_by(count, order);
            found.truncate(count);
        }
        found.sort_unstable_by(order);
        let entry = |(row, similarity): (usize, f64)| {
            format!("{{\"id\":{},\"similarity\":{}}}", self.ids[row], json!(similarity))
        };
        Ok(format!("[{}]", found.into_iter().map(entry).collect::<Vec<_>>().join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_its_bad_lines() {
        let message = |text: &str| {
            let error = Table::from_json_lines(text.as_bytes(), "v", "id").unwrap_err();
            format!("{error:?}")
        };
        let good = "{\"id\": 1, \"v\": [1, 0]}\n\n";
        assert!(Table::from_json_lines(good.as_bytes(), "v", "id").is_ok());
        for (bad, part) in [
            ("{\"id\": 1}", "it has no member \"v\""),
            ("{\"v\": [1, 0]}", "it has no member \"id\""),
            ("{\"id\": 1, \"v\": \"x\"}", "is not a list of numbers"),
            ("{\"id\": 1, \"v\": [1, null]}", "is not a list of numbers"),
            ("{\"id\": 1, \"v\": [1e99, 1]}", "number out of range"),
            ("{\"id\": 1, \"v\": [1]}", "but those before it have 2"),
        ] {
            let text = message(&format!("{good}{bad}"));
            assert!(text.contains("line 3") && text.contains(part), "{text}");
        }
    }
}
