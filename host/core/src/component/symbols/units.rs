//! Searching the units of a module for addresses.

use std::sync::Arc;

use gimli::{
    Abbreviations, Attribute, AttributeValue, DebugStrOffsetsBase, Dwarf, Reader as _, SectionId, Unit, UnitHeader,
    UnitOffset, constants,
};

use super::SourceFrame;
use super::budget::{Budget, SearchEnd};
use super::entries::{self, FunctionName};
use super::lines;
use super::sections::{DwarfSlice, Module};

/// The maximum size of a table of abbreviations, in bytes. Compilers write a few thousand bytes.
const ABBREVIATIONS: usize = 64 << 10;
/// The maximum number of references from an entry to the one that has its name.
const HOPS: u32 = 8;

/// One search in one module.
pub(super) struct Search<'m, 'b, 's> {
    pub(super) dwarf: Dwarf<DwarfSlice<'m>>,
    pub(super) budget: &'b mut Budget<'s>,
    /// The last table of abbreviations and its offset. Most units either share one or have their own.
    abbreviations: Option<(usize, Arc<Abbreviations>)>,
}

/// Returns the functions of the source at each address, the innermost first. Empty for addresses without debug
/// information.
pub(super) fn find_frames(module: &Module, addresses: &[u64], budget: &mut Budget<'_>) -> Vec<Vec<SourceFrame>> {
    let mut found = vec![Vec::new(); addresses.len()];
    let Ok(dwarf) = Dwarf::load(|id| Ok::<_, gimli::Error>(module.section(id))) else { return found };
    let mut search = Search { dwarf, budget, abbreviations: None };
    let mut units = search.dwarf.units();
    while found.iter().any(Vec::is_empty)
        && let Ok(Some(header)) = units.next()
    {
        if search.unit(header, addresses, &mut found) == Err(SearchEnd::Exhausted) {
            tracing::debug!("the search for source lines exceeded its limit");
            break;
        }
    }
    found
}

impl<'m> Search<'m, '_, '_> {
    /// Searches one unit for the addresses.
    fn unit(
        &mut self,
        header: UnitHeader<DwarfSlice<'m>>,
        addresses: &[u64],
        found: &mut [Vec<SourceFrame>],
    ) -> Result<(), SearchEnd> {
        let unit = self.open(header)?;
        let root = unit.entry(unit.header.root_offset())?;
        let mut inside = Vec::new();
        for (index, address) in addresses.iter().enumerate() {
            if found[index].is_empty() && self.contains(&unit, root.attrs(), *address)? {
                inside.push((index, *address));
            }
        }
        if inside.is_empty() {
            return Ok(());
        }
        let wanted: Vec<u64> = inside.iter().map(|(_, address)| *address).collect();
        let places = lines::locations(self, &unit, &wanted)?;
        let chains = entries::chains(self, &unit, &wanted)?;
        for (((index, _), place), chain) in inside.into_iter().zip(places).zip(chains) {
            let mut location = place;
            for link in chain.into_iter().rev() {
                let function = self.name(&unit, link.name, HOPS)?;
                let call = match link.call {
                    Some(place) => lines::location(self, &unit, place)?,
                    None => None,
                };
                found[index].push(SourceFrame { function, location: std::mem::replace(&mut location, call) });
            }
            if found[index].is_empty() && location.is_some() {
                found[index].push(SourceFrame { function: None, location });
            }
        }
        Ok(())
    }

    /// Reads the start of a unit. Takes the steps for everything that gimli reads at once before it does.
    fn open(&mut self, header: UnitHeader<DwarfSlice<'m>>) -> Result<Unit<DwarfSlice<'m>>, SearchEnd> {
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

    /// The name of an entry: its own, or that of the entry it refers to.
    fn name(
        &mut self,
        unit: &Unit<DwarfSlice<'m>>,
        name: FunctionName<'m>,
        hops: u32,
    ) -> Result<Option<String>, SearchEnd> {
        if let Some(value) = name.name {
            return self.text(unit, value);
        }
        if hops == 0 {
            return Ok(None);
        }
        match name.origin {
            Some(AttributeValue::UnitRef(offset)) => {
                let name = self.function_name(unit, offset)?;
                self.name(unit, name, hops - 1)
            }
            Some(AttributeValue::DebugInfoRef(offset)) => {
                let mut units = self.dwarf.units();
                while let Some(header) = units.next()? {
                    self.budget.spend(1)?;
                    if let Some(offset) = offset.to_unit_offset(&header) {
                        let other = self.open(header)?;
                        let name = self.function_name(&other, offset)?;
                        return self.name(&other, name, hops - 1);
                    }
                }
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn function_name(
        &mut self,
        unit: &Unit<DwarfSlice<'m>>,
        offset: UnitOffset,
    ) -> Result<FunctionName<'m>, SearchEnd> {
        self.budget.spend(1)?;
        let entry = unit.entry(offset)?;
        // gimli has searched for the terminators of strings in the entry itself.
        let texts = entry.attrs().iter().map(|attribute| match attribute.value() {
            AttributeValue::String(text) => text.len(),
            _ => 1,
        });
        self.budget.spend_bytes(texts.sum())?;
        self.budget.spend(entry.attrs().len() as u64)?;
        Ok(FunctionName::from_attributes(entry.attrs()))
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
        Ok(Some(String::from_utf8_lossy(&text[..text.len().min(TEXT_BYTES)]).into_owned()))
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
