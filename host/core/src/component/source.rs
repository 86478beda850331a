//! The source code that a component carries for its interpreter, in its last section.
//!
//! It is not part of what is compiled: all steps of an interpreter share the compiled code. It is part of the component's digest, so
//! locks, bundles and cached results depend on it.

use wasmparser::BinaryReader;

/// The custom section with the source code.
pub(crate) const SOURCE_SECTION: &str = "stillbox-source";

/// The bytes before the first section.
const HEADER: usize = 8;

/// Splits a component into what is compiled, and the content of the section. The content is empty if the last section is another one.
pub(super) fn split(component: &[u8]) -> (&[u8], &[u8]) {
    let mut last = None;
    let mut reader = BinaryReader::new(component, 0);
    if reader.read_bytes(HEADER).is_err() {
        return (component, &[]);
    }
    while !reader.eof() {
        let start = reader.original_position();
        let Some(section) = section(&mut reader) else { return (component, &[]) };
        last = section.map(|content| (start, content));
    }
    match last {
        Some((start, (from, to))) => (&component[..start], &component[from..to]),
        None => (component, &[]),
    }
}

/// Reads one section. Returns the range of its content if it is the one with the source code, and `None` if the file is malformed,
/// which the compiler reports.
#[expect(clippy::option_option, reason = "the outer one is a malformed file")]
fn section(reader: &mut BinaryReader<'_>) -> Option<Option<(usize, usize)>> {
    let id = reader.read_u8().ok()?;
    let length = reader.read_var_u32().ok()? as usize;
    let start = reader.original_position();
    let content = reader.read_bytes(length).ok()?;
    if id != 0 {
        return Some(None);
    }
    let mut custom = BinaryReader::new(content, start);
    let is_source = custom.read_string().is_ok_and(|name| name == SOURCE_SECTION);
    Some(is_source.then(|| (custom.original_position(), start + length)))
}

#[cfg(test)]
mod tests {
    use wasm_encoder::{CustomSection, Section as _};

    use super::*;

    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn with(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut component = EMPTY.to_vec();
        for (name, data) in sections {
            CustomSection { name: (*name).into(), data: (*data).into() }.append_to(&mut component);
        }
        component
    }

    #[test]
    fn only_the_last_section_is_the_source() {
        let long = [7; 300];
        let component = with(&[("name", b"x"), (SOURCE_SECTION, &long)]);
        assert_eq!(split(&component), (&*with(&[("name", b"x")]), &long[..]));
        for others in [vec![], vec![("name", &b"x"[..])], vec![(SOURCE_SECTION, &b"a"[..]), ("name", b"x")]] {
            let component = with(&others);
            assert_eq!(split(&component), (&*component, &[][..]));
        }
        let component = with(&[(SOURCE_SECTION, b"a"), (SOURCE_SECTION, b"b")]);
        assert_eq!(split(&component).1, b"b");
    }

    #[test]
    fn a_malformed_file_has_no_source() {
        let whole = with(&[(SOURCE_SECTION, b"abc")]);
        for end in 0..whole.len() {
            assert_eq!(split(&whole[..end]), (&whole[..end], &[][..]), "{end}");
        }
    }
}
