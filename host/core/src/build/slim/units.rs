//! Filters a module's debug information: keeps the author's code and drops that of libraries.
//!
//! A function is kept if it contains a line of the author. It need not be written by the author: most of a step's code is in
//! functions of the SDK and of the standard library that were instantiated for the step's types, with the author's functions
//! inlined. An inlined function is kept if it contains a line of the author or is called from one. A line belongs to the
//! author if its file exists on this machine and is not part of the compiler, a registry or the SDK.

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use gimli::write::{Address, ConvertUnit, ConvertUnitEntry, EndianVec, FilterUnitSection, LineProgram, Sections};
use gimli::{AttributeValue, EndianSlice, LittleEndian, SectionId, UnitSectionOffset, constants, read, write};

use super::SlimError;

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Returns the filtered sections, or `None` if they contain no code of the author.
///
/// # Errors
/// The sections cannot be read, or the filtered ones cannot be written.
pub(super) fn own_sections<'a>(
    section: &impl Fn(SectionId) -> &'a [u8],
    root: &Path,
) -> Result<Vec<(&'static str, Vec<u8>)>, SlimError> {
    let load = |id| Ok::<_, gimli::Error>(EndianSlice::new(section(id), LittleEndian));
    let dwarf = read::Dwarf::load(load).map_err(write::ConvertError::from)?;
    let kept = AuthoredCode::find(&dwarf, root).map_err(write::ConvertError::from)?;
    if kept.code.is_empty() {
        return Ok(Vec::new());
    }
    let mut filter = FilterUnitSection::new(&dwarf)?;
    while let Some(mut unit) = filter.read_unit()? {
        let mut entry = unit.null_entry();
        while unit.read_entry(&mut entry)? {
            if kept.entries.contains(&entry.offset.to_unit_section_offset(&unit.read_unit)) {
                unit.require_entry(entry.offset);
            }
        }
    }
    let mut slim = write::Dwarf::new();
    let mut convert = slim.convert_with_filter(filter)?;
    while let Some((mut unit, root)) = convert.read_unit()? {
        convert_unit(&mut unit, root, &kept)?;
    }
    let mut sections = Sections::new(EndianVec::new(LittleEndian));
    slim.write(&mut sections)?;
    let mut written = Vec::new();
    sections.for_each(|id, data| {
        if !data.slice().is_empty() {
            written.push((id.name(), data.slice().to_vec()));
        }
        Ok::<_, SlimError>(())
    })?;
    Ok(written)
}

/// The parts that are kept.
#[derive(Default)]
struct AuthoredCode {
    /// Functions and inlined functions.
    entries: HashSet<UnitSectionOffset>,
    /// The code of the functions, by address.
    code: Vec<Range<u64>>,
}

impl AuthoredCode {
    fn find(dwarf: &read::Dwarf<Slice<'_>>, root: &Path) -> Result<Self, gimli::Error> {
        let mut units = Vec::new();
        let mut headers = dwarf.units();
        while let Some(header) = headers.next()? {
            units.push(dwarf.unit(header)?);
        }
        let sdk = units.iter().find_map(|unit| sdk(unit.unit_ref(dwarf)));
        let mut kept = Self::default();
        for unit in &units {
            let unit = unit.unit_ref(dwarf);
            let own = AuthoredLines::find(unit, sdk.as_deref(), root)?;
            if !own.addresses.is_empty() {
                kept.add(unit, &own)?;
                kept.code.extend(own.sequences);
            }
        }
        kept.add_origins(dwarf, &units)?;
        for unit in &units {
            kept.add_parents(unit.unit_ref(dwarf))?;
        }
        kept.code.sort_by_key(|code| code.start);
        kept.code.dedup();
        Ok(kept)
    }

    /// Adds the entries that kept ones refer to, which have their names. They may be in other units, and refer to further ones.
    fn add_origins(
        &mut self,
        dwarf: &read::Dwarf<Slice<'_>>,
        units: &[read::Unit<Slice<'_>>],
    ) -> Result<(), gimli::Error> {
        let mut unread: Vec<UnitSectionOffset> = self.entries.iter().copied().collect();
        while let Some(offset) = unread.pop() {
            let after = units.partition_point(|unit| unit.header.offset() <= offset);
            let Some(unit) = after.checked_sub(1).and_then(|index| units.get(index)) else { continue };
            let Some(inside) = offset.to_unit_offset(unit) else { continue };
            let entry = unit.entry(inside)?;
            let origins = ORIGINS.map(|attribute| origin(unit.unit_ref(dwarf), &entry, attribute));
            unread.extend(origins.into_iter().flatten().filter(|origin| self.entries.insert(*origin)));
        }
        Ok(())
    }

    /// Adds the entries around kept ones, such as namespaces.
    fn add_parents(&mut self, unit: read::UnitRef<'_, Slice<'_>>) -> Result<(), gimli::Error> {
        let mut entries = unit.entries();
        let mut parents: Vec<(isize, UnitSectionOffset)> = Vec::new();
        while let Some(entry) = entries.next_dfs()? {
            parents.retain(|(depth, _)| *depth < entry.depth());
            let offset = entry.offset().to_unit_section_offset(&unit);
            if self.entries.contains(&offset) {
                self.entries.extend(parents.iter().map(|(_, offset)| *offset));
            }
            // The root is kept with its unit.
            if entry.has_children() && entry.tag() != constants::DW_TAG_compile_unit {
                parents.push((entry.depth(), offset));
            }
        }
        Ok(())
    }

    /// Adds the functions of a unit that contain lines of the author.
    fn add(&mut self, unit: read::UnitRef<'_, Slice<'_>>, own: &AuthoredLines) -> Result<(), gimli::Error> {
        let mut entries = unit.entries();
        // The functions and inlined functions that contain the entry, with their depths.
        let mut ancestors: Vec<(isize, UnitSectionOffset)> = Vec::new();
        while let Some(entry) = entries.next_dfs()? {
            ancestors.retain(|(depth, _)| *depth < entry.depth());
            let offset = entry.offset().to_unit_section_offset(&unit);
            let has_own = |ranges: &[Range<u64>]| ranges.iter().any(|range| own.has_line_in(range));
            let is_kept = match entry.tag() {
                constants::DW_TAG_subprogram => has_own(&ranges(unit, entry)?),
                constants::DW_TAG_inlined_subroutine => {
                    let is_called_from_own = match entry.attr_value(constants::DW_AT_call_file) {
                        Some(AttributeValue::FileIndex(file)) => own.files.contains(&file),
                        _ => false,
                    };
                    is_called_from_own || has_own(&ranges(unit, entry)?)
                }
                _ => continue,
            };
            ancestors.push((entry.depth(), offset));
            if is_kept {
                self.entries.extend(ancestors.iter().map(|(_, offset)| *offset));
            }
        }
        Ok(())
    }
}

fn ranges<'d>(
    unit: read::UnitRef<'_, Slice<'d>>,
    entry: &read::DebuggingInformationEntry<Slice<'d>>,
) -> Result<Vec<Range<u64>>, gimli::Error> {
    let mut found = Vec::new();
    let mut ranges = unit.die_ranges(entry)?;
    while let Some(range) = ranges.next()? {
        found.push(range.begin..range.end);
    }
    Ok(found)
}

/// The attributes by which a function refers to the entry with its name.
const ORIGINS: [gimli::DwAt; 2] = [constants::DW_AT_abstract_origin, constants::DW_AT_specification];

/// Returns the entry that another one refers to by an attribute.
fn origin<'d>(
    unit: read::UnitRef<'_, Slice<'d>>,
    entry: &read::DebuggingInformationEntry<Slice<'d>>,
    attribute: gimli::DwAt,
) -> Option<UnitSectionOffset> {
    match entry.attr_value(attribute)? {
        AttributeValue::UnitRef(offset) => Some(offset.to_unit_section_offset(&unit)),
        AttributeValue::DebugInfoRef(offset) => Some(UnitSectionOffset(offset.0)),
        _ => None,
    }
}

/// The author's lines in a unit.
struct AuthoredLines {
    /// Files, by their numbers in the unit.
    files: HashSet<u64>,
    /// The start addresses of the lines, in ascending order.
    addresses: Vec<u64>,
    /// The sequences that contain these lines: the compiler writes one per function. A function without inlined functions
    /// has no entry, so entries alone do not suffice.
    sequences: Vec<Range<u64>>,
}

impl AuthoredLines {
    fn find(unit: read::UnitRef<'_, Slice<'_>>, sdk: Option<&Path>, root: &Path) -> Result<Self, gimli::Error> {
        let mut own = Self { files: HashSet::new(), addresses: Vec::new(), sequences: Vec::new() };
        let Some(program) = unit.line_program.clone() else { return Ok(own) };
        let header = program.header().clone();
        for number in 0..=header.file_names().len() as u64 {
            if header.file(number).is_some_and(|file| is_own_file(unit, &header, file, (sdk, root))) {
                own.files.insert(number);
            }
        }
        let mut rows = program.rows();
        let (mut start, mut before) = (None, 0);
        while let Some((_, row)) = rows.next_row()? {
            let from = *start.get_or_insert(row.address());
            if row.end_sequence() {
                // Functions that the linker removed have the address 0 or none.
                if own.addresses.len() > before && from > 0 && from < row.address() {
                    own.sequences.push(from..row.address());
                }
                (start, before) = (None, own.addresses.len());
            }
            // Line 0 is code without a source line.
            if !row.end_sequence() && row.line().is_some() && own.files.contains(&row.file_index()) {
                own.addresses.push(row.address());
            }
        }
        own.addresses.sort_unstable();
        Ok(own)
    }

    fn has_line_in(&self, range: &Range<u64>) -> bool {
        let next = self.addresses.partition_point(|address| *address < range.start);
        self.addresses.get(next).is_some_and(|address| *address < range.end)
    }
}

/// Returns the folder of the SDK's sources, if this is its unit: `guest-sdk/src/lib.rs/@/stillbox_sdk.1a2b3c-cgu.0`.
fn sdk(unit: read::UnitRef<'_, Slice<'_>>) -> Option<PathBuf> {
    let name = text(unit.name?);
    let (root, _) = name.split_once("/@/stillbox_sdk.")?;
    let root = Path::new(&text(unit.comp_dir?)).join(root);
    root.parent().map(Path::to_owned)
}

/// Returns whether a file of a unit belongs to the author.
fn is_own_file<'d>(
    unit: read::UnitRef<'_, Slice<'d>>,
    header: &read::LineProgramHeader<Slice<'d>>,
    file: &read::FileEntry<Slice<'d>>,
    (sdk, root): (Option<&Path>, &Path),
) -> bool {
    const LIBRARIES: [&str; 4] = ["/rustc/", "/rustlib/", "/registry/src/", "/git/checkouts/"];
    let string = |value| unit.attr_string(value).map(text).unwrap_or_default();
    let folder = file.directory(header).map(string).unwrap_or_default();
    let compiled_in = unit.comp_dir.map(text).map(PathBuf::from).unwrap_or_default();
    let path = compiled_in.join(folder).join(string(file.path_name()));
    let shown = path.to_string_lossy();
    !LIBRARIES.iter().any(|library| shown.contains(library))
        && !sdk.is_some_and(|sdk| path.starts_with(sdk))
        && root.join(&path).is_file()
}

fn text(text: Slice<'_>) -> String {
    text.to_string_lossy().replace('\\', "/")
}

/// Converts the kept parts of a unit: functions, their inlined functions, and the lines of their code.
fn convert_unit<'u, 'd>(
    unit: &mut ConvertUnit<'u, Slice<'d>>,
    root: ConvertUnitEntry<'u, Slice<'d>>,
    kept: &AuthoredCode,
) -> Result<(), SlimError> {
    let lines = lines(unit, kept)?;
    let has_code = lines.is_some();
    if let Some((program, files)) = lines {
        unit.set_line_program(program, files);
    }
    let root_attributes: &[_] = if has_code {
        &[
            constants::DW_AT_name,
            constants::DW_AT_comp_dir,
            constants::DW_AT_language,
            constants::DW_AT_ranges,
            constants::DW_AT_low_pc,
            constants::DW_AT_high_pc,
        ]
    } else {
        &[constants::DW_AT_name, constants::DW_AT_language]
    };
    attributes(unit, unit.unit.root(), &root, root_attributes)?;
    let mut any = false;
    let mut entry = root;
    while let Some(id) = unit.read_entry(&mut entry)? {
        // gimli reserves more entries than are kept: it requires a function to keep all its inlined functions.
        if id.is_none() || !kept.entries.contains(&entry.offset.to_unit_section_offset(&entry.read_unit)) {
            continue;
        }
        any = true;
        let id = unit.add_entry(id, &entry);
        unit.unit.get_mut(id).set_sibling(false);
        let names = [
            constants::DW_AT_name,
            constants::DW_AT_linkage_name,
            constants::DW_AT_abstract_origin,
            constants::DW_AT_specification,
        ];
        attributes(unit, id, &entry, &names)?;
        if has_code {
            let places = [
                constants::DW_AT_low_pc,
                constants::DW_AT_high_pc,
                constants::DW_AT_ranges,
                constants::DW_AT_call_file,
                constants::DW_AT_call_line,
                constants::DW_AT_call_column,
            ];
            attributes(unit, id, &entry, &places)?;
        }
    }
    if !any {
        unit.skip();
    }
    Ok(())
}

fn attributes<'d>(
    unit: &mut ConvertUnit<'_, Slice<'d>>,
    id: write::UnitEntryId,
    entry: &ConvertUnitEntry<'_, Slice<'d>>,
    which: &[gimli::DwAt],
) -> Result<(), SlimError> {
    for attribute in entry.attrs.iter().filter(|attribute| which.contains(&attribute.name())) {
        let value = unit.convert_attribute_value(entry.read_unit, attribute, &address)?;
        unit.unit.get_mut(id).set(attribute.name(), value);
    }
    Ok(())
}

/// Returns the lines of the kept functions, one sequence per function, or `None` if the unit contains none of them.
fn lines(
    unit: &mut ConvertUnit<'_, Slice<'_>>,
    kept: &AuthoredCode,
) -> Result<Option<(LineProgram, Vec<write::FileId>)>, SlimError> {
    let Some(mut lines) = unit.read_line_program(None, None)? else { return Ok(None) };
    let mut any = false;
    while let Some(sequence) = lines.read_sequence()? {
        let Some(start) = sequence.start else { continue };
        let mut rows = sequence.rows.into_iter().peekable();
        while let Some(first) = rows.peek() {
            let Some(at) = start.checked_add(first.address_offset) else { return Err(SlimError::Inconsistent) };
            let Some(code) = kept.code.iter().find(|code| code.contains(&at)) else {
                rows.next();
                continue;
            };
            any = true;
            lines.begin_sequence(address(code.start));
            let mut before = 0;
            while let Some(mut row) = rows.next_if(|row| code.contains(&start.wrapping_add(row.address_offset))) {
                let offset = start.wrapping_add(row.address_offset) - code.start;
                // Addresses must ascend within a sequence.
                if offset < before {
                    return Err(SlimError::Inconsistent);
                }
                (row.address_offset, before) = (offset, offset);
                lines.generate_row(row);
            }
            lines.end_sequence(code.end - code.start);
        }
    }
    Ok(any.then(|| lines.program()))
}

/// Keeps an address unchanged.
#[expect(clippy::unnecessary_wraps, reason = "the conversion drops entries with the address `None`")]
fn address(address: u64) -> Option<Address> {
    Some(Address::Constant(address))
}
