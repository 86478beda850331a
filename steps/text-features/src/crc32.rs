/// A CRC-32 as in IEEE 802.3 and zlib (reflected polynomial 0xEDB88320), computed byte by byte.
///
/// Other algorithms are faster for long inputs. This one is faster for many short overlapping slices, because the processor can
/// compute several checksums in parallel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc32(u32);

impl Crc32 {
    /// The checksum of an empty slice.
    pub(crate) const EMPTY: Self = Self(!0);

    /// Returns the checksum of a slice.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        bytes.iter().fold(Self::EMPTY, |checksum, byte| checksum.then(*byte))
    }

    /// Adds a byte to the checksum.
    #[inline]
    pub(crate) const fn then(self, byte: u8) -> Self {
        Self(TABLE[(self.0 as u8 ^ byte) as usize] ^ (self.0 >> 8))
    }

    /// Returns the checksum's value.
    #[inline]
    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}

/// The remainder of each byte value.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < u8::BITS {
            remainder = if remainder & 1 == 1 { 0xEDB8_8320 ^ (remainder >> 1) } else { remainder >> 1 };
            bit += 1;
        }
        table[byte] = remainder;
        byte += 1;
    }
    table
};
