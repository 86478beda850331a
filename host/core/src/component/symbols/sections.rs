//! Reading the debug sections of the modules in a component.

use std::ops::Range;

use gimli::{EndianSlice, LittleEndian, SectionId};
use wasmparser::{Parser, Payload};

/// Bytes for gimli.
pub(super) type DwarfSlice<'a> = EndianSlice<'a, LittleEndian>;

/// The maximum size of the debug sections of one component, in bytes. A Rust step with full debug information has about
/// 16 MB; with line tables only, which suffice here, about 1 MB.
const MAX_BYTES: usize = 32 << 20;

/// The debug sections of a core module.
pub(super) struct Module {
    /// The byte range of the module's code section in the component's file. Addresses in DWARF are relative to its start.
    pub(super) code: Range<u64>,
    sections: Vec<(SectionId, Box<[u8]>)>,
}

/// The sections that a search uses.
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

    /// Returns the bytes of a section. Empty if the module does not have it.
    pub(super) fn section(&self, id: SectionId) -> DwarfSlice<'_> {
        let section = self.sections.iter().find(|(found, _)| *found == id);
        EndianSlice::new(section.map_or(&[], |(_, bytes)| bytes), LittleEndian)
    }
}

/// Returns the modules of a component that have debug sections. Empty if the sections exceed the maximum size.
pub(super) fn modules(component: &[u8]) -> Vec<Module> {
    let mut modules = Vec::new();
    // Modules and components may be nested; the last element is the one being read.
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
                        tracing::debug!(
                            "the debug sections have more than {MAX_BYTES} bytes; failures have no source lines"
                        );
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

/// Truncates a section of strings after the last terminator, so that no search for a terminator scans the whole section in
/// vain.
fn ended(id: SectionId, bytes: &[u8]) -> &[u8] {
    if matches!(id, SectionId::DebugStr | SectionId::DebugLineStr) {
        return &bytes[..memchr::memrchr(0, bytes).map_or(0, |end| end + 1)];
    }
    bytes
}
