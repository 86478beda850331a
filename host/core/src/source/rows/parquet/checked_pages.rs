//! Checks the content of each page after its decompression: the library allocates as many values as an encoding claims to have.

use std::ops::Range;
use std::sync::Arc;

use parquet::arrow::arrow_reader::RowGroups;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageIterator, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescriptor;

use super::checked_file::{CheckedChunk, CheckedFile};
use super::thrift::varint;

/// The row groups of a file, whose pages are checked.
pub(super) struct CheckedRowGroups {
    pub(super) file: Arc<CheckedFile>,
    pub(super) metadata: Arc<ParquetMetaData>,
    /// The row groups to read.
    pub(super) groups: Range<usize>,
}

impl RowGroups for CheckedRowGroups {
    fn num_rows(&self) -> usize {
        self.row_groups().map(|group| usize::try_from(group.num_rows()).unwrap_or_default()).sum()
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        let groups = self.groups.clone();
        Ok(Box::new(ColumnChunks {
            file: Arc::clone(&self.file),
            metadata: Arc::clone(&self.metadata),
            column,
            groups,
        }))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(self.metadata.row_groups()[self.groups.clone()].iter())
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

/// The column chunks of a column.
struct ColumnChunks {
    file: Arc<CheckedFile>,
    metadata: Arc<ParquetMetaData>,
    column: usize,
    groups: Range<usize>,
}

impl Iterator for ColumnChunks {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let group = self.metadata.row_group(self.groups.next()?);
        let chunk = group.column(self.column);
        let rows = usize::try_from(group.num_rows()).unwrap_or_default();
        let checked = Arc::new(CheckedChunk::new(&self.file, self.column, chunk));
        let pages = SerializedPageReader::new(Arc::clone(&checked), chunk, rows, None);
        let levels = Levels::new(chunk.column_descr());
        Some(pages.map(|pages| Box::new(CheckedPages { pages, chunk: checked, levels }) as _))
    }
}

impl PageIterator for ColumnChunks {}

/// The largest levels of a column, which are in front of its values in a page.
#[derive(Debug, Clone, Copy)]
struct Levels {
    repetition: i16,
    definition: i16,
}

impl Levels {
    fn new(column: &ColumnDescriptor) -> Self {
        Self { repetition: column.max_rep_level(), definition: column.max_def_level() }
    }
}

/// The pages of a column chunk.
struct CheckedPages {
    pages: SerializedPageReader<CheckedChunk>,
    chunk: Arc<CheckedChunk>,
    levels: Levels,
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.iter().try_for_each(|page| check(page, self.levels))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        // The library calls the reader only if it has no header yet, and that one is to be checked.
        let next = self.pages.peek_next_page()?;
        self.chunk.set_peeked(next.is_some());
        Ok(next)
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()?;
        self.chunk.set_skipped();
        Ok(())
    }
}

fn check(page: &Page, levels: Levels) -> Result<()> {
    let is_counted = matches!(
        page.encoding(),
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY
    );
    let (values, most) = match page {
        Page::DataPage { buf, num_values, def_level_encoding, rep_level_encoding, .. } if is_counted => {
            let count = *num_values as usize;
            let values = after_levels(buf, levels.repetition, *rep_level_encoding, count)
                .and_then(|rest| after_levels(rest, levels.definition, *def_level_encoding, count));
            (values, count)
        }
        Page::DataPageV2 { buf, num_values, def_levels_byte_len, rep_levels_byte_len, .. } if is_counted => {
            let start = (*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize);
            (start.and_then(|start| buf.get(start..)), *num_values as usize)
        }
        _ => return Ok(()),
    };
    let lengths = match page.encoding() {
        // Lengths of what a value has in common with the value before it, and of the rest.
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => 1,
    };
    let rest = values.and_then(|values| (0..lengths).try_fold(values, |rest, _| after_deltas(rest, most)));
    match rest {
        Some(_) => Ok(()),
        None => Err(ParquetError::General(format!("the encoded values of a page do not fit its {most} values"))),
    }
}

/// Returns the bytes after the levels of a page of version 1.
fn after_levels(page: &[u8], max_level: i16, encoding: Encoding, count: usize) -> Option<&[u8]> {
    if max_level == 0 {
        return Some(page);
    }
    if encoding == Encoding::RLE {
        let (length, rest) = page.split_first_chunk()?;
        return rest.get(u32::from_le_bytes(*length) as usize..);
    }
    let width = (u16::BITS - max_level.cast_unsigned().leading_zeros()) as usize;
    page.get(count.checked_mul(width)?.div_ceil(8)..)
}

/// Returns the bytes after numbers that are encoded as differences. Returns `None` if they are malformed, or claim to be more than
/// `most`.
fn after_deltas(encoded: &[u8], most: usize) -> Option<&[u8]> {
    let mut rest = encoded;
    let mut number = || varint(&mut rest).and_then(|number| usize::try_from(number).ok());
    let (block, blocks, count) = (number()?, number()?, number()?);
    varint(&mut rest)?;
    if count > most {
        return None;
    }
    let per_block = block.checked_div(blocks)?;
    let mut left = count.saturating_sub(1);
    while left > 0 && per_block > 0 {
        varint(&mut rest)?;
        let (widths, content) = rest.split_at_checked(blocks)?;
        let mut bytes = 0_usize;
        for width in widths {
            // The width of blocks after the last value is arbitrary, and they have no content.
            if left > 0 {
                bytes = bytes.checked_add(usize::from(*width).checked_mul(per_block)? / 8)?;
            }
            left = left.saturating_sub(per_block);
        }
        // Writers may leave out the end of the last block.
        rest = content.get(bytes..).or((left == 0).then_some(&[]))?;
    }
    (left == 0).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoded_numbers_are_skipped_and_counted() {
        // Blocks of 128 numbers in 4 parts; 3 numbers, the first is 1; the least difference is 0; a part with 1 bit per number.
        let encoded = [128, 1, 4, 3, 2, 0, 1, 9, 9, 9, 0b11, 0, 0, 0, 77];
        assert_eq!(after_deltas(&encoded, 3), Some(&[77][..]));
        assert_eq!(after_deltas(&encoded, 2), None, "more numbers than values");
        assert_eq!(after_deltas(&encoded[..6], 3), None, "without widths");
        assert_eq!(after_deltas(&encoded[..12], 3), Some(&[][..]), "the end is left out");
        assert_eq!(after_deltas(&[128, 1, 4, 1, 0, 5], 9), Some(&[5][..]), "one number has no block");
        assert_eq!(after_deltas(&[128, 1, 4, 0, 0], 0), Some(&[][..]));
        let huge = [128, 1, 4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0];
        assert_eq!(after_deltas(&huge, usize::MAX), None);
    }

    #[test]
    fn levels_are_skipped() {
        assert_eq!(after_levels(&[1], 0, Encoding::RLE, 5), Some(&[1][..]));
        assert_eq!(after_levels(&[2, 0, 0, 0, 9, 9, 1], 1, Encoding::RLE, 5), Some(&[1][..]));
        #[expect(deprecated, reason = "old files have it")]
        let packed = Encoding::BIT_PACKED;
        assert_eq!(after_levels(&[9, 9, 1], 2, packed, 8), Some(&[1][..]));
        assert_eq!(after_levels(&[9], 1, Encoding::RLE, 5), None);
    }
}
