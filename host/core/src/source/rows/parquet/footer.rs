//! Checks the footer of a Parquet file before the library reads it.

use std::fs::File;
use std::io;

use super::thrift::Thrift;
use crate::os;
use crate::source::row_limits::{RowLimits, TooLarge};

/// The end of a file: the length of the metadata in four bytes, and the magic number.
const END: u64 = 8;
const MAGIC: &[u8] = b"PAR1";

/// The deepest nesting of columns. The library calls itself for each level.
const MAX_DEPTH: usize = 64;

/// The least bytes of a row group in the metadata: its required fields.
const MIN_GROUP: usize = 8;

/// A footer that the library must not read.
#[derive(Debug, thiserror::Error)]
pub(super) enum FooterError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    #[error("its metadata is malformed")]
    Malformed,
    #[error("its columns are nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

/// Checks the footer. A file without one is left to the library, which names the problem.
///
/// # Errors
/// The metadata is malformed, too large, or nested too deeply.
pub(super) fn check(file: &File, length: u64, limits: RowLimits) -> Result<(), FooterError> {
    let Some(end) = length.checked_sub(END) else { return Ok(()) };
    let mut last = [0; END as usize];
    os::read_exact_at(file, &mut last, end)?;
    let size = u64::from(u32::from_le_bytes([last[0], last[1], last[2], last[3]]));
    let Some(start) = end.checked_sub(size).filter(|_| last[4..] == *MAGIC) else { return Ok(()) };
    limits.check("its metadata", size, limits.metadata())?;
    let mut metadata = vec![0; size as usize];
    os::read_exact_at(file, &mut metadata, start)?;
    check_metadata(&metadata)
}

fn check_metadata(metadata: &[u8]) -> Result<(), FooterError> {
    let (mut children, mut has_room) = (Vec::new(), true);
    let read = Thrift::new(metadata).fields(|thrift, field| match field.id {
        2 => {
            thrift.structs_of(field, |element| {
                let mut count = 0;
                element.fields(|element, field| {
                    if field.id != 5 {
                        return Some(false);
                    }
                    count = element.integer_of(field)?;
                    Some(true)
                })?;
                children.push(count);
                Some(())
            })?;
            Some(true)
        }
        4 => {
            let (mut count, before) = (0, thrift.rest().len());
            thrift.structs_of(field, |group| {
                count += 1;
                group.fields(|_, _| Some(false))
            })?;
            has_room &= count * MIN_GROUP <= before;
            Some(true)
        }
        _ => Some(false),
    });
    read.filter(|()| has_room).ok_or(FooterError::Malformed)?;
    if depth(&children) > MAX_DEPTH { Err(FooterError::TooDeep) } else { Ok(()) }
}

/// Returns the depth of a schema, given the number of children of each element, parents before their children.
fn depth(children: &[i64]) -> usize {
    let (mut open, mut deepest) = (Vec::new(), 0);
    for count in children {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(parent) = open.last_mut() {
            *parent -= 1;
        }
        open.push((*count).max(0));
        deepest = deepest.max(open.len());
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_of_a_schema_is_that_of_its_deepest_element() {
        assert_eq!(depth(&[]), 0);
        assert_eq!(depth(&[2, 0, 0]), 2);
        assert_eq!(depth(&[2, 1, 1, 0, 0]), 4);
        assert_eq!(depth(&[1; 100]), 100);
    }

    #[test]
    fn a_list_that_claims_more_elements_than_there_are_bytes_is_malformed() {
        // Field 4, a list of 2^28 - 1 structs.
        let claims = [0x49, 0xfc, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0];
        assert!(matches!(check_metadata(&claims), Err(FooterError::Malformed)));
        // A list of four empty structs has no room for the fields of row groups.
        assert!(matches!(check_metadata(&[0x49, 0x4c, 0, 0, 0, 0, 0]), Err(FooterError::Malformed)));
        assert!(check_metadata(&[0]).is_ok());
    }

    #[test]
    fn a_schema_that_is_nested_too_deeply_is_refused() {
        let mut metadata = vec![0x29, 0xfc, 100];
        (0..100).for_each(|_| metadata.extend([0x55, 2, 0]));
        metadata.push(0);
        assert!(matches!(check_metadata(&metadata), Err(FooterError::TooDeep)));
    }
}
