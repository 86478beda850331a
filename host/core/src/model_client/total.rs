//! The bytes of all answers of one call, which the host holds until the step has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::{Answer, AnswerError};

/// Bytes of all answers of one call. A server could send more than the host has memory for.
const MAX_BYTES: u64 = 64 << 20;

/// Counts the bytes of the answers of one call. Clones count together.
#[derive(Debug, Clone, Default)]
pub(super) struct TotalBytes(Arc<AtomicU64>);

impl TotalBytes {
    /// Counts bytes.
    ///
    /// # Errors
    /// All answers together are too large. Smaller ones may still fit.
    pub(super) fn add(&self, bytes: usize) -> Result<(), AnswerError> {
        let before = self.0.fetch_add(bytes as u64, Ordering::Relaxed);
        if before.saturating_add(bytes as u64) <= MAX_BYTES {
            return Ok(());
        }
        self.0.fetch_sub(bytes as u64, Ordering::Relaxed);
        Err(AnswerError::rejected("the answers of one call of the step have more than 64 MiB together")
            .hint("lower `max-tokens`, or `batch-rows` of the step"))
    }

    /// Counts the text of an answer.
    pub(super) fn bounded(&self, answered: Result<Answer, AnswerError>) -> Result<Answer, AnswerError> {
        let answer = answered?;
        self.add(answer.text.len() + answer.model.len())?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_does_not_fit_does_not_count() {
        let total = TotalBytes::default();
        total.add(60 << 20).unwrap();
        assert!(total.add(5 << 20).is_err());
        total.clone().add(4 << 20).unwrap();
        assert!(total.add(1).is_err());
        assert!(total.add(usize::MAX).is_err());
    }
}
