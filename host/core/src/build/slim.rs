//! A component without the debug information that nobody needs.
//!
//! Of a first step's 0.9 MB, 0.7 MB are about the standard libraries, the SDK, and what they are made of. A trap needs the
//! functions and lines of the author's own code, so [`units`] keeps these. Functions keep their names.
//!
//! Sections are copied byte by byte: the code stays where it is, since that is what the lines count from.

mod units;

use std::ops::Range;

use gimli::write;
use wasm_encoder::{CustomSection, RawSection, Section as _};
use wasmparser::{BinaryReaderError, Chunk, Parser, Payload};

use crate::panics::caught;

/// Why a component is left as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum SlimError {
    /// It is no WebAssembly.
    #[error("it cannot be read: {0}")]
    Wasm(#[from] BinaryReaderError),
    /// Its debug information cannot be read, or not be written again.
    #[error("its debug information cannot be read: {0}")]
    Dwarf(#[from] write::ConvertError),
    /// A part of it ends behind its end.
    #[error("it is cut off")]
    CutOff,
    /// What reads and writes debug information met what it takes for impossible.
    #[error("its debug information makes no sense")]
    Senseless,
    /// Its debug information cannot be written.
    #[error("its debug information cannot be written: {0}")]
    Write(#[from] write::Error),
}

/// The section of a module that holds its code.
const MODULE: u8 = 1;

/// The component without the debug information of libraries.
///
/// # Errors
/// Something in it is not understood.
pub(super) fn slim(component: &[u8]) -> Result<Vec<u8>, SlimError> {
    let mut slim = Vec::with_capacity(component.len());
    sections(component, |section| {
        match section {
            Part::Module(module) => {
                let module = slim_module(module)?;
                RawSection { id: MODULE, data: &module }.append_to(&mut slim);
            }
            Part::Other(bytes) | Part::Debug { bytes, .. } => slim.extend_from_slice(bytes),
        }
        Ok(())
    })?;
    Ok(slim)
}

fn slim_module(module: &[u8]) -> Result<Vec<u8>, SlimError> {
    let mut debug = Vec::new();
    let mut slim = Vec::with_capacity(module.len());
    sections(module, |section| {
        match section {
            Part::Debug { name, data, .. } => debug.push((name, data)),
            Part::Module(bytes) | Part::Other(bytes) => slim.extend_from_slice(bytes),
        }
        Ok(())
    })?;
    let find =
        |id: gimli::SectionId| debug.iter().find(|(name, _)| *name == id.name()).map_or(&[][..], |(_, data)| data);
    // gimli returns errors for what it reads, and asserts what it writes. A step without lines, or a large one, is better than
    // none.
    let own = caught(|| units::own(&find)).map_err(|_| SlimError::Senseless)?;
    for (name, data) in own? {
        CustomSection { name: name.into(), data: data.into() }.append_to(&mut slim);
    }
    Ok(slim)
}

/// A part of a component or a module.
enum Part<'a> {
    /// A module's bytes, without the header of its section.
    Module(&'a [u8]),
    /// A section of debug information.
    Debug { name: &'a str, data: &'a [u8], bytes: &'a [u8] },
    /// The header, or any other section with its own header.
    Other(&'a [u8]),
}

/// Walks over the sections of a component or a module, and not into what is nested.
fn sections<'a>(bytes: &'a [u8], mut with: impl FnMut(Part<'a>) -> Result<(), SlimError>) -> Result<(), SlimError> {
    let mut parser = Parser::new(0);
    let mut at = 0;
    // Sections of code and nested ones are not checked to end inside.
    let part = |range: Range<usize>| bytes.get(range).ok_or(SlimError::CutOff);
    loop {
        let Chunk::Parsed { consumed, payload } = parser.parse(part(at..bytes.len())?, true)? else { return Ok(()) };
        let header = at..at + consumed;
        at += consumed;
        match payload {
            Payload::End(_) => return Ok(()),
            Payload::ModuleSection { unchecked_range, .. } => {
                at = unchecked_range.end;
                with(Part::Module(part(unchecked_range)?))?;
            }
            Payload::ComponentSection { unchecked_range, .. } => {
                at = unchecked_range.end;
                with(Part::Other(part(header.start..at)?))?;
            }
            Payload::CodeSectionStart { range, .. } => {
                parser.skip_section();
                at = range.end;
                with(Part::Other(part(header.start..at)?))?;
            }
            Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                with(Part::Debug { name: section.name(), data: section.data(), bytes: part(header)? })?;
            }
            _ => with(Part::Other(part(header)?))?,
        }
    }
}

#[cfg(test)]
mod tests;
