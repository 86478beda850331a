//! Reads values from the memory of a guest. Every address comes from the guest, so each read may fail.

/// The linear memory of an instance.
#[derive(Clone, Copy)]
pub(super) struct GuestMemory<'a>(pub(super) &'a [u8]);

impl<'a> GuestMemory<'a> {
    pub(super) fn bytes(self, address: u64, length: u64) -> Option<&'a [u8]> {
        let end = address.checked_add(length)?;
        self.0.get(usize::try_from(address).ok()?..usize::try_from(end).ok()?)
    }

    pub(super) fn byte(self, address: u64) -> Option<u8> {
        Some(self.bytes(address, 1)?[0])
    }

    /// Returns a number of 32 bits: an address or a size.
    pub(super) fn word(self, address: u64) -> Option<u64> {
        let bytes = self.bytes(address, 4)?.try_into().expect("it has 4 bytes");
        Some(u32::from_le_bytes(bytes).into())
    }

    pub(super) fn double_word(self, address: u64) -> Option<u64> {
        let bytes = self.bytes(address, 8)?.try_into().expect("it has 8 bytes");
        Some(u64::from_le_bytes(bytes))
    }
}
