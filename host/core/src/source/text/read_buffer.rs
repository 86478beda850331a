//! Memory for the text of a file.

use std::collections::VecDeque;
use std::ops::Deref;

use bytes::{Buf as _, Bytes, BytesMut};

use super::super::look_ahead::READ_BYTES;

/// Earlier memory that is remembered. More of it is in use only with many threads.
const MAX_EARLIER: usize = 64;

/// Bytes that are read and not in a chunk yet. Chunks share its memory. When all chunks of a piece of memory are dropped, it is filled
/// again: memory that is new to the process costs more than to read a file into it.
#[derive(Default)]
pub(super) struct ReadBuffer {
    bytes: BytesMut,
    /// The bytes of the last chunk.
    chunk: usize,
    /// Whether a chunk has a part of the memory.
    is_shared: bool,
    /// Empty handles of earlier memory.
    earlier: VecDeque<BytesMut>,
}

impl ReadBuffer {
    /// Returns memory with room for a read, which appends to it.
    pub(super) fn with_room(&mut self) -> &mut BytesMut {
        // Room left after the last chunk is filled first, unless it is so small that a read would not pay.
        if self.bytes.capacity() - self.bytes.len() < READ_BYTES / 2 {
            if self.is_shared {
                self.replace();
            } else {
                self.bytes.reserve(READ_BYTES);
            }
        }
        &mut self.bytes
    }

    /// Takes the first bytes. They are not copied.
    pub(super) fn take(&mut self, end: usize) -> Bytes {
        self.chunk = end;
        self.is_shared = true;
        self.bytes.split_to(end).freeze()
    }

    /// Removes the first bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.bytes.advance(bytes);
    }

    /// Moves the bytes to memory of which no chunk has a part, and which has room for another chunk like the last.
    fn replace(&mut self) {
        let room = self.chunk.max(self.bytes.len()).saturating_add(READ_BYTES);
        let free = self.earlier.iter_mut().position(|earlier| earlier.try_reclaim(room));
        let mut next =
            free.and_then(|index| self.earlier.remove(index)).unwrap_or_else(|| BytesMut::with_capacity(room));
        next.extend_from_slice(&self.bytes);
        let mut last = std::mem::replace(&mut self.bytes, next);
        last.clear();
        self.is_shared = false;
        if self.earlier.len() == MAX_EARLIER {
            self.earlier.pop_front();
        }
        self.earlier.push_back(last);
    }
}

impl Deref for ReadBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `count` bytes with this value.
    fn read(buffer: &mut ReadBuffer, value: u8, count: usize) {
        for _ in 0..count {
            buffer.with_room().extend_from_slice(&[value]);
        }
    }

    #[test]
    fn memory_is_filled_again_when_its_chunks_are_dropped() {
        let mut buffer = ReadBuffer::default();
        let mut places = Vec::new();
        for value in 0..10 {
            read(&mut buffer, value, 3 * READ_BYTES);
            let chunk = buffer.take(buffer.len() - 5);
            let (before, read) = chunk.split_at(if value == 0 { 0 } else { 5 });
            assert!(before.iter().all(|byte| *byte + 1 == value) && read.iter().all(|byte| *byte == value));
            places.push(chunk.as_ptr());
        }
        places.sort_unstable();
        places.dedup();
        assert!(places.len() <= 3, "{} pieces of memory", places.len());
    }

    #[test]
    fn memory_with_a_chunk_is_not_changed() {
        let mut buffer = ReadBuffer::default();
        let mut chunks = Vec::new();
        for value in 0..100 {
            read(&mut buffer, value, READ_BYTES / 3);
            chunks.push(buffer.take(READ_BYTES / 3 - 1));
            buffer.skip(1);
        }
        for (chunk, value) in chunks.iter().zip(0..) {
            assert!(chunk.iter().all(|byte| *byte == value));
        }
        assert!(buffer.is_empty());
    }
}
