//! Batches on their way into a step, and who vouches for them.

use crate::contract;

/// A batch that was sent to a step.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    pub(crate) batch: &'a contract::Batch,
    pub(crate) sender: Sender,
}

/// Who sent a batch. Nobody outside of this crate can make one that is the host.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    is_host: bool,
}

impl<'a> Sent<'a> {
    /// A batch that the host sent.
    ///
    /// # Safety
    /// Each text and each JSON value in it is UTF-8, as the contract has it.
    #[cfg(target_arch = "wasm32")]
    #[expect(unsafe_code, reason = "a check of all texts would cost more than what most steps do with them")]
    pub(crate) const unsafe fn by_host(batch: &'a contract::Batch) -> Self {
        Self { batch, sender: Sender { is_host: true } }
    }

    /// A batch that somebody made, who may have broken the contract's rules.
    pub(crate) const fn by_anyone(batch: &'a contract::Batch) -> Self {
        Self { batch, sender: Sender { is_host: false } }
    }
}

impl Sender {
    /// Whether the texts are known to be UTF-8.
    pub(crate) const fn vouches_for_texts(self) -> bool {
        self.is_host
    }
}
