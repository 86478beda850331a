//! Reads the header of a page.

use super::thrift::Thrift;

/// The parts of a header that lead to allocations.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) size: u64,
    pub(super) compressed: u64,
    pub(super) values: u64,
    pub(super) encoding: i64,
    pub(super) is_dictionary: bool,
    /// Whether the page has values of rows.
    pub(super) is_data: bool,
    /// The checksum of the page, if it has one.
    pub(super) checksum: Option<u32>,
    /// The bytes of the header.
    pub(super) length: u64,
}

impl PageHeader {
    /// Reads a header. Returns `None` if it is incomplete or malformed.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut header = Self::default();
        let unsigned = |value: i64| u64::try_from(value).ok();
        let mut thrift = Thrift::new(bytes);
        thrift.fields(|thrift, field| {
            // The field of the encoding in the header of this kind of page.
            let encoding = match field.id {
                2 => {
                    header.size = unsigned(thrift.integer_of(field)?)?;
                    return Some(true);
                }
                3 => {
                    header.compressed = unsigned(thrift.integer_of(field)?)?;
                    return Some(true);
                }
                4 => {
                    header.checksum = Some(thrift.integer_of(field)? as i32 as u32);
                    return Some(true);
                }
                5 | 7 => 2,
                8 => 4,
                _ => return Some(false),
            };
            Thrift::is_struct(field)?;
            header.is_dictionary = field.id == 7;
            header.is_data = field.id != 7;
            thrift.fields(|thrift, field| {
                match field.id {
                    1 => header.values = unsigned(thrift.integer_of(field)?)?,
                    id if id == encoding => header.encoding = thrift.integer_of(field)?,
                    _ => return Some(false),
                }
                Some(true)
            })?;
            Some(true)
        })?;
        header.length = (bytes.len() - thrift.rest().len()) as u64;
        Some(header)
    }
}
