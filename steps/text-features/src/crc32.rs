/// A checksum, byte by byte: CRC-32 as in IEEE 802.3 and zlib (reflected polynomial 0xEDB88320).
///
/// There are faster ways for long inputs. For many short slices that overlap, it counts that several of these can be worked
/// out side by side.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Crc32(u32);

impl Crc32 {
    /// The checksum of no bytes.
    pub(crate) const EMPTY: Self = Self(!0);

    /// The checksum of some bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        bytes.iter().fold(Self::EMPTY, |checksum, byte| checksum.then(*byte))
    }

    /// The checksum of the bytes before and one more.
    #[inline]
    pub(crate) const fn then(self, byte: u8) -> Self {
        Self(TABLE[(self.0 as u8 ^ byte) as usize] ^ (self.0 >> 8))
    }

    /// The checksum's value.
    #[inline]
    pub(crate) const fn value(self) -> u32 {
        !self.0
    }
}

/// The remainder of each byte.
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
