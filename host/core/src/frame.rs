//! Frames: records with a checksum, for everything that is written to disk and read back by a later stage or run.
//!
//! A frame is a header of [`HEADER`] bytes and a payload. Numbers are little-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 7 | magic number, which names the kind of record |
//! | 1 | version of the payload's format |
//! | 8 | length of the payload |
//! | 4 | CRC-32 of the header up to here, and of the payload |
//!
//! The length comes from a file that anything may have happened to. It is compared with the bytes that are there before
//! memory is allocated for them.

use std::io::{self, Read};

/// Size of a header in bytes.
pub(crate) const HEADER: usize = CHECKED + 4;

/// The number of bytes of a header that its checksum covers.
const CHECKED: usize = 7 + 1 + 8;

/// Bytes that are read at once to check a payload.
const BUFFER: usize = 16 << 10;

/// A kind of record, and the version of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameFormat {
    magic: [u8; 7],
    version: u8,
}

/// A difference between a frame and what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    /// The magic number is wrong: another kind of record, or no frame.
    #[error("it does not start with the magic number of its format")]
    Foreign,
    /// The frame was written by another version of Stillbox.
    #[error("it is of version {found}, not {expected}")]
    OtherVersion {
        /// The version in the frame.
        found: u8,
        /// The version that this program reads.
        expected: u8,
    },
    /// The header or the payload is incomplete.
    #[error("it is truncated")]
    Truncated,
    /// There are bytes after the payload.
    #[error("it has more bytes than were written")]
    Surplus,
    /// The header or the payload has changed.
    #[error("the checksum is wrong")]
    Checksum,
    /// The payload is that of another entry of a cache.
    #[error("it is the entry of another key")]
    OtherKey,
}

/// An error of reading a frame from a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadFrameError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The frame is not the one that was written.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// A header of the expected format. The payload is not checked yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    /// Length of the payload in bytes. Not trusted: compare it with the size of the file before allocating memory.
    pub(crate) length: u64,
    checksum: u32,
}

impl FrameFormat {
    /// A format. `version` changes whenever the payload, or its meaning, does.
    pub(crate) const fn new(magic: [u8; 7], version: u8) -> Self {
        Self { magic, version }
    }

    /// Returns a frame without a payload, which is appended before [`finish`](Self::finish).
    pub(crate) fn start(self) -> Vec<u8> {
        self.header(&[]).to_vec()
    }

    /// Writes the header of a frame whose payload is complete.
    ///
    /// # Panics
    /// The bytes were not begun by [`start`](Self::start).
    pub(crate) fn finish(self, frame: &mut [u8]) {
        let (header, payload) = frame.split_at_mut(HEADER);
        header.copy_from_slice(&self.header(&[payload]));
    }

    /// Returns the header for a payload in several parts, for a payload that is not in memory as a whole.
    pub(crate) fn header(self, payload: &[&[u8]]) -> [u8; HEADER] {
        let length: usize = payload.iter().map(|part| part.len()).sum();
        let checked = self.checked(length as u64);
        let mut header = [0; HEADER];
        header[..CHECKED].copy_from_slice(&checked);
        header[CHECKED..].copy_from_slice(&checksum(&checked, payload).to_le_bytes());
        header
    }

    /// Parses a header.
    ///
    /// # Errors
    /// The magic number or the version is another one.
    pub(crate) fn parse(self, header: &[u8; HEADER]) -> Result<FrameHeader, FrameError> {
        let [m0, m1, m2, m3, m4, m5, m6, version, l0, l1, l2, l3, l4, l5, l6, l7, c0, c1, c2, c3] = *header;
        if [m0, m1, m2, m3, m4, m5, m6] != self.magic {
            return Err(FrameError::Foreign);
        }
        if version != self.version {
            return Err(FrameError::OtherVersion { found: version, expected: self.version });
        }
        let length = u64::from_le_bytes([l0, l1, l2, l3, l4, l5, l6, l7]);
        Ok(FrameHeader { length, checksum: u32::from_le_bytes([c0, c1, c2, c3]) })
    }

    /// Checks a payload against its header, wherever the two are stored.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub(crate) fn check(self, header: &[u8; HEADER], payload: &[u8]) -> Result<(), FrameError> {
        let header = self.parse(header)?;
        match header.length.cmp(&(payload.len() as u64)) {
            std::cmp::Ordering::Greater => Err(FrameError::Truncated),
            std::cmp::Ordering::Less => Err(FrameError::Surplus),
            std::cmp::Ordering::Equal if checksum(&self.checked(header.length), &[payload]) == header.checksum => {
                Ok(())
            }
            std::cmp::Ordering::Equal => Err(FrameError::Checksum),
        }
    }

    /// Checks the payload of a file against its header. The payload is not kept in memory.
    ///
    /// # Errors
    /// The file cannot be read, or see [`FrameError`].
    pub(crate) fn check_file(
        self,
        header: &[u8; HEADER],
        payload: &mut impl Read,
        length: u64,
    ) -> Result<(), ReadFrameError> {
        let header = self.parse(header)?;
        match header.length.cmp(&length) {
            std::cmp::Ordering::Greater => return Err(FrameError::Truncated.into()),
            std::cmp::Ordering::Less => return Err(FrameError::Surplus.into()),
            std::cmp::Ordering::Equal => {}
        }
        let mut checksum = crc32fast::Hasher::new();
        checksum.update(&self.checked(length));
        let mut buffer = [0; BUFFER];
        let mut left = length;
        while left > 0 {
            let part = &mut buffer[..left.min(BUFFER as u64) as usize];
            payload.read_exact(part).map_err(truncated)?;
            checksum.update(part);
            left -= part.len() as u64;
        }
        if checksum.finalize() == header.checksum { Ok(()) } else { Err(FrameError::Checksum.into()) }
    }

    /// Returns the payload of the first frame, and the bytes after it.
    ///
    /// # Errors
    /// See [`FrameError`]; it is never [`FrameError::Surplus`].
    pub(crate) fn split(self, bytes: &[u8]) -> Result<(&[u8], &[u8]), FrameError> {
        let (header, rest) = bytes.split_first_chunk().ok_or(FrameError::Truncated)?;
        let length = usize::try_from(self.parse(header)?.length).map_err(|_| FrameError::Truncated)?;
        let (payload, rest) = rest.split_at_checked(length).ok_or(FrameError::Truncated)?;
        self.check(header, payload)?;
        Ok((payload, rest))
    }

    /// Returns the payload of a single frame.
    ///
    /// # Errors
    /// See [`FrameError`].
    pub(crate) fn payload(self, frame: &[u8]) -> Result<&[u8], FrameError> {
        match self.split(frame)? {
            (payload, []) => Ok(payload),
            _ => Err(FrameError::Surplus),
        }
    }

    /// Reads the next frame and returns its payload. Allocates no more memory than the file has bytes.
    ///
    /// # Errors
    /// The file cannot be read, or see [`FrameError`].
    pub(crate) fn read(self, file: &mut impl Read) -> Result<Vec<u8>, ReadFrameError> {
        let mut header = [0; HEADER];
        file.read_exact(&mut header).map_err(truncated)?;
        let mut payload = Vec::new();
        file.take(self.parse(&header)?.length).read_to_end(&mut payload)?;
        self.check(&header, &payload)?;
        Ok(payload)
    }

    /// The part of a header that its checksum covers.
    fn checked(self, length: u64) -> [u8; CHECKED] {
        let [m0, m1, m2, m3, m4, m5, m6] = self.magic;
        let [l0, l1, l2, l3, l4, l5, l6, l7] = length.to_le_bytes();
        [m0, m1, m2, m3, m4, m5, m6, self.version, l0, l1, l2, l3, l4, l5, l6, l7]
    }
}

/// Turns the end of a file within a header into the error of a frame.
fn truncated(error: io::Error) -> ReadFrameError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => FrameError::Truncated.into(),
        _ => error.into(),
    }
}

fn checksum(header: &[u8; CHECKED], payload: &[&[u8]]) -> u32 {
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(header);
    for part in payload {
        checksum.update(part);
    }
    checksum.finalize()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FORMAT: FrameFormat = FrameFormat::new(*b"stilltt", 3);

    fn frame(payload: &[u8]) -> Vec<u8> {
        let mut frame = FORMAT.start();
        frame.extend_from_slice(payload);
        FORMAT.finish(&mut frame);
        frame
    }

    #[test]
    fn the_layout_of_a_header_is_fixed() {
        let mut expected = b"stilltt\x03\x02\0\0\0\0\0\0\0".to_vec();
        let checksum = crc32fast::hash(&[&expected[..], b"ab"].concat());
        expected.extend_from_slice(&checksum.to_le_bytes());
        expected.extend_from_slice(b"ab");
        assert_eq!(frame(b"ab"), expected);
    }

    #[test]
    fn another_version_is_told_apart_from_another_format() {
        let other = FrameFormat::new(*b"stilltt", 2);
        let error = FrameError::OtherVersion { found: 3, expected: 2 };
        assert_eq!(other.payload(&frame(b"a")), Err(error));
        assert_eq!(error.to_string(), "it is of version 3, not 2");
        assert_eq!(FrameFormat::new(*b"stillzz", 3).payload(&frame(b"a")), Err(FrameError::Foreign));
    }

    #[test]
    fn a_header_that_claims_more_than_the_file_has_allocates_nothing_for_it() {
        let mut hostile = frame(b"abc");
        hostile[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(FORMAT.payload(&hostile), Err(FrameError::Truncated));
        // This would abort the process if the length were believed.
        assert!(matches!(FORMAT.read(&mut &hostile[..]), Err(ReadFrameError::Frame(FrameError::Truncated))));
    }

    #[test]
    fn a_payload_in_parts_has_the_header_of_the_whole() {
        let whole = frame(b"abcdef");
        assert_eq!(FORMAT.header(&[b"abc", b"", b"def"]), whole[..HEADER]);
    }

    proptest! {
        #[test]
        fn frames_survive_encoding(payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5)) {
            let bytes: Vec<u8> = payloads.iter().flat_map(|payload| frame(payload)).collect();
            let (mut rest, mut file) = (&bytes[..], &bytes[..]);
            for payload in &payloads {
                let (found, after) = FORMAT.split(rest).unwrap();
                prop_assert_eq!(found, payload);
                prop_assert_eq!(&FORMAT.read(&mut file).unwrap(), payload);
                let header = FORMAT.header(&[payload]);
                prop_assert!(FORMAT.check_file(&header, &mut &payload[..], payload.len() as u64).is_ok());
                rest = after;
            }
            prop_assert!(rest.is_empty() && file.is_empty());
        }

        #[test]
        fn any_changed_bit_is_detected(payload: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
            let mut changed = frame(&payload);
            let at = at.index(changed.len());
            changed[at] ^= 1_u8 << bit;
            let error = FORMAT.payload(&changed).unwrap_err();
            let expected = match at {
                0..7 => error == FrameError::Foreign,
                7 => matches!(error, FrameError::OtherVersion { expected: 3, .. }),
                8..16 => matches!(error, FrameError::Truncated | FrameError::Surplus | FrameError::Checksum),
                _ => error == FrameError::Checksum,
            };
            prop_assert!(expected, "byte {}: {:?}", at, error);
            prop_assert!(FORMAT.read(&mut &changed[..]).is_err());
            let (header, rest) = changed.split_first_chunk().unwrap();
            let checked = FORMAT.check_file(header, &mut &rest[..], rest.len() as u64);
            prop_assert!(matches!(checked, Err(ReadFrameError::Frame(found)) if found == FORMAT.check(header, rest).unwrap_err()));
        }

        #[test]
        fn a_frame_that_was_cut_off_is_truncated(payload: Vec<u8>, at: prop::sample::Index) {
            let whole = frame(&payload);
            let cut = &whole[..at.index(whole.len())];
            prop_assert_eq!(FORMAT.payload(cut), Err(FrameError::Truncated));
            prop_assert!(matches!(FORMAT.read(&mut &*cut), Err(ReadFrameError::Frame(FrameError::Truncated))));
        }

        #[test]
        fn surplus_bytes_are_detected(payload: Vec<u8>, surplus in prop::collection::vec(any::<u8>(), 1..30)) {
            let longer = [frame(&payload), surplus].concat();
            prop_assert_eq!(FORMAT.payload(&longer), Err(FrameError::Surplus));
        }

        #[test]
        fn no_bytes_make_parsing_panic(mut bytes: Vec<u8>, has_magic: bool) {
            if has_magic {
                bytes.splice(0..0, *b"stilltt\x03");
            }
            let _ = FORMAT.payload(&bytes);
            let _ = FORMAT.read(&mut &bytes[..]);
        }
    }
}
