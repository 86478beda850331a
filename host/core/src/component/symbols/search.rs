//! Reading the parts of a unit, with a step taken from the budget for everything that gimli reads.

use std::sync::Arc;

use gimli::{
    Abbreviations, Attribute, AttributeValue, DebugStrOffsetsBase, Dwarf, Reader as _, SectionId, Unit, UnitHeader,
    constants,
};

use super::budget::{Budget, SearchEnd};
use super::sections::DwarfSlice;

/// The maximum size of a table of abbreviations, in bytes. Compilers write a few thousand bytes.
const ABBREVIATIONS: usize = 64 << 10;
/// One search in one module.
pub(super) struct Search<'m, 'b, 's> {
    pub(super) dwarf: Dwarf<DwarfSlice<'m>>,
    pub(super) budget: &'b mut Budget<'s>,
    /// The last table of abbreviations and its offset. Most units either share one or have their own.
    abbreviations: Option<(usize, Arc<Abbreviations>)>,
}

impl<'m, 'b, 's> Search<'m, 'b, 's> {
    pub(super) fn new(dwarf: Dwarf<DwarfSlice<'m>>, budget: &'b mut Budget<'s>) -> Self {
        Self { dwarf, budget, abbreviations: None }
    }

    /// Reads the start of a unit. Takes the steps for everything that gimli reads at once before it does.
    pub(super) fn open(&mut self, header: UnitHeader<DwarfSlice<'m>>) -> Result<Unit<DwarfSlice<'m>>, SearchEnd> {
        self.budget.spend(1)?;
        let abbreviations = self.abbreviations(&header)?;
        let root = header.entry(&abbreviations, header.root_offset())?;
        self.budget.spend(root.attrs().len() as u64)?;
        self.check_texts(&header, root.attrs())?;
        if let Some(AttributeValue::DebugLineRef(offset)) = root.attr_value(constants::DW_AT_stmt_list) {
            let length = self.line_header_length(offset.0)?;
            self.budget.spend_bytes(length)?;
        }
        let unit = Unit::new_with_abbreviations(&self.dwarf, header, abbreviations)?;
        Ok(unit)
    }

    /// Rejects a unit whose name or directory is too long, before gimli searches for their terminators.
    fn check_texts(
        &mut self,
        header: &UnitHeader<DwarfSlice<'m>>,
        attributes: &[Attribute<DwarfSlice<'m>>],
    ) -> Result<(), SearchEnd> {
        let mut base = DebugStrOffsetsBase::default_for_encoding_and_file(header.encoding(), self.dwarf.file_type);
        for attribute in attributes {
            if let AttributeValue::DebugStrOffsetsBase(given) = attribute.value() {
                base = given;
            }
        }
        for attribute in attributes {
            if !matches!(attribute.name(), constants::DW_AT_name | constants::DW_AT_comp_dir) {
                continue;
            }
            let value = match attribute.value() {
                AttributeValue::DebugStrOffsetsIndex(index) => {
                    let offsets = &self.dwarf.debug_str_offsets;
                    AttributeValue::DebugStrRef(offsets.get_str_offset(header.format(), base, index)?)
                }
                value => value,
            };
            let Some(bytes) = self.bytes(value) else { continue };
            let text = bounded(bytes);
            self.budget.spend_bytes(text.len())?;
            if text.len() > TEXT_BYTES {
                return Err(SearchEnd::Malformed);
            }
        }
        Ok(())
    }

    fn abbreviations(&mut self, header: &UnitHeader<DwarfSlice<'m>>) -> Result<Arc<Abbreviations>, SearchEnd> {
        let offset = header.debug_abbrev_offset();
        if let Some((known, abbreviations)) = &self.abbreviations
            && *known == offset.0
        {
            return Ok(Arc::clone(abbreviations));
        }
        let section = self.section(SectionId::DebugAbbrev);
        let length = section.slice().get(offset.0..).map(table_length).ok_or(SearchEnd::Malformed)??;
        self.budget.spend_bytes(length)?;
        let abbreviations = Arc::new(header.abbreviations(&self.dwarf.debug_abbrev)?);
        self.abbreviations = Some((offset.0, Arc::clone(&abbreviations)));
        Ok(abbreviations)
    }

    fn section(&self, id: SectionId) -> DwarfSlice<'m> {
        use gimli::Section as _;
        match id {
            SectionId::DebugAbbrev => *self.dwarf.debug_abbrev.reader(),
            SectionId::DebugStr => *self.dwarf.debug_str.reader(),
            SectionId::DebugLineStr => *self.dwarf.debug_line_str.reader(),
            _ => *self.dwarf.debug_line.reader(),
        }
    }

    /// The length of the header of a line program, which lists directories and files, in bytes.
    fn line_header_length(&self, offset: usize) -> Result<usize, SearchEnd> {
        let mut bytes = self.section(SectionId::DebugLine);
        bytes.skip(offset)?;
        let (_, format) = bytes.read_initial_length()?;
        // Version 5 added the sizes of an address and of a segment.
        let skipped = if bytes.read_u16()? >= 5 { 2 } else { 0 };
        bytes.skip(skipped)?;
        Ok(bytes.read_length(format)?)
    }

    /// Whether an entry with these attributes contains the address.
    pub(super) fn contains(
        &mut self,
        unit: &Unit<DwarfSlice<'m>>,
        attributes: &[Attribute<DwarfSlice<'m>>],
        address: u64,
    ) -> Result<bool, SearchEnd> {
        let mut low = None;
        let mut high = None;
        for attribute in attributes {
            match attribute.name() {
                constants::DW_AT_low_pc => low = self.dwarf.attr_address(unit, attribute.value())?,
                constants::DW_AT_high_pc => high = Some(attribute.value()),
                constants::DW_AT_ranges => {
                    let Some(mut ranges) = self.dwarf.attr_ranges(unit, attribute.value())? else { continue };
                    while let Some(raw) = ranges.next_raw()? {
                        self.budget.spend(1)?;
                        if let Some(range) = ranges.convert_raw(raw)?
                            && is_in(address, range.begin, range.end)
                        {
                            return Ok(true);
                        }
                    }
                    return Ok(false);
                }
                _ => {}
            }
        }
        let (Some(low), Some(high)) = (low, high) else { return Ok(false) };
        let high = match high {
            AttributeValue::Udata(size) => low.checked_add(size),
            value => self.dwarf.attr_address(unit, value)?,
        };
        Ok(high.is_some_and(|high| is_in(address, low, high)))
    }

    /// The string value of an attribute, truncated to [`TEXT_BYTES`].
    pub(super) fn text(
        &mut self,
        unit: &Unit<DwarfSlice<'m>>,
        value: AttributeValue<DwarfSlice<'m>>,
    ) -> Result<Option<String>, SearchEnd> {
        self.budget.spend(1)?;
        let value = match value {
            AttributeValue::DebugStrOffsetsIndex(index) => match self.dwarf.string_offset(unit, index) {
                Ok(offset) => AttributeValue::DebugStrRef(offset),
                Err(_) => return Ok(None),
            },
            value => value,
        };
        let Some(bytes) = self.bytes(value) else { return Ok(None) };
        let text = bounded(bytes);
        self.budget.spend_bytes(text.len())?;
        Ok(Some(lossy(text)))
    }

    /// The bytes from the start of a string to the end of its section. For a string in the entry itself, to its own end.
    fn bytes(&self, value: AttributeValue<DwarfSlice<'m>>) -> Option<&'m [u8]> {
        let (section, offset) = match value {
            AttributeValue::String(text) => return Some(text.slice()),
            AttributeValue::DebugStrRef(offset) => (SectionId::DebugStr, offset.0),
            AttributeValue::DebugLineStrRef(offset) => (SectionId::DebugLineStr, offset.0),
            _ => return None,
        };
        self.section(section).slice().get(offset..)
    }
}

/// The maximum length of a name or path in bytes. Longer ones are truncated.
pub(super) const TEXT_BYTES: usize = 4096;

/// The text of a name or path, truncated to [`TEXT_BYTES`].
pub(super) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_BYTES)]).into_owned()
}

/// A string up to its NUL. The search for it is limited, since it may be megabytes away.
fn bounded(bytes: &[u8]) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(TEXT_BYTES + 1)];
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

/// Whether a range contains an address. For code that the linker removed, the start address is 0.
fn is_in(address: u64, begin: u64, end: u64) -> bool {
    begin != 0 && begin <= address && address < end
}

/// The length of a table of abbreviations.
///
/// # Errors
/// The table does not end within the maximum size.
fn table_length(bytes: &[u8]) -> Result<usize, SearchEnd> {
    let bytes = &bytes[..bytes.len().min(ABBREVIATIONS)];
    let mut rest = DwarfSlice::new(bytes, gimli::LittleEndian);
    while rest.read_uleb128()? != 0 {
        rest.read_uleb128()?;
        rest.read_u8()?;
        loop {
            let (name, form) = (rest.read_uleb128()?, rest.read_uleb128()?);
            if form == u64::from(constants::DW_FORM_implicit_const.0) {
                rest.read_sleb128()?;
            }
            if (name, form) == (0, 0) {
                break;
            }
        }
    }
    Ok(bytes.len() - rest.len())
}
