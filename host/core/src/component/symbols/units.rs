//! Searching the units of a module for addresses.

use gimli::{AttributeValue, Dwarf, Unit, UnitHeader, UnitOffset};

use super::budget::{Budget, SearchEnd};
use super::entries::{self, FunctionName};
use super::lines;
use super::search::Search;
use super::sections::{DwarfSlice, Module};
use crate::failure::Location;

/// The maximum number of references from an entry to the one that has its name.
const HOPS: u32 = 8;

/// One function of the source at an offset in the code. With inlining, an offset has several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SourceFrame {
    /// The mangled name of the function.
    pub(crate) function: Option<String>,
    pub(crate) location: Option<Location>,
}

/// Returns the functions of the source at each address, the innermost first. Empty for addresses without debug
/// information.
pub(super) fn find_frames(module: &Module, addresses: &[u64], budget: &mut Budget<'_>) -> Vec<Vec<SourceFrame>> {
    let mut found = vec![Vec::new(); addresses.len()];
    let Ok(dwarf) = Dwarf::load(|id| Ok::<_, gimli::Error>(module.section(id))) else { return found };
    let mut search = Search::new(dwarf, budget);
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
}
