//! The headers of CSV files, compared with that of the first file.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use super::super::advice::list;
use super::super::chunk::TextLayout;
use super::super::error::{Fields, SourceError, SourceErrorKind};
use super::super::number::parse_number;
use super::super::text::{CheckedText, MAX_COLUMNS, OpenTextFile};
use super::dialect::Dialect;
use super::record::parse_record;
use crate::format::CsvSettings;
use crate::policy::Then;
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
    /// Messages about names that were made up.
    pub(crate) warnings: Vec<String>,
}

impl Header {
    /// Reads the record at the start of the buffer. The names are those of the settings, or those of the record, or made
    /// up.
    pub(super) fn read(
        file: &OpenTextFile,
        end: usize,
        settings: &CsvSettings,
        dialect: Dialect,
    ) -> Result<Self, SourceError> {
        let line = file.line();
        let layout: &TextLayout = &file.layout;
        let checked = CheckedText::new(file.name(), &file.buffer()[..end], (line, 0), layout, Then::Stop);
        if let Some(error) = checked.error {
            return Err(error);
        }
        let error = |kind| SourceError::on_line(file.name(), line, kind);
        let fields = parse_record(&checked.text, dialect).map_err(error)?;
        if fields.len() > MAX_COLUMNS {
            return Err(error(SourceErrorKind::TooManyColumns { limit: MAX_COLUMNS }));
        }
        let is_number = |field: &str| parse_number(field).is_some();
        if settings.header.is_none() && fields.iter().all(|field| is_number(field)) {
            return Err(error(SourceErrorKind::HeaderOfNumbers));
        }
        let (mut names, mut warnings) = (settings.names.clone(), Vec::new());
        if !names.is_empty() && names.len() != fields.len() {
            let (found, expected) = (Fields(fields.len()), names.len());
            return Err(error(SourceErrorKind::NamesDiffer { found, expected }));
        }
        if names.is_empty() {
            let has_header = settings.header != Some(false);
            let written: Vec<&str> = fields.iter().map(|field| if has_header { field.as_ref() } else { "" }).collect();
            (names, warnings) = unique_names(&written);
            if !has_header {
                warnings.clear();
            }
        }
        let place = |message| format!("{}:{line}: {message}", escaped(file.name()));
        let warnings = warnings.into_iter().map(place).collect();
        Ok(Self { file: Arc::clone(file.name()), line, names, warnings })
    }

    /// Checks that another file has as many columns.
    pub(super) fn check_count(&self, other: &Self) -> Result<(), SourceError> {
        if self.names.len() == other.names.len() {
            return Ok(());
        }
        let kind = SourceErrorKind::ColumnCountDiffers {
            other: escaped(&self.file),
            found: Fields(other.names.len()),
            expected: Fields(self.names.len()),
        };
        Err(SourceError::on_line(&other.file, other.line, kind))
    }

    /// Returns, for each name of the other header, its column in this header; `None` if the headers are equal.
    pub(super) fn column_order(&self, other: &Self) -> Result<Option<Arc<[usize]>>, SourceError> {
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

/// Makes names unique and not empty. Returns messages about the names that were made up.
fn unique_names(written: &[&str]) -> (Vec<String>, Vec<String>) {
    /// Maximum number of messages about one header.
    const MESSAGES: usize = 5;
    let mut taken: HashSet<String> = written.iter().map(|name| (*name).to_owned()).collect();
    let mut seen = HashSet::new();
    // The number from which a free name is looked for, by its start. Without it, many equal names take long.
    let mut next_number: HashMap<String, usize> = HashMap::new();
    let (mut names, mut warnings) = (Vec::with_capacity(written.len()), Vec::new());
    for (index, name) in written.iter().enumerate() {
        if !name.is_empty() && seen.insert(*name) {
            names.push((*name).to_owned());
            continue;
        }
        let (start, first) = if name.is_empty() { ("column".to_owned(), index + 1) } else { ((*name).to_owned(), 2) };
        let number = next_number.entry(start.clone()).or_insert(first);
        *number = (*number).max(first);
        let mut made_up = format!("{start}_{number}");
        while !taken.insert(made_up.clone()) {
            *number += 1;
            made_up = format!("{start}_{number}");
        }
        let problem = if name.is_empty() {
            format!("column {} has no name in the header", index + 1)
        } else {
            format!("column {} has the name {}, as an earlier column", index + 1, named(name))
        };
        warnings
            .push(format!("{problem}; it is called {}, unless `names` in `csv` sets another name", named(&made_up)));
        names.push(made_up);
    }
    if warnings.len() > MESSAGES {
        let more = warnings.len() - MESSAGES;
        warnings.truncate(MESSAGES);
        warnings.push(format!("{more} more columns have made-up names"));
    }
    (names, warnings)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_are_unique() {
        let names = |written: &[&str]| unique_names(written).0;
        assert_eq!(names(&["", "a", ""]), ["column_1", "a", "column_3"]);
        assert_eq!(names(&["a", "a", "a_2", "a"]), ["a", "a_3", "a_2", "a_4"]);
        assert_eq!(names(&["column_2", ""]), ["column_2", "column_3"]);
        let (many, warnings) = unique_names(&vec!["a"; 10_000]);
        assert_eq!(many.iter().collect::<HashSet<_>>().len(), 10_000);
        assert_eq!(warnings.len(), 6);
    }
}
