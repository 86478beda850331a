//! Columns that no step reads and that only JSON Lines sinks write, as JSON text.
//!
//! A source can return such columns as the text that a sink writes, mostly a part of its own text, in place of arrays. The
//! rows then have columns of nulls in their places, which no operation reads. A row finds its text by its index in the chunk.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;

/// The names of columns that are next to each other in the source and in every sink that writes them. None has a
/// character that JSON escapes.
pub(crate) type CarriedGroup = Arc<[Arc<str>]>;

/// The carried columns of the rows of one chunk. For each row and group, it has the members of an object without its braces, in
/// the form in which sinks write them: `"a":1,"b":"x"`.
#[derive(Debug)]
pub(crate) struct CarriedText {
    groups: Arc<[CarriedGroup]>,
    chunk: Bytes,
    /// The texts that are not in this form in the chunk.
    rewritten: Vec<u8>,
    /// For each row and group, the range in the chunk, or in the rewritten texts after it.
    ranges: Vec<(u32, u32)>,
}

impl CarriedText {
    /// Creates the text of a chunk. `ranges` has an element for each row and group, row by row. Texts in `rewritten` have
    /// indexes from the length of the chunk on.
    pub(crate) fn new(groups: Arc<[CarriedGroup]>, chunk: Bytes, rewritten: Vec<u8>, ranges: Vec<(u32, u32)>) -> Self {
        Self { groups, chunk, rewritten, ranges }
    }

    /// The groups of columns.
    pub(crate) fn groups(&self) -> &[CarriedGroup] {
        &self.groups
    }

    /// Returns the bytes of all texts, at most.
    pub(crate) fn bytes(&self) -> usize {
        self.chunk.len() + self.rewritten.len()
    }

    /// Returns the columns of a group in a row of the chunk.
    pub(crate) fn text(&self, row: usize, group: usize) -> &[u8] {
        let (start, end) = self.ranges[row * self.groups.len() + group];
        let (start, end, length) = (start as usize, end as usize, self.chunk.len());
        if start < length { &self.chunk[start..end] } else { &self.rewritten[start - length..end - length] }
    }

    /// Returns the names and values of all carried columns in a row of the chunk.
    pub(crate) fn values(&self, row: usize) -> impl Iterator<Item = (&str, &str)> {
        (0..self.groups.len()).flat_map(move |group| self.members(row, group))
    }

    /// Returns the names and values of a group.
    fn members(&self, row: usize, group: usize) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = std::str::from_utf8(self.text(row, group)).expect("values were read from text");
        self.groups[group].iter().enumerate().map(move |(index, name)| {
            // Quotation marks and a colon, and a comma after another member.
            rest = &rest[name.len() + 3 + usize::from(index > 0)..];
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            let value = values.next().and_then(Result::ok).expect("the source has checked the value").get();
            rest = &rest[values.byte_offset()..];
            (&**name, value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_the_chunk_and_in_rewritten_texts() {
        let groups: Arc<[CarriedGroup]> = Arc::new([["a".into(), "b".into()].into(), ["c".into()].into()]);
        let chunk = Bytes::from_static(br#"{"a":1,"b":"x\"\n,","r":0,"c":null}"#);
        let rewritten = r#""a":[1,{"b":2}],"b":"é""#.as_bytes().to_vec();
        let end = (chunk.len() + rewritten.len()) as u32;
        let ranges = vec![(1, 19), (26, 34), (chunk.len() as u32, end), (26, 34)];
        let text = CarriedText::new(groups, chunk, rewritten, ranges);
        assert_eq!(text.text(0, 0), br#""a":1,"b":"x\"\n,""#);
        let values = |row| text.values(row).collect::<Vec<_>>();
        assert_eq!(values(0), [("a", "1"), ("b", r#""x\"\n,""#), ("c", "null")]);
        assert_eq!(values(1), [("a", r#"[1,{"b":2}]"#), ("b", "\"é\""), ("c", "null")]);
    }
}
