//! Where the code of a snapshot is in the file that it was made from.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use wasmparser::{Parser, Payload};

/// The places of the code sections of a component, in a changed file and in the original. The code itself is the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::component) struct CodeMoves(Vec<CodeMove>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct CodeMove {
    /// In the changed file.
    place: Range<u64>,
    /// The start in the original.
    original: u64,
}

impl CodeMoves {
    /// Compares two files. Returns `None` if the code is not the same.
    pub(super) fn between(original: &[u8], changed: &[u8]) -> Option<Self> {
        let (before, after) = (code_sections(original)?, code_sections(changed)?);
        let is_same = |(before, after): (&Range<usize>, &Range<usize>)| {
            original.get(before.clone()).is_some_and(|code| Some(code) == changed.get(after.clone()))
        };
        if before.len() != after.len() || !before.iter().zip(&after).all(is_same) {
            return None;
        }
        let moves = before.iter().zip(after);
        Some(Self(
            moves
                .map(|(before, after)| CodeMove {
                    place: after.start as u64..after.end as u64,
                    original: before.start as u64,
                })
                .collect(),
        ))
    }

    /// Returns the offset in the original of an offset in the changed file. An offset outside of the code stays as it is.
    pub(in crate::component) fn original(&self, offset: u64) -> u64 {
        let section = self.0.iter().find(|section| section.place.contains(&offset));
        section.map_or(offset, |section| offset - section.place.start + section.original)
    }
}

fn code_sections(component: &[u8]) -> Option<Vec<Range<usize>>> {
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        if let Payload::CodeSectionStart { range, .. } = payload.ok()? {
            sections.push(range);
        }
    }
    Some(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn component(data: &str, function: &str) -> Vec<u8> {
        let source = format!(
            r#"(component
                (core module (memory 1) (data (i32.const 0) "{data}") (func {function}))
                (core module (func nop nop) (func)))"#
        );
        wat::parse_str(source).unwrap()
    }

    #[test]
    fn an_offset_in_a_changed_file_is_found_in_the_original() {
        let (original, changed) = (component("", "nop"), component("much more data", "nop"));
        let moves = CodeMoves::between(&original, &changed).unwrap();
        let (before, after) = (code_sections(&original).unwrap(), code_sections(&changed).unwrap());
        assert_ne!(before[1], after[1]);
        for (before, after) in before.into_iter().zip(after) {
            for (before, after) in before.zip(after) {
                assert_eq!(moves.original(after as u64), before as u64);
            }
        }
        assert_eq!(moves.original(u64::MAX), u64::MAX);
        assert_eq!(CodeMoves::default().original(7), 7);
    }

    #[test]
    fn files_with_other_code_have_no_moves() {
        assert_eq!(CodeMoves::between(&component("", "nop"), &component("", "unreachable")), None);
        assert_eq!(CodeMoves::between(&component("", "nop"), b"\0asm\x0d\0\x01\0"), None);
        assert_eq!(CodeMoves::between(&component("", "nop"), b"no component"), None);
    }
}
