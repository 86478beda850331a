//! Debug sections of compilers, and malformed ones.

use gimli::SectionId;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use sha2::{Digest as _, Sha256};
use stillbox_test_guests::BAD_UNREACHABLE;

use super::budget::Budget;
use super::search::TEXT_BYTES;
use super::sections::{Module, modules};
use super::units::find_frames;
use super::{STEPS_PER_SEARCH, SourceFrame, Symbols};
use crate::interrupt::{CancelReason, Stop, StopReason};

fn guest() -> Vec<Module> {
    modules(&std::fs::read(BAD_UNREACHABLE).expect("the guest is built"))
}

/// Addresses all over the code.
fn addresses(module: &Module) -> Vec<u64> {
    (1..module.code.end - module.code.start).step_by(97).collect()
}

fn search(module: &Module, addresses: &[u64], steps: u64, stop: &Stop) -> (Vec<Vec<SourceFrame>>, u64) {
    let mut budget = Budget::new(steps, stop);
    let found = find_frames(module, addresses, &mut budget);
    (found, steps - budget.left())
}

#[test]
fn lines_are_found_within_the_steps_of_a_search() {
    let mut files = Vec::new();
    for module in guest() {
        // About as many as the frames of a stack.
        for addresses in addresses(&module).chunks(20) {
            let (found, steps) = search(&module, addresses, STEPS_PER_SEARCH, &Stop::default());
            assert!(steps < STEPS_PER_SEARCH, "{steps}");
            let locations = found.into_iter().flatten().filter_map(|frame| frame.location);
            files.extend(locations.map(|location| location.file));
        }
    }
    assert!(files.iter().any(|file| file.ends_with("bad_unreachable.rs")), "{files:?}");
}

#[test]
fn malformed_sections_do_no_harm() {
    let mut random = StdRng::seed_from_u64(1);
    for round in 0..100 {
        for mut module in guest() {
            let wanted: Vec<u64> = addresses(&module).into_iter().step_by(50).take(20).collect();
            for section in module.sections_mut() {
                if round % 3 == 0 {
                    *section = section[..random.random_range(0..=section.len())].into();
                }
                for _ in 0..random.random_range(0..200) {
                    if let Some(byte) = section.len().checked_sub(1).map(|last| random.random_range(0..=last)) {
                        section[byte] = random.random();
                    }
                }
            }
            search(&module, &wanted, STEPS_PER_SEARCH, &Stop::default());
        }
    }
}

/// One unit with functions inlined into one another, `depth` levels deep, all at the addresses 1 to 100.
fn nested(depth: usize) -> Module {
    const RANGE: [u8; 6] = [0x11, 0x01, 0x12, 0x06, 0, 0];
    let abbreviation = |code: u8, tag: u8| [&[code, tag, 1][..], &RANGE].concat();
    let abbreviations = [abbreviation(1, 0x11), abbreviation(2, 0x2e), abbreviation(3, 0x1d), vec![0]].concat();
    let entry = |code: u8| [&[code][..], &1_u32.to_le_bytes(), &99_u32.to_le_bytes()].concat();
    let entries = [entry(1), entry(2), entry(3).repeat(depth)].concat();
    let rest = [&[4, 0, 0, 0, 0, 0, 4][..], &entries].concat();
    let info = [&u32::try_from(rest.len()).expect("it is small").to_le_bytes()[..], &rest].concat();
    let sections = vec![(SectionId::DebugAbbrev, abbreviations.into()), (SectionId::DebugInfo, info.into())];
    Module::new(0..200, sections)
}

#[test]
fn deeply_nested_functions_do_not_exceed_the_steps() {
    for (depth, frames) in [(2, 3), (63, 64), (500_000, 64)] {
        let (found, _) = search(&nested(depth), &[50], STEPS_PER_SEARCH, &Stop::default());
        assert_eq!(found[0].len(), frames);
    }
    let (found, steps) = search(&nested(1_500_000), &[50], STEPS_PER_SEARCH, &Stop::default());
    assert_eq!((found[0].len(), steps), (0, STEPS_PER_SEARCH), "the steps do not suffice");
}

/// The same with names, each of which is a whole large section.
fn bomb(depth: usize, bytes: usize) -> Module {
    const ATTRIBUTES: [u8; 8] = [0x11, 0x01, 0x12, 0x06, 0x03, 0x0e, 0, 0];
    let abbreviation = |code: u8, tag: u8| [&[code, tag, 1][..], &ATTRIBUTES].concat();
    let abbreviations = [abbreviation(1, 0x11), abbreviation(2, 0x2e), abbreviation(3, 0x1d), vec![0]].concat();
    let entry = |code: u8, name: usize| {
        let name = u32::try_from(name).expect("it is small");
        [&[code][..], &1_u32.to_le_bytes(), &99_u32.to_le_bytes(), &name.to_le_bytes()].concat()
    };
    // The unit itself has the empty name at the end.
    let entries = [entry(1, bytes), entry(2, 0), entry(3, 0).repeat(depth)].concat();
    let rest = [&[4, 0, 0, 0, 0, 0, 4][..], &entries].concat();
    let info = [&u32::try_from(rest.len()).expect("it is small").to_le_bytes()[..], &rest].concat();
    let names = [&vec![b'A'; bytes][..], b"\0\0"].concat();
    let sections = vec![
        (SectionId::DebugAbbrev, abbreviations.into()),
        (SectionId::DebugInfo, info.into()),
        (SectionId::DebugStr, names.into()),
    ];
    Module::new(0..200, sections)
}

#[test]
fn long_names_are_not_read_in_full() {
    let (found, small) = search(&bomb(63, 10_000), &[50], STEPS_PER_SEARCH, &Stop::default());
    let names: Vec<_> = found[0].iter().map(|frame| frame.function.as_ref().map(String::len)).collect();
    assert_eq!(names, [Some(TEXT_BYTES); 64]);
    let (_, large) = search(&bomb(63, 10_000_000), &[50], STEPS_PER_SEARCH, &Stop::default());
    assert_eq!(small, large);
    let (found, _) = search(&bomb(63, 10_000_000), &[50], small - 1, &Stop::default());
    assert_eq!(found[0].len(), 63, "the last name is one too many");
}

#[test]
fn a_unit_with_an_unterminated_name_is_skipped() {
    let mut module = bomb(2, 10_000);
    for section in module.sections_mut() {
        // The unit's name, after the header, the code and the addresses, becomes the long one.
        if let Some(name) = section.get_mut(20..24).filter(|name| *name == 10_000_u32.to_le_bytes()) {
            name.fill(0);
        }
    }
    let (found, steps) = search(&module, &[50], STEPS_PER_SEARCH, &Stop::default());
    assert!(found[0].is_empty() && steps < 2 * TEXT_BYTES as u64, "{steps}");
}

#[test]
fn a_replaced_file_is_not_read() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("step.wasm");
    let bytes = std::fs::read(BAD_UNREACHABLE).expect("the guest is built");
    std::fs::write(&path, &bytes).expect("the folder is new");
    let digest = crate::digest::digest_text(&Sha256::digest(&bytes)).into();
    let symbols = Symbols::new(&path, &digest, bytes.len() as u64);
    assert!(!symbols.read().is_empty());
    std::fs::write(&path, [&bytes[..], b"more"].concat()).expect("it can be replaced");
    assert!(symbols.read().is_empty());
    std::fs::remove_file(&path).expect("it is there");
    let made = std::process::Command::new("mkfifo").arg(&path).status().expect("every Unix has it");
    assert!(made.success());
    assert!(symbols.read().is_empty(), "the pipe is not opened, so there is no wait for a writer");
}

#[test]
fn a_stop_ends_the_search() {
    let stop = Stop::default();
    stop.stop(StopReason::Cancelled(CancelReason::Program));
    let (found, steps) = search(&nested(2), &[50], STEPS_PER_SEARCH, &stop);
    assert!(found[0].is_empty() && steps < 10, "{steps}");
}
