//! Received batches, and the guarantee that their texts are UTF-8.

use crate::contract;

/// A batch that a step received.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub(crate) batch: &'a contract::Batch,
    pub(crate) sender: Sender,
}

/// The sender of a batch. Only this crate can create the host as a sender.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    is_host: bool,
}

impl<'a> Sent<'a> {
    /// Wraps a batch that the host sent.
    ///
    /// # Safety
    /// Each text and each JSON value in it must be UTF-8, as the contract requires.
    #[cfg(target_arch = "wasm32")]
    #[expect(unsafe_code, reason = "a check of all texts would cost more than the work of most steps")]
    pub(crate) const unsafe fn by_host(batch: &'a contract::Batch) -> Self {
        Self { batch, sender: Sender { is_host: true } }
    }

    /// Wraps a batch that may break the rules of the contract.
    pub(crate) const fn by_anyone(batch: &'a contract::Batch) -> Self {
        Self { batch, sender: Sender { is_host: false } }
    }
}

impl Sender {
    /// Returns whether the texts are known to be UTF-8.
    pub(crate) const fn vouches_for_texts(self) -> bool {
        self.is_host
    }
}
