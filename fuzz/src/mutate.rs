//! Random changes of bytes.

use rand::RngExt as _;
use rand::rngs::StdRng;

/// The largest input.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// The largest number of changes of one input. Most have few, because one that has many is refused at once.
const MAX_CHANGES: u32 = 8;
/// Numbers at the ends of ranges.
const NUMBERS: [u64; 10] =
    [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 0x7fff_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff];

/// Changes a seed in some places. `tokens` are parts that have a meaning in the format, and `others` are further seeds.
pub(crate) fn mutate(bytes: &mut Vec<u8>, random: &mut StdRng, tokens: &[&[u8]], others: &[Vec<u8>]) {
    for _ in 0..random.random_range(1..=MAX_CHANGES).min(random.random_range(1..=MAX_CHANGES)) {
        change(bytes, random, tokens, others);
    }
    bytes.truncate(MAX_BYTES);
}

fn change(bytes: &mut Vec<u8>, random: &mut StdRng, tokens: &[&[u8]], others: &[Vec<u8>]) {
    let at = random.random_range(0..=bytes.len());
    let end = bytes.len().min(at + random.random_range(1..=32));
    match random.random_range(0..12) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.random_range(0..8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = random.random();
            }
        }
        3 => drop(bytes.drain(at..end)),
        4 => drop(
            bytes.splice(at..at, (0..random.random_range(1..16)).map(|_| random.random::<u8>()).collect::<Vec<_>>()),
        ),
        5 => write_number(bytes, at, random),
        6 | 7 if !tokens.is_empty() => {
            let token = tokens[random.random_range(0..tokens.len())];
            let replaced = if random.random() { at..at } else { at..end };
            bytes.splice(replaced, token.iter().copied());
        }
        8 => {
            let part = bytes[at..end].repeat(random.random_range(1..200));
            bytes.splice(at..at, part);
        }
        9 => bytes.truncate(at),
        10 if !others.is_empty() => {
            let other = &others[random.random_range(0..others.len())];
            let start = random.random_range(0..=other.len());
            bytes.splice(at.., other[start..].iter().copied());
        }
        _ => {
            // Two parts change places.
            let middle = random.random_range(at..=bytes.len());
            bytes[at..].rotate_left(middle - at);
        }
    }
}

fn write_number(bytes: &mut [u8], at: usize, random: &mut StdRng) {
    let number = NUMBERS[random.random_range(0..NUMBERS.len())].to_le_bytes();
    let width = [1, 2, 4, 8][random.random_range(0..4)];
    if let Some(place) = bytes.get_mut(at..at + width) {
        place.copy_from_slice(&number[..width]);
        if random.random() {
            place.reverse();
        }
    }
}
