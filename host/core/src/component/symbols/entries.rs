//! The functions of a unit, and the functions inlined into them.

use gimli::{Attribute, AttributeValue, Unit, constants};

use super::budget::SearchEnd;
use super::lines::LinePosition;
use super::search::Search;
use super::sections::DwarfSlice;

/// The maximum number of functions at one address. Compilers inline about a dozen levels deep.
const DEPTH: usize = 64;

/// The number of bytes of an entry that cost one step. More than for other data, since they are only searched for the ends
/// of strings.
const BYTES_PER_STEP: u64 = 64;

/// A function at an address.
pub(super) struct FunctionAtAddress<'m> {
    pub(super) name: FunctionName<'m>,
    /// The position of the call, if the function was inlined.
    pub(super) call: Option<LinePosition>,
}

/// The attributes of an entry that lead to its name.
#[derive(Clone, Copy, Default)]
pub(super) struct FunctionName<'m> {
    pub(super) name: Option<AttributeValue<DwarfSlice<'m>>>,
    /// A reference to the entry that this one is an instance of.
    pub(super) origin: Option<AttributeValue<DwarfSlice<'m>>>,
}

impl<'m> FunctionName<'m> {
    pub(super) fn from_attributes(attributes: &[Attribute<DwarfSlice<'m>>]) -> Self {
        let mut name = Self::default();
        for attribute in attributes {
            match attribute.name() {
                // The linkage name includes the module path; the plain name does not.
                constants::DW_AT_linkage_name | constants::DW_AT_MIPS_linkage_name => {
                    name.name = Some(attribute.value());
                }
                constants::DW_AT_name => {
                    name.name.get_or_insert(attribute.value());
                }
                constants::DW_AT_abstract_origin | constants::DW_AT_specification => {
                    name.origin.get_or_insert(attribute.value());
                }
                _ => {}
            }
        }
        name
    }
}

/// Returns the function at each address, followed by the functions inlined there, the innermost last.
///
/// One pass over the unit without recursion and without storing entries, because they may be nested a million levels deep.
pub(super) fn chains<'m>(
    search: &mut Search<'m, '_, '_>,
    unit: &Unit<DwarfSlice<'m>>,
    addresses: &[u64],
) -> Result<Vec<Vec<FunctionAtAddress<'m>>>, SearchEnd> {
    let mut chains: Vec<Vec<FunctionAtAddress<'m>>> = addresses.iter().map(|_| Vec::new()).collect();
    let mut entries = unit.entries_raw(None)?;
    let mut attributes = Vec::new();
    let mut position = entries.next_offset().0;
    while !entries.is_empty() {
        // An entry may contain strings, whose ends gimli searches for.
        let next = entries.next_offset().0;
        search.budget.spend((next - position) as u64 / BYTES_PER_STEP)?;
        position = next;
        let Some(abbreviation) = entries.read_abbreviation()? else {
            search.budget.spend(1)?;
            continue;
        };
        let specifications = abbreviation.attributes();
        search.budget.spend(specifications.len() as u64 + 1)?;
        let is_inlined = abbreviation.tag() == constants::DW_TAG_inlined_subroutine;
        if !is_inlined && abbreviation.tag() != constants::DW_TAG_subprogram {
            entries.skip_attributes(specifications)?;
            continue;
        }
        entries.read_attributes(specifications, &mut attributes)?;
        for (address, chain) in addresses.iter().zip(&mut chains) {
            // Inlined functions come after the function that contains them, and functions do not overlap.
            if chain.is_empty() != is_inlined && chain.len() < DEPTH && search.contains(unit, &attributes, *address)? {
                let call = is_inlined.then(|| call(&attributes));
                chain.push(FunctionAtAddress { name: FunctionName::from_attributes(&attributes), call });
            }
        }
    }
    Ok(chains)
}

fn call(attributes: &[Attribute<DwarfSlice<'_>>]) -> LinePosition {
    let mut place = LinePosition { file: 0, line: 0, column: 0 };
    for attribute in attributes {
        let number = match attribute.value() {
            AttributeValue::FileIndex(index) => index,
            value => value.udata_value().unwrap_or(0),
        };
        match attribute.name() {
            constants::DW_AT_call_file => place.file = number,
            constants::DW_AT_call_line => place.line = number,
            constants::DW_AT_call_column => place.column = number,
            _ => {}
        }
    }
    place
}
