//! Rows that cannot be read, under `on-bad-row = "reject"`.

use std::sync::Arc;

use super::error::SourceError;
use crate::text::cut;

/// Maximum text of a bad row in the reject file, in bytes. Thousands of rows of one chunk may be bad, and are in memory
/// until the chunk is written.
const RAW_BYTES: usize = 4 << 10;

/// A row that cannot be read, with the reason and the start of its text.
#[derive(Debug, Clone)]
pub(crate) struct BadRow {
    /// The reason and the position.
    pub(crate) error: Arc<SourceError>,
    /// The text of the row without its line end: at most 4 KiB, and U+FFFD for bytes that are not text.
    pub(crate) raw: String,
}

impl BadRow {
    /// Creates a bad row from its bytes.
    pub(crate) fn new(error: SourceError, row: &[u8]) -> Self {
        let row = row.strip_suffix(b"\n").unwrap_or(row);
        let row = row.strip_suffix(b"\r").unwrap_or(row);
        // Only the start is converted, with some bytes more so that `cut` sees that it is not all.
        let start = &row[..row.len().min(RAW_BYTES + 4)];
        let omitted = row.len() - start.len();
        let mut raw = cut(&String::from_utf8_lossy(start), RAW_BYTES);
        if omitted > 0 {
            raw =
                format!("{} … ({} bytes more)", &raw[..raw.rfind(" … (").unwrap_or(raw.len())], row.len() - RAW_BYTES);
        }
        Self { error: Arc::new(error), raw }
    }

    /// Returns the memory that it takes, approximately.
    pub(crate) fn size(&self) -> usize {
        /// Of the error, its message and the entry in the reject file.
        const OVERHEAD: usize = 512;
        self.raw.len() + OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::super::error::SourceErrorKind;
    use super::*;

    fn raw(row: &[u8]) -> String {
        BadRow::new(SourceError::anywhere(SourceErrorKind::OpenQuote), row).raw
    }

    #[test]
    fn the_text_of_a_bad_row_is_bounded() {
        assert_eq!(raw(b"a\xff\r\n"), "a\u{fffd}");
        assert_eq!(raw(&[b'x'; RAW_BYTES]).len(), RAW_BYTES);
        assert!(raw(&[b'x'; RAW_BYTES + 1]).ends_with("x … (1 bytes more)"));
        assert!(raw(&vec![b'x'; 100_000]).ends_with(&format!("x … ({} bytes more)", 100_000 - RAW_BYTES)));
    }
}
