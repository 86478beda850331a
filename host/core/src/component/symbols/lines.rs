//! The line program of a unit.

use gimli::{AttributeValue, ColumnType, Unit};

use super::budget::SearchEnd;
use super::sections::DwarfSlice;
use super::units::Search;
use crate::failure::Location;

/// A place in the source, with the file's number in the line program.
#[derive(Debug, Clone, Copy)]
pub(super) struct LinePosition {
    pub(super) file: u64,
    /// From 1; 0 if it is not known.
    pub(super) line: u64,
    /// From 1; 0 if it is not known.
    pub(super) column: u64,
}

/// The place of each address. The program is followed and nothing of it kept, since each of its bytes may be a row.
pub(super) fn locations<'m>(
    search: &mut Search<'m, '_, '_>,
    unit: &Unit<DwarfSlice<'m>>,
    addresses: &[u64],
) -> Result<Vec<Option<Location>>, SearchEnd> {
    let mut found: Vec<Option<LinePosition>> = vec![None; addresses.len()];
    if let Some(program) = unit.line_program.clone() {
        // A byte may be a row, which is compared with every address.
        search.budget.spend(program.header().raw_program_buf().len() as u64)?;
        let mut rows = program.rows();
        let mut first = None;
        let mut previous: Option<(u64, LinePosition)> = None;
        while let Some((_, row)) = rows.next_row()? {
            let begin = *first.get_or_insert(row.address());
            // Code that was left out by the linker is said to begin at 0.
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

/// A place with the name of its file, if that is known.
pub(super) fn location<'m>(
    search: &mut Search<'m, '_, '_>,
    unit: &Unit<DwarfSlice<'m>>,
    place: LinePosition,
) -> Result<Option<Location>, SearchEnd> {
    let number = |number: u64| u32::try_from(number).ok().filter(|number| *number > 0);
    let (Some(program), Some(line)) = (&unit.line_program, number(place.line)) else { return Ok(None) };
    let header = program.header();
    let Some(file) = header.file(place.file) else { return Ok(None) };
    let mut path = unit.comp_dir.map_or_else(String::new, |folder| text(&folder));
    // The folder with the number 0 is the one of the unit.
    if file.directory_index() != 0
        && let Some(folder) = file.directory(header)
    {
        push(search, unit, &mut path, folder)?;
    }
    push(search, unit, &mut path, file.path_name())?;
    Ok(Some(Location { file: path, line, column: number(place.column) }))
}

/// Adds a part to a path, or begins anew with one that is absolute.
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

fn text(bytes: &DwarfSlice<'_>) -> String {
    let bytes = bytes.slice();
    String::from_utf8_lossy(&bytes[..bytes.len().min(super::units::TEXT_BYTES)]).into_owned()
}
