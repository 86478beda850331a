//! Reads the headers of CSV files, and compares them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::super::advice::list;
use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::super::text::{MAX_COLUMNS, OnHeader, utf8};
use super::record::CsvRecords;
use crate::text::{escaped, named};

/// The first header found. Empty until the first file with a header is opened.
pub(crate) type FirstHeader = Arc<OnceLock<Header>>;

/// The names in a header.
#[derive(Debug)]
pub(crate) struct Header {
    /// The file name.
    pub(crate) file: Arc<str>,
    /// The line number.
    pub(crate) line: u64,
    /// The names in the file's order, unique and not empty.
    pub(crate) names: Vec<String>,
}

/// Returns a function that compares every header with the first one, and returns the order of its fields.
pub(crate) fn on_header(first: &FirstHeader) -> OnHeader {
    let first = Arc::clone(first);
    Box::new(move |file: &InputFile, line, row| {
        let header = Header::read(&file.name, line, row)?;
        if let Some(first) = first.get() {
            return first.column_order(&header);
        }
        // Headers are read by one reader at a time, so no other thread can set this in between.
        first.get_or_init(|| header);
        Ok(None)
    })
}

impl Header {
    fn read(file: &Arc<str>, line: u64, row: &[u8]) -> Result<Self, SourceError> {
        let (text, not_utf8) = utf8(file, row, line);
        if let Some(error) = not_utf8 {
            return Err(error);
        }
        let error = |kind| SourceError::on_line(file, line, kind);
        let mut fields = Vec::new();
        CsvRecords::new(text, line).next(&mut fields).map_err(|(_, kind)| error(kind))?;
        if fields.len() > MAX_COLUMNS {
            return Err(error(SourceErrorKind::TooManyColumns { limit: MAX_COLUMNS }));
        }
        let mut seen = HashSet::new();
        for (index, name) in fields.iter().enumerate() {
            if name.is_empty() {
                return Err(error(SourceErrorKind::EmptyName { number: index + 1 }));
            }
            if !seen.insert(name.as_ref()) {
                return Err(error(SourceErrorKind::DuplicateName { name: named(name) }));
            }
        }
        let names = fields.into_iter().map(Cow::into_owned).collect();
        Ok(Self { file: Arc::clone(file), line, names })
    }

    /// Returns, for each name of the other header, its column in this header; `None` if the headers are equal.
    fn column_order(&self, other: &Self) -> Result<Option<Arc<[usize]>>, SourceError> {
        if self.names == other.names {
            return Ok(None);
        }
        let by_name: HashMap<_, _> = self.names.iter().enumerate().map(|(index, name)| (name, index)).collect();
        let order: Option<Arc<[usize]>> = other.names.iter().map(|name| by_name.get(name).copied()).collect();
        match order {
            Some(order) if order.len() == self.names.len() => Ok(Some(order)),
            _ => {
                let kind = SourceErrorKind::HeaderDiffers {
                    other: escaped(&self.file),
                    difference: difference(&self.names, &other.names),
                };
                Err(SourceError::on_line(&other.file, other.line, kind))
            }
        }
    }
}

/// Describes which names the second list lacks and which it adds.
pub(crate) fn difference(first: &[String], other: &[String]) -> String {
    let missing_in = |present: &[String], names: &[String]| {
        let present: HashSet<_> = present.iter().collect();
        let missing: Vec<_> = names.iter().filter(|name| !present.contains(name)).cloned().collect();
        (!missing.is_empty()).then(|| list(missing.iter().map(String::as_str)))
    };
    let missing = missing_in(other, first).map(|names| format!("it lacks {names}"));
    let extra = missing_in(first, other).map(|names| format!("it adds {names}"));
    missing.into_iter().chain(extra).collect::<Vec<_>>().join(", and ")
}
