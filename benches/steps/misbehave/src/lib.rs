//! Converts texts to upper case and misbehaves at one row, to compare Stillbox with other engines.
//!
//! `benches/peers/programs/misbehave.py` is the same step in Python.

use std::hint::{black_box, spin_loop};

use stillbox_sdk::{Input, Output, Parameters, Result, bail, step};

/// The word that the bad row contains.
pub const BAD: &str = "poison";

/// The parameters.
#[derive(Debug, Parameters)]
pub struct Parameters {
    /// The reaction to the bad row.
    pub fault: Fault,
}

/// The reaction to the bad row.
#[derive(Clone, Copy, Debug, Parameters)]
pub enum Fault {
    /// Treats the row like any other.
    None,
    /// Returns an error.
    Raise,
    /// Ends the process with status 3.
    Exit,
    /// Reads an address outside of its memory.
    Segfault,
    /// Does not end.
    Loop,
    /// Allocates memory without end.
    Allocate,
}

/// The columns that the step reads.
#[derive(Debug, Input)]
pub struct Row<'a> {
    /// The text.
    pub text: &'a str,
}

/// The columns that the step writes.
#[derive(Debug, Output)]
pub struct Changed {
    /// The text in upper case.
    pub text: String,
}

/// Converts a text to upper case, or misbehaves.
#[step]
pub fn misbehave(parameters: &Parameters, row: Row<'_>) -> Result<Changed> {
    if row.text.contains(BAD) {
        // The message does not identify the row. That is the engine's part.
        match parameters.fault {
            Fault::None => {}
            Fault::Raise => bail!("the field x is missing"),
            Fault::Exit => std::process::exit(3),
            Fault::Segfault => read_outside(),
            Fault::Loop => loop {
                spin_loop();
            },
            Fault::Allocate => allocate(),
        }
    }
    Ok(Changed { text: row.text.to_uppercase() })
}

#[expect(unsafe_code, reason = "the comparison needs an unsafe read")]
fn read_outside() {
    let address = black_box(0xffff_fff0_usize as *const u8);
    // SAFETY: this is not safe. The comparison shows that the sandbox contains it.
    black_box(unsafe { address.read_volatile() });
}

fn allocate() {
    let mut blocks = Vec::new();
    loop {
        blocks.push(black_box(vec![1_u8; 16 << 20]));
    }
}
