//! Removes the debug information of libraries from a component.
//!
//! Of the 0.9 MB of a new step, 0.7 MB are debug information of the standard library, the SDK and their dependencies. A
//! trap needs only the functions and lines of the author's own code, which [`units`] keeps. Functions keep their names.
//!
//! Other sections are copied byte for byte: lines refer to offsets in the code, so the code must not change.

mod units;

use std::ops::Range;
use std::path::Path;

use gimli::write;
use wasm_encoder::{CustomSection, RawSection, Section as _};
use wasmparser::{BinaryReaderError, Chunk, Parser, Payload};

use crate::panics::caught;

/// The reason why a component is left unchanged.
#[derive(Debug, thiserror::Error)]
pub(super) enum SlimError {
    /// It is not WebAssembly.
    #[error("it cannot be read")]
    Wasm(#[from] BinaryReaderError),
    /// Its debug information cannot be read or converted.
    #[error("its debug information cannot be read")]
    Dwarf(#[from] write::ConvertError),
    /// A section ends beyond its end.
    #[error("it is truncated")]
    Truncated,
    /// Its debug information contradicts itself, or made gimli panic.
    #[error("its debug information is inconsistent")]
    Inconsistent,
    /// Its debug information cannot be written.
    #[error("its debug information cannot be written")]
    Write(#[from] write::Error),
}

/// The id of a section of a component that contains a module.
const MODULE: u8 = 1;

/// Returns the component without the debug information of libraries. Relative paths in it start from the folder `root`.
///
/// # Errors
/// The component or its debug information cannot be parsed, or cannot be written.
pub(super) fn slim(component: &[u8], root: &Path) -> Result<Vec<u8>, SlimError> {
    let mut slim = Vec::with_capacity(component.len());
    sections(component, |section| {
        match section {
            Section::Module(module) => {
                let module = slim_module(module, root)?;
                RawSection { id: MODULE, data: &module }.append_to(&mut slim);
            }
            Section::Other(bytes) | Section::Debug { bytes, .. } => slim.extend_from_slice(bytes),
        }
        Ok(())
    })?;
    Ok(slim)
}

fn slim_module(module: &[u8], root: &Path) -> Result<Vec<u8>, SlimError> {
    let mut debug = Vec::new();
    let mut slim = Vec::with_capacity(module.len());
    sections(module, |section| {
        match section {
            Section::Debug { name, data, .. } => debug.push((name, data)),
            Section::Module(bytes) | Section::Other(bytes) => slim.extend_from_slice(bytes),
        }
        Ok(())
    })?;
    let find =
        |id: gimli::SectionId| debug.iter().find(|(name, _)| *name == id.name()).map_or(&[][..], |(_, data)| data);
    // gimli returns errors while it reads, but asserts while it writes. A large component is better than a failed build.
    let own = caught(|| units::own_sections(&find, root)).map_err(|_| SlimError::Inconsistent)?;
    for (name, data) in own? {
        CustomSection { name: name.into(), data: data.into() }.append_to(&mut slim);
    }
    Ok(slim)
}

/// A part of a component or a module.
enum Section<'a> {
    /// The bytes of a module, without the header of its section.
    Module(&'a [u8]),
    /// A section of debug information.
    Debug { name: &'a str, data: &'a [u8], bytes: &'a [u8] },
    /// The header, or any other section including its own header.
    Other(&'a [u8]),
}

/// Calls `with` for each section of a component or a module, without descending into nested ones.
fn sections<'a>(bytes: &'a [u8], mut with: impl FnMut(Section<'a>) -> Result<(), SlimError>) -> Result<(), SlimError> {
    let mut parser = Parser::new(0);
    let mut at = 0;
    // The parser does not check that code sections and nested sections end within the bytes.
    let part = |range: Range<usize>| bytes.get(range).ok_or(SlimError::Truncated);
    loop {
        let Chunk::Parsed { consumed, payload } = parser.parse(part(at..bytes.len())?, true)? else { return Ok(()) };
        let header = at..at + consumed;
        at += consumed;
        match payload {
            Payload::End(_) => return Ok(()),
            Payload::ModuleSection { unchecked_range, .. } => {
                at = unchecked_range.end;
                with(Section::Module(part(unchecked_range)?))?;
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                at = unchecked_range.end;
                with(Section::Other(part(header.start..at)?))?;
            }
            Payload::CodeSectionStart { range, .. } => {
                parser.skip_section();
                at = range.end;
                with(Section::Other(part(header.start..at)?))?;
            }
            Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                with(Section::Debug { name: section.name(), data: section.data(), bytes: part(header)? })?;
            }
            _ => with(Section::Other(part(header)?))?,
        }
    }
}

#[cfg(test)]
mod tests;
