//! The pages of columns.

use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::CompressionCodec;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::ParquetError;
use parquet::errors::Result;
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::RowGroupReader;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

/// Rows that are read together. Zstandard is decompressed here: the library's is in C, which would need a compiler for it.
pub(super) struct RowGroup {
    pub(super) file: Arc<Bytes>,
    pub(super) metadata: RowGroupMetaData,
}

impl RowGroupReader for RowGroup {
    fn metadata(&self) -> &RowGroupMetaData {
        &self.metadata
    }

    fn num_columns(&self) -> usize {
        self.metadata.num_columns()
    }

    fn get_column_page_reader(&self, index: usize) -> Result<Box<dyn PageReader>> {
        let column = self.metadata.column(index);
        let rows = usize::try_from(self.metadata.num_rows())?;
        if column.compression_codec() != CompressionCodec::ZSTD {
            return Ok(Box::new(SerializedPageReader::new(Arc::clone(&self.file), column, rows, None)?));
        }
        let as_stored = column.clone().into_builder().set_compression_codec(CompressionCodec::UNCOMPRESSED).build()?;
        Ok(Box::new(ZstdPages(SerializedPageReader::new(Arc::clone(&self.file), &as_stored, rows, None)?)))
    }

    fn get_column_bloom_filter(&self, _: usize) -> Option<&Sbbf> {
        None
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

/// Decompresses the pages of a column.
struct ZstdPages(SerializedPageReader<Bytes>);

impl PageReader for ZstdPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.0.get_next_page()? else { return Ok(None) };
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => *buf = decompressed(buf, 0)?,
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, is_compressed, .. } => {
                if *is_compressed {
                    *buf = decompressed(buf, *def_levels_byte_len as usize + *rep_levels_byte_len as usize)?;
                }
            }
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.skip_next_page()
    }
}

impl Iterator for ZstdPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// Decompresses a page after the levels at its start, which are not compressed.
fn decompressed(page: &Bytes, levels: usize) -> Result<Bytes> {
    let failed = |problem: String| ParquetError::General(format!("a page cannot be decompressed: {problem}"));
    let (levels, mut compressed) =
        page.split_at_checked(levels).ok_or_else(|| failed("it ends in its levels".to_owned()))?;
    let mut all = levels.to_vec();
    // A page without values has nothing to decompress.
    if !compressed.is_empty() {
        let mut decoder =
            ruzstd::decoding::StreamingDecoder::new(&mut compressed).map_err(|error| failed(error.to_string()))?;
        decoder.read_to_end(&mut all).map_err(|error| failed(error.to_string()))?;
    }
    Ok(all.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_a_page_are_an_error() {
        let page = Bytes::from_static(b"levels, and no frame");
        assert!(decompressed(&page, 6).is_err());
        assert!(decompressed(&page, 100).is_err());
        assert_eq!(decompressed(&page, page.len()).unwrap(), page);
    }
}
