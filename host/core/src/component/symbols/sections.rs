//! The debug sections of the modules in a component.

use std::ops::Range;

use gimli::{EndianSlice, LittleEndian, SectionId};
use wasmparser::{Parser, Payload};

/// Bytes as gimli reads them.
pub(super) type DwarfSlice<'a> = EndianSlice<'a, LittleEndian>;

/// The most bytes of debug sections that are kept for one component. A Rust step with all debug information has about
/// 16 MB; with the line tables that are of use here, 1 MB.
const MAX_BYTES: usize = 32 << 20;

/// What a core module says of its source.
pub(super) struct Module {
    /// Where the module's code is in the component's file. DWARF counts addresses from its beginning.
    pub(super) code: Range<u64>,
    sections: Vec<(SectionId, Box<[u8]>)>,
}

/// The sections that are of use here.
const USED: [SectionId; 10] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
    SectionId::DebugTypes,
];

impl Module {
    #[cfg(test)]
    pub(super) fn new(code: Range<u64>, sections: Vec<(SectionId, Box<[u8]>)>) -> Self {
        Self { code, sections }
    }

    #[cfg(test)]
    pub(super) fn sections_mut(&mut self) -> impl Iterator<Item = &mut Box<[u8]>> {
        self.sections.iter_mut().map(|(_, bytes)| bytes)
    }

    /// A section's bytes; none if the module does not have it.
    pub(super) fn section(&self, id: SectionId) -> DwarfSlice<'_> {
        let section = self.sections.iter().find(|(found, _)| *found == id);
        EndianSlice::new(section.map_or(&[], |(_, bytes)| bytes), LittleEndian)
    }
}

/// The modules of a component that have debug sections; none if they have more of them than is kept.
pub(super) fn modules(component: &[u8]) -> Vec<Module> {
    let mut modules = Vec::new();
    // Modules in components in components: the innermost is the one that is being read.
    let mut open = Vec::new();
    let mut size = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload {
            Ok(Payload::Version { .. }) => open.push(Module { code: 0..0, sections: Vec::new() }),
            Ok(Payload::CodeSectionStart { range, .. }) => {
                if let Some(module) = open.last_mut() {
                    module.code = range.start as u64..range.end as u64;
                }
            }
            Ok(Payload::CustomSection(section)) => {
                let id = USED.into_iter().find(|id| id.name() == section.name());
                if let (Some(id), Some(module)) = (id, open.last_mut()) {
                    size += section.data().len();
                    if size > MAX_BYTES {
                        tracing::debug!("more than {MAX_BYTES} bytes of debug sections, so there are no source lines");
                        return Vec::new();
                    }
                    module.sections.push((id, ended(id, section.data()).into()));
                }
            }
            Ok(Payload::End(_)) => modules.extend(open.pop().filter(|module| !module.sections.is_empty())),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!("the component's sections cannot be read: {error}");
                break;
            }
        }
    }
    modules
}

/// Texts up to the last one that ends, so that no search for an end runs through the whole section in vain.
fn ended(id: SectionId, bytes: &[u8]) -> &[u8] {
    if matches!(id, SectionId::DebugStr | SectionId::DebugLineStr) {
        return &bytes[..memchr::memrchr(0, bytes).map_or(0, |end| end + 1)];
    }
    bytes
}
