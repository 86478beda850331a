use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};

use stillbox_sdk::any::AnyValue;
use stillbox_sdk::{Context as _, Json, JsonType, Result, bail};

/// The rows of a file, by their keys.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: HashMap<String, Vec<AnyValue<'static>>>,
}

impl Table {
    /// Returns the values of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&[AnyValue<'static>]> {
        self.rows.get(key).map(Vec::as_slice)
    }

    /// Reads a file, whose format its name says.
    ///
    /// # Errors
    /// The file cannot be read, has another format, or lacks a column, or a value has another type.
    pub(crate) fn read(path: &str, key: &str, columns: &[String], value_type: JsonType) -> Result<Self> {
        let open = || File::open(path).context("cannot open it; is its folder granted?");
        match path.rsplit_once('.').map(|(_, ending)| ending) {
            Some("csv") => Self::from_csv(open()?, b',', key, columns, value_type),
            Some("tsv") => Self::from_csv(open()?, b'\t', key, columns, value_type),
            Some("jsonl" | "ndjson") => Self::from_json(open()?, key, columns, value_type),
            Some("parquet" | "pq") => Self::from_parquet(open()?, key, columns, value_type),
            _ => bail!("its name does not end in .csv, .tsv, .jsonl or .parquet"),
        }
    }

    fn from_csv(file: impl Read, delimiter: u8, key: &str, columns: &[String], value_type: JsonType) -> Result<Self> {
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(file);
        let header = reader.headers()?.clone();
        let position = |name: &str| {
            let found = header.iter().position(|own| own == name);
            found.with_context(|| format!("it has no column `{name}`"))
        };
        let key = position(key)?;
        let columns = columns.iter().map(|name| position(name)).collect::<Result<Vec<_>>>()?;
        let mut table = Self::default();
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let text = |column: usize| record.get(column).unwrap_or_default();
            let values = columns.iter().map(|column| csv_value(text(*column), value_type));
            let values = values.collect::<Result<_>>().with_context(|| format!("line {line}"))?;
            table.rows.entry(text(key).to_owned()).or_insert(values);
        }
        Ok(table)
    }

    fn from_parquet(file: File, key: &str, columns: &[String], value_type: JsonType) -> Result<Self> {
        let mut table = Self::default();
        crate::parquet::read(file, key, columns, value_type, |key, values| {
            table.rows.entry(key).or_insert(values);
        })?;
        Ok(table)
    }

    fn from_json(file: impl Read, key: &str, columns: &[String], value_type: JsonType) -> Result<Self> {
        let mut table = Self::default();
        for (index, line) in BufReader::new(file).lines().enumerate() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let row = || -> Result<()> {
                let object = Json::from_text(&line);
                let own = object.member(key)?.with_context(|| format!("it has no member {key:?}"))?;
                let value = |name: &String| match object.member(name)? {
                    Some(value) if value.text() != "null" => Ok(value.value_as(value_type)?.into_static()),
                    _ => Ok(AnyValue::Null),
                };
                let values = columns.iter().map(value).collect::<Result<_>>()?;
                table.rows.entry(own.to_text()?.into_owned()).or_insert(values);
                Ok(())
            };
            let mut row = row;
            row().with_context(|| format!("line {}", index + 1))?;
        }
        Ok(table)
    }
}

/// Returns a value of CSV. An empty text of another type than text is null.
fn csv_value(text: &str, value_type: JsonType) -> Result<AnyValue<'static>> {
    match value_type {
        JsonType::Text => Ok(AnyValue::Text(text.to_owned().into())),
        _ if text.is_empty() => Ok(AnyValue::Null),
        _ => Ok(Json::from_text(text).value_as(value_type)?.into_static()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> AnyValue<'static> {
        AnyValue::Text(text.into())
    }

    #[test]
    fn the_first_of_equal_keys_counts() {
        let csv = "code,name,n\nde,Germany,1\nfr,\"France, the\",\nde,again,3\n";
        let columns = ["name".to_owned(), "n".to_owned()];
        let table = Table::from_csv(csv.as_bytes(), b',', "code", &columns, JsonType::Text).unwrap();
        assert_eq!(table.get("de"), Some(&[text("Germany"), text("1")][..]));
        assert_eq!(table.get("fr"), Some(&[text("France, the"), text("")][..]));
        assert_eq!(table.get("it"), None);
        let table = Table::from_csv(csv.as_bytes(), b',', "code", &columns[1..], JsonType::Integer).unwrap();
        assert_eq!(table.get("fr"), Some(&[AnyValue::Null][..]));
        let error = Table::from_csv(csv.as_bytes(), b',', "code", &columns[..1], JsonType::Integer).unwrap_err();
        assert_eq!(error.message(), "line 2");
        assert!(Table::from_csv(csv.as_bytes(), b',', "none", &columns, JsonType::Text).is_err());
    }

    #[test]
    fn json_lines_keep_their_types() {
        let json = "{\"id\": 1, \"v\": \"a\"}\n\n{\"id\": \"x\", \"v\": null}\n";
        let table = Table::from_json(json.as_bytes(), "id", &["v".to_owned()], JsonType::Text).unwrap();
        assert_eq!(table.get("1"), Some(&[text("a")][..]));
        assert_eq!(table.get("x"), Some(&[AnyValue::Null][..]));
        let error = Table::from_json("{\"v\": 1}".as_bytes(), "id", &["v".to_owned()], JsonType::Text).unwrap_err();
        assert_eq!(error.message(), "line 1");
    }
}
