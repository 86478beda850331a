//! Memory of texts that are written, for later texts.

use std::sync::Arc;

use parking_lot::Mutex;

/// The most texts whose memory is kept.
const MAX_TEXTS: usize = 16;

/// The largest memory that is kept, in bytes: for the text of a usual chunk of the input.
const MAX_BYTES: usize = 32 << 20;

/// The memory of texts that one output has written. Memory that is new to the process costs more than the text that is copied into it.
#[derive(Debug, Clone, Default)]
pub(super) struct FreeTexts(Arc<Mutex<Vec<Vec<u8>>>>);

impl FreeTexts {
    /// Returns an empty text with memory for this many bytes.
    pub(super) fn take(&self, bytes: usize) -> Vec<u8> {
        let mut text = self.0.lock().pop().unwrap_or_default();
        text.reserve(bytes);
        text
    }

    /// Keeps the memory of a text.
    pub(super) fn put(&self, mut text: Vec<u8>) {
        text.clear();
        let mut texts = self.0.lock();
        if texts.len() < MAX_TEXTS && text.capacity() <= MAX_BYTES {
            texts.push(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_within_bounds() {
        let texts = FreeTexts::default();
        let mut text = texts.take(100);
        text.push(1);
        let place = text.as_ptr();
        texts.put(text);
        let again = texts.take(50);
        assert_eq!((again.as_ptr(), again.len()), (place, 0));
        texts.put(Vec::with_capacity(MAX_BYTES + 1));
        (0..2 * MAX_TEXTS).for_each(|_| texts.put(vec![1]));
        assert_eq!(texts.0.lock().len(), MAX_TEXTS);
        assert!(texts.0.lock().iter().all(|text| text.capacity() <= MAX_BYTES));
    }
}
