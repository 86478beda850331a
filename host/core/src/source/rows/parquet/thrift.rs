//! Reads metadata of Parquet, which is in Thrift's compact protocol, to check it before the library reads it. The library allocates
//! memory for as many elements as a list claims to have, and nests as deep as a schema does.

/// The deepest nesting of structs and lists in metadata. Parquet's own is below 10.
const MAX_DEPTH: u32 = 32;

/// The type of a field or element in the protocol.
mod kind {
    pub(super) const STOP: u8 = 0;
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const MAP: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
    pub(super) const UUID: u8 = 13;
}

/// A position in metadata. Every method returns `None` if the metadata ends early or is malformed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
}

/// A value whose parts are read by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) id: i16,
    kind: u8,
}

impl<'a> Thrift<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Returns the bytes that are not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Calls `read` for each field of a struct. It reads the value, or returns false to skip it.
    pub(super) fn fields(&mut self, mut read: impl FnMut(&mut Self, Field) -> Option<bool>) -> Option<()> {
        let mut id = 0;
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == kind::STOP {
                return Some(());
            }
            id = match head >> 4 {
                0 => i16::try_from(self.integer()?).ok()?,
                more => i16::checked_add(id, i16::from(more))?,
            };
            let field = Field { id, kind };
            if !read(self, field)? {
                self.skip(kind, MAX_DEPTH)?;
            }
        }
    }

    /// Returns the integer of a field.
    pub(super) fn integer_of(&mut self, field: Field) -> Option<i64> {
        matches!(field.kind, kind::I16..=kind::I64).then(|| self.integer())?
    }

    /// Calls `read` for each element of a field that is a list of structs.
    pub(super) fn structs_of(&mut self, field: Field, mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        if field.kind != kind::LIST {
            return None;
        }
        let (kind, count) = self.list()?;
        (kind == kind::STRUCT || count == 0).then_some(())?;
        (0..count).try_for_each(|_| read(self))
    }

    /// Checks that a field is a struct, whose fields are read next.
    pub(super) fn is_struct(field: Field) -> Option<()> {
        (field.kind == kind::STRUCT).then_some(())
    }

    fn skip(&mut self, kind: u8, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match kind {
            kind::TRUE | kind::FALSE => {}
            kind::BYTE => self.take(1)?,
            kind::I16..=kind::I64 => drop(varint(&mut self.bytes)?),
            kind::DOUBLE => self.take(8)?,
            kind::UUID => self.take(16)?,
            kind::BINARY => {
                let length = varint(&mut self.bytes)?;
                self.take(length)?;
            }
            kind::LIST | kind::SET => {
                let (element, count) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(element, depth))?;
            }
            kind::MAP => {
                let count = varint(&mut self.bytes)?;
                if count > 0 {
                    let kinds = self.byte()?;
                    self.has(count)?;
                    (0..count).try_for_each(|_| {
                        self.skip_element(kinds >> 4, depth)?;
                        self.skip_element(kinds & 0x0f, depth)
                    })?;
                }
            }
            kind::STRUCT => self.fields(|inner, field| {
                inner.skip(field.kind, depth)?;
                Some(true)
            })?,
            _ => return None,
        }
        Some(())
    }

    /// Skips an element of a list or map. Booleans have a byte there.
    fn skip_element(&mut self, kind: u8, depth: u32) -> Option<()> {
        match kind {
            kind::TRUE | kind::FALSE => self.take(1),
            _ => self.skip(kind, depth),
        }
    }

    /// Reads the start of a list: the type and number of its elements. Each takes at least one byte.
    fn list(&mut self) -> Option<(u8, u64)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => varint(&mut self.bytes)?,
            few => u64::from(few),
        };
        self.has(count)?;
        Some((head & 0x0f, count))
    }

    fn has(&self, bytes: u64) -> Option<()> {
        (bytes <= self.bytes.len() as u64).then_some(())
    }

    fn take(&mut self, bytes: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn integer(&mut self) -> Option<i64> {
        let zigzag = varint(&mut self.bytes)?;
        Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
    }
}

/// Returns a number of variable length, and removes it from the bytes.
pub(super) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
