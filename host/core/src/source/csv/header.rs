//! Headers, and how those of several files go together.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::super::advice::list;
use super::super::error::{SourceError, SourceErrorKind};
use super::super::files::InputFile;
use super::super::shown::{escaped, named};
use super::super::text::{MAX_COLUMNS, OnHeader, utf8};
use super::record::CsvRecords;

/// The header of the first file that has one. It is empty until that file is opened.
pub(crate) type FirstHeader = Arc<OnceLock<Header>>;

/// The names in a header.
#[derive(Debug)]
pub(crate) struct Header {
    /// The file that has it.
    pub(crate) file: Arc<str>,
    /// Its line.
    pub(crate) line: u64,
    /// Names that differ and are not empty, in the file's order.
    pub(crate) names: Vec<String>,
}

/// Compares every header with the first one, and finds the order of the fields.
pub(crate) fn on_header(first: &FirstHeader) -> OnHeader {
    let first = Arc::clone(first);
    Box::new(move |file: &InputFile, line, row| {
        let header = Header::read(&file.name, line, row)?;
        if let Some(first) = first.get() {
            return first.column_order(&header);
        }
        // One reader at a time looks at headers, so no other thread is faster.
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

    /// Which column of this header each name of the other one is; none if they are the same.
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

/// What names the second list lacks, and what it has beyond the first.
pub(crate) fn difference(first: &[String], other: &[String]) -> String {
    let lacks = |there: &[String], names: &[String]| {
        let there: HashSet<_> = there.iter().collect();
        let missing: Vec<_> = names.iter().filter(|name| !there.contains(name)).cloned().collect();
        (!missing.is_empty()).then(|| list(missing.iter().map(String::as_str)))
    };
    let missing = lacks(other, first).map(|names| format!("it lacks {names}"));
    let extra = lacks(first, other).map(|names| format!("it adds {names}"));
    missing.into_iter().chain(extra).collect::<Vec<_>>().join(", and ")
}
