//! The dialect of CSV files.

use super::TextEncoding;

/// The settings of CSV files. The default is RFC 4180.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CsvSettings {
    /// The character between fields. `None`: a tab in files that end in `.tsv` or `.tab`, otherwise a comma, after a
    /// check that the header does not use another one.
    pub(crate) delimiter: Option<u8>,
    /// The character around fields that contain delimiters or line breaks. `None`: there are no quoted fields.
    pub(crate) quote: Option<u8>,
    /// A character that takes the special meaning from the next one. `None`: a quotation mark is written twice.
    pub(crate) escape: Option<u8>,
    /// The character at the start of lines that are skipped.
    pub(crate) comment: Option<u8>,
    /// Whether the first record has the names of the columns. `None`: it has, after a check that it does not consist of
    /// numbers.
    pub(crate) header: Option<bool>,
    /// The names of the columns, in the order of the fields. Empty: those of the header, or `column_1` and so on.
    pub(crate) names: Vec<String>,
    /// The number of lines that are skipped at the start of each file.
    pub(crate) skip_lines: u64,
    /// Fields without quotation marks that stand for null.
    pub(crate) nulls: Vec<String>,
    /// The encoding of the text.
    pub(crate) encoding: TextEncoding,
}

impl Default for CsvSettings {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: Some(b'"'),
            escape: None,
            comment: None,
            header: None,
            names: Vec::new(),
            skip_lines: 0,
            nulls: Vec::new(),
            encoding: TextEncoding::default(),
        }
    }
}
