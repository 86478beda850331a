//! Components that no compiler produces. The tests of builds and end-to-end tests cover compiled ones.

use wasm_encoder::{CodeSection, CustomSection, Function, FunctionSection, Module, TypeSection};

use super::*;

/// The header of a component.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";

/// Returns a component of one module with a function and sections of debug information.
fn component(debug: &[(&str, &[u8])]) -> Vec<u8> {
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut code = CodeSection::new();
    let mut function = Function::new([]);
    function.instructions().unreachable().end();
    code.function(&function);
    let mut module = Module::new();
    module.section(&types).section(&functions).section(&code);
    for (name, data) in debug {
        module.section(&CustomSection { name: (*name).into(), data: (*data).into() });
    }
    let mut component = COMPONENT.to_vec();
    RawSection { id: MODULE, data: &module.finish() }.append_to(&mut component);
    component
}

/// Returns pseudo-random bytes, the same in every run.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn sections_without_debug_information_are_copied_byte_for_byte() {
    let whole = component(&[]);
    assert_eq!(slim(&whole, Path::new("")).expect("it has no debug information"), whole);
}

#[test]
fn invalid_debug_information_is_an_error() {
    let name = ".debug_info";
    assert!(slim(&component(&[(name, &[0xff; 40])]), Path::new("")).is_err());
    // A header of version 4 with a length beyond the end.
    assert!(slim(&component(&[(name, &[100, 0, 0, 0, 4, 0, 0, 0, 0, 0, 4, 1])]), Path::new("")).is_err());
}

#[test]
fn random_bytes_in_any_section_do_not_panic() {
    for seed in 0..300 {
        let (info, lines) = (noise(seed, 60), noise(seed + 1000, 60));
        // With plausible lengths and versions, so that more than the header is read.
        let begin = |bytes: &[u8]| [&[56, 0, 0, 0, 4, 0], &bytes[6..]].concat();
        let abbreviations = noise(seed + 2000, 30);
        let plausible = (begin(&info), begin(&lines));
        for (info, lines) in [(&info, &lines), (&plausible.0, &plausible.1)] {
            let whole = component(&[(".debug_info", info), (".debug_abbrev", &abbreviations), (".debug_line", lines)]);
            let _ = slim(&whole, Path::new(""));
        }
    }
}

#[test]
fn a_truncated_component_does_not_panic() {
    let whole = component(&[(".debug_info", &[0; 16])]);
    for end in 0..whole.len() {
        let _ = slim(&whole[..end], Path::new(""));
    }
    // Lengths beyond the end.
    for at in COMPONENT.len()..whole.len() {
        let mut broken = whole.clone();
        broken[at] = 0x7f;
        let _ = slim(&broken, Path::new(""));
    }
}
