//! The line program of a unit.

use gimli::{AttributeValue, ColumnType, Unit};

use super::budget::SearchEnd;
use super::search::{Search, lossy};
use super::sections::DwarfSlice;
use crate::failure::Location;

/// A position in the source. The file is an index into the files of the line program.
#[derive(Debug, Clone, Copy)]
pub(super) struct LinePosition {
    pub(super) file: u64,
    /// From 1. 0 if it is unknown.
    pub(super) line: u64,
    /// From 1. 0 if it is unknown.
    pub(super) column: u64,
}

/// Returns the source location of each address. Runs the line program without storing its rows, since each byte of it may be
/// a row.
pub(super) fn locations<'m>(
    search: &mut Search<'m, '_, '_>,
    unit: &Unit<DwarfSlice<'m>>,
    addresses: &[u64],
) -> Result<Vec<Option<Location>>, SearchEnd> {
    let mut found: Vec<Option<LinePosition>> = vec![None; addresses.len()];
    if let Some(program) = unit.line_program.clone() {
        // Each byte may be a row, which is compared with every address.
        search.budget.spend(program.header().raw_program_buf().len() as u64)?;
        let mut rows = program.rows();
        let mut first = None;
        let mut previous: Option<(u64, LinePosition)> = None;
        while let Some((_, row)) = rows.next_row()? {
            let begin = *first.get_or_insert(row.address());
            // For code that the linker removed, the start address is 0.
            if let Some((from, place)) = previous.filter(|_| begin != 0) {
                for (address, found) in addresses.iter().zip(&mut found) {
                    if found.is_none() && (from..row.address()).contains(address) {
                        *found = Some(place);
                    }
                }
            }
            if row.end_sequence() {
                (first, previous) = (None, None);
            } else {
                let column = match row.column() {
                    ColumnType::LeftEdge => 0,
                    ColumnType::Column(column) => column.get(),
                };
                let line = row.line().map_or(0, std::num::NonZeroU64::get);
                previous = Some((row.address(), LinePosition { file: row.file_index(), line, column }));
            }
        }
    }
    found.into_iter().map(|place| place.map_or(Ok(None), |place| location(search, unit, place))).collect()
}

/// Returns the location of a position, with the path of its file. `None` if the line or the file is unknown.
pub(super) fn location<'m>(
    search: &mut Search<'m, '_, '_>,
    unit: &Unit<DwarfSlice<'m>>,
    place: LinePosition,
) -> Result<Option<Location>, SearchEnd> {
    let number = |number: u64| u32::try_from(number).ok().filter(|number| *number > 0);
    let (Some(program), Some(line)) = (&unit.line_program, number(place.line)) else { return Ok(None) };
    let header = program.header();
    let Some(file) = header.file(place.file) else { return Ok(None) };
    let mut path = unit.comp_dir.map_or_else(String::new, |folder| lossy(folder.slice()));
    // Directory 0 is that of the unit.
    if file.directory_index() != 0
        && let Some(folder) = file.directory(header)
    {
        push(search, unit, &mut path, folder)?;
    }
    push(search, unit, &mut path, file.path_name())?;
    Ok(Some(Location { file: path, line, column: number(place.column) }))
}

/// Appends a part to a path. An absolute part replaces the path.
fn push<'m>(
    search: &mut Search<'m, '_, '_>,
    unit: &Unit<DwarfSlice<'m>>,
    path: &mut String,
    part: AttributeValue<DwarfSlice<'m>>,
) -> Result<(), SearchEnd> {
    let Some(part) = search.text(unit, part)? else { return Ok(()) };
    if part.starts_with('/') {
        path.clear();
    } else if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(&part);
    Ok(())
}
