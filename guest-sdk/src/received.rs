//! Received batches, and the guarantee that their texts are UTF-8.

use crate::contract;

/// A batch that a step received.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedBatch<'a> {
    pub(crate) batch: &'a contract::Batch,
    pub(crate) guarantee: TextGuarantee,
}

/// The guarantee that the texts of a batch are UTF-8. Only this crate can create it for a batch of the host.
#[derive(Clone, Copy, Debug)]
pub struct TextGuarantee {
    texts_are_utf8: bool,
}

impl<'a> ReceivedBatch<'a> {
    /// Wraps a batch that the host sent.
    ///
    /// # Safety
    /// Each text and each JSON value in it must be UTF-8, as the contract requires.
    #[cfg(target_arch = "wasm32")]
    #[expect(unsafe_code, reason = "a check of all texts would cost more than the work of most steps")]
    pub(crate) const unsafe fn from_host(batch: &'a contract::Batch) -> Self {
        Self { batch, guarantee: TextGuarantee { texts_are_utf8: true } }
    }

    /// Wraps a batch that may break the rules of the contract.
    pub(crate) const fn unverified(batch: &'a contract::Batch) -> Self {
        Self { batch, guarantee: TextGuarantee { texts_are_utf8: false } }
    }
}

impl TextGuarantee {
    /// Returns whether the texts are known to be UTF-8.
    pub(crate) const fn texts_are_utf8(self) -> bool {
        self.texts_are_utf8
    }
}
