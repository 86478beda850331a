//! The keys of numbers: their exact decimal digits, of any precision.

use super::kind;

/// The byte after the kind.
mod class {
    pub(super) const NEGATIVE_INFINITY: u8 = 1;
    pub(super) const NEGATIVE: u8 = 2;
    pub(super) const ZERO: u8 = 3;
    pub(super) const POSITIVE: u8 = 4;
    pub(super) const INFINITY: u8 = 5;
    pub(super) const NOT_A_NUMBER: u8 = 6;
}

/// The largest exponent, so that sums of exponents and numbers of digits do not overflow.
const MAX_EXPONENT: i64 = 1_000_000_000_000_000_000;

/// A text that is not a decimal number, or one with an exponent beyond 18 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidNumber;

/// Appends the key of a number, given as decimal digits: `-12.50`, `1e3`. Numbers are compared exactly.
///
/// # Errors
/// The text is not such a number.
pub fn number(text: &str, out: &mut Vec<u8>) -> Result<(), InvalidNumber> {
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((_, "")) => return Err(InvalidNumber),
        Some(parts) => parts,
        None => (mantissa, ""),
    };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return Err(InvalidNumber);
    }
    let digits = whole.bytes().chain(fraction.bytes());
    write(negative, digits, whole.len() as i64 + exponent, out);
    Ok(())
}

/// Appends the key of a float: that of the fewest digits that parse to the same float. Negative zero equals zero, and NaN
/// equals NaN and is the largest number.
pub fn float(value: f64, out: &mut Vec<u8>) {
    if value.is_nan() {
        not_a_number(out);
    } else if value.is_infinite() {
        out.push(kind::NUMBER);
        out.push(if value > 0.0 { class::INFINITY } else { class::NEGATIVE_INFINITY });
    } else {
        let written = number(&format!("{value:e}"), out);
        debug_assert!(written.is_ok(), "a finite float is written as a decimal number");
    }
}

/// Appends the key of NaN.
pub fn not_a_number(out: &mut Vec<u8>) {
    out.extend([kind::NUMBER, class::NOT_A_NUMBER]);
}

fn exponent_of(text: &str) -> Result<i64, InvalidNumber> {
    let exponent: i64 = text.parse().map_err(|_| InvalidNumber)?;
    if exponent.abs() > MAX_EXPONENT { Err(InvalidNumber) } else { Ok(exponent) }
}

/// Writes a number of which `point` digits are before the decimal point. Two digits are written as one byte.
fn write(negative: bool, digits: impl Iterator<Item = u8>, point: i64, out: &mut Vec<u8>) {
    let mut point = point;
    let mut digits = digits.map(|digit| digit - b'0').skip_while(|digit| {
        let is_zero = *digit == 0;
        point -= i64::from(is_zero);
        is_zero
    });
    let Some(first) = digits.next() else {
        out.extend([kind::NUMBER, class::ZERO]);
        return;
    };
    let mut pairs = vec![first * 10];
    let mut is_half = true;
    for digit in digits {
        match pairs.last_mut() {
            Some(last) if is_half => *last += digit,
            _ => pairs.push(digit * 10),
        }
        is_half = !is_half;
    }
    while pairs.last() == Some(&0) {
        pairs.pop();
    }
    out.push(kind::NUMBER);
    out.push(if negative { class::NEGATIVE } else { class::POSITIVE });
    let start = out.len();
    out.extend((point as u64 ^ (1 << 63)).to_be_bytes());
    out.extend(pairs.iter().map(|pair| pair + 1));
    out.push(0);
    if negative {
        out[start..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}
