//! Keys: bytes that compare like values, and are the same for equal values.
//!
//! The host writes the keys of typed columns, the SDK those of JSON values. Both use these functions, so a value has one key
//! wherever it comes from: the integer `1`, the decimal `1.00` and the JSON number `1e0` are the same.
//!
//! The order of kinds is null, false, true, numbers, texts, lists and objects of JSON, and then times, intervals, bytes, lists and
//! structs of typed columns, which are never mixed with others. No key is a prefix of
//! another, so concatenated keys compare like tuples of values. Keys with all bits inverted compare in the opposite order. No key
//! starts with a byte of 0, which callers may use as an end mark.

mod number;

pub use number::{InvalidNumber, float, not_a_number, number};

/// The first byte of a key, which orders values of different kinds.
mod kind {
    pub(super) const NULL: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const TRUE: u8 = 3;
    pub(super) const NUMBER: u8 = 4;
    pub(super) const TEXT: u8 = 5;
    /// Lists and objects of JSON columns, which compare by their text.
    pub(super) const LIST_TEXT: u8 = 6;
    pub(super) const OBJECT_TEXT: u8 = 7;
    pub(super) const TIME: u8 = 8;
    pub(super) const INTERVAL: u8 = 9;
    pub(super) const BYTES: u8 = 10;
    pub(super) const LIST: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
}

/// Appends the key of a null.
pub fn null(out: &mut Vec<u8>) {
    out.push(kind::NULL);
}

/// Appends the key of a boolean.
pub fn boolean(value: bool, out: &mut Vec<u8>) {
    out.push(if value { kind::TRUE } else { kind::FALSE });
}

/// Appends the key of a date, a time or a duration: whole seconds, and nanoseconds from 0 to 999,999,999.
pub fn time(seconds: i64, nanoseconds: u32, out: &mut Vec<u8>) {
    out.push(kind::TIME);
    out.extend((seconds as u64 ^ (1 << 63)).to_be_bytes());
    out.extend(nanoseconds.to_be_bytes());
}

/// Appends the key of an interval. Intervals are equal if all parts are. They are ordered by their length, with a month of 30
/// days and a day of 24 hours, and then by their parts.
pub fn interval(months: i32, days: i32, nanoseconds: i64, out: &mut Vec<u8>) {
    const DAY: i128 = 86_400_000_000_000;
    let length = (i128::from(months) * 30 + i128::from(days)) * DAY + i128::from(nanoseconds);
    out.push(kind::INTERVAL);
    out.extend((length as u128 ^ (1 << 127)).to_be_bytes());
    out.extend((months as u32 ^ (1 << 31)).to_be_bytes());
    out.extend((days as u32 ^ (1 << 31)).to_be_bytes());
}

/// Appends the key of a text, which compares by code point.
pub fn text(value: &str, out: &mut Vec<u8>) {
    terminated(kind::TEXT, value.as_bytes(), out);
}

/// Appends the key of bytes, which compare byte by byte.
pub fn bytes(value: &[u8], out: &mut Vec<u8>) {
    terminated(kind::BYTES, value, out);
}

/// Starts the key of a list. The keys of the elements follow, and then [`end_list`].
pub fn start_list(out: &mut Vec<u8>) {
    out.push(kind::LIST);
}

/// Ends the key of a list. A list compares as smaller than a longer one that starts with its elements.
pub fn end_list(out: &mut Vec<u8>) {
    out.push(0);
}

/// Starts the key of a struct. The keys of its fields follow, always in the same number and order.
pub fn start_struct(out: &mut Vec<u8>) {
    out.push(kind::STRUCT);
}

/// Appends the key of a JSON value. Lists and objects compare by their text as it is written, without white space around it.
///
/// # Errors
/// The text is not JSON, or a number has an exponent beyond 18 digits. The parts of lists and objects are not checked.
pub fn json(value: &str, out: &mut Vec<u8>) -> Result<(), InvalidJson> {
    let trimmed = value.trim_matches([' ', '\t', '\n', '\r']);
    let invalid = || InvalidJson(trimmed.chars().take(60).collect());
    match trimmed.as_bytes().first() {
        Some(b'[') => terminated(kind::LIST_TEXT, trimmed.as_bytes(), out),
        Some(b'{') => terminated(kind::OBJECT_TEXT, trimmed.as_bytes(), out),
        Some(b'"') => {
            let inner = trimmed.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(invalid)?;
            if inner.bytes().any(|byte| byte == b'\\' || byte == b'"') {
                text(&serde_json::from_str::<String>(trimmed).map_err(|_| invalid())?, out);
            } else {
                text(inner, out);
            }
        }
        Some(b'-' | b'0'..=b'9') => number(trimmed, out).map_err(|_| invalid())?,
        _ => match trimmed {
            "null" => null(out),
            "true" => boolean(true, out),
            "false" => boolean(false, out),
            _ => return Err(invalid()),
        },
    }
    Ok(())
}

/// A text that is not a JSON value, or a number that is out of range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidJson(String);

impl std::fmt::Display for InvalidJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} is not JSON, or is a number out of range", self.0)
    }
}

impl std::error::Error for InvalidJson {}

/// Writes bytes with an end mark that is smaller than any continuation of a longer value.
fn terminated(kind: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    for byte in value {
        out.push(*byte);
        if *byte == 0 {
            out.push(1);
        }
    }
    out.extend([0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str) -> Vec<u8> {
        let mut out = Vec::new();
        json(value, &mut out).unwrap();
        out
    }

    fn assert_ascending(keys: &[Vec<u8>]) {
        for (index, pair) in keys.windows(2).enumerate() {
            assert!(pair[0] < pair[1], "{index}: {pair:?}");
            let inverted = |key: &[u8]| key.iter().map(|byte| !byte).collect::<Vec<_>>();
            assert!(inverted(&pair[0]) > inverted(&pair[1]), "{index}: {pair:?}");
        }
    }

    #[test]
    fn keys_have_the_order_of_their_values() {
        let ascending = [
            "null",
            "false",
            "true",
            "-1e300",
            "-100000000000000000000000000000000000001",
            "-100000000000000000000000000000000000000",
            "-9223372036854775808",
            "-9223372036854775807",
            "-1.5",
            "-1.25",
            "-1",
            "-5e-324",
            "-1e-400",
            "0",
            "1e-400",
            "5e-324",
            "0.1",
            "0.10000000000000000000000000000000001",
            "1",
            "9",
            "10",
            "11",
            "99",
            "100",
            "101",
            "9007199254740992",
            "9007199254740993",
            "9223372036854775807",
            "18446744073709551615",
            "18446744073709551616",
            "18446744073709551617",
            "1e300",
            "1e400",
            "\"\"",
            "\"\\u0000\"",
            "\"\\u0000a\"",
            "\"\\u0001\"",
            "\"a\"",
            "\"a\\u0000\"",
            "\"a\\u0001\"",
            "\"aa\"",
            "\"b\"",
            "\"ä\"",
            "\"\u{ffff}\"",
            "\"\u{10000}\"",
            "[1]",
            "[2]",
            "{\"a\":1}",
        ];
        assert_ascending(&ascending.map(key));
    }

    #[test]
    fn equal_values_have_equal_keys() {
        for (one, other) in [
            ("1", "1.0"),
            ("1", "1e0"),
            ("100", "1e2"),
            ("0", "-0.0"),
            ("0", "0e999"),
            ("12.50", "1.25e1"),
            ("0.00123", "123e-5"),
            ("\"a\"", "\"\\u0061\""),
            (" 1 ", "1"),
            ("1e19", "10000000000000000000"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        assert_ne!(key("1"), key("\"1\""));
    }

    #[test]
    fn floats_have_the_keys_of_their_shortest_digits() {
        let of_float = |value: f64| {
            let mut out = Vec::new();
            float(value, &mut out);
            out
        };
        for value in [0.0, -0.0, 1.0, 0.1, -2.5, 1e300, 5e-324, f64::MAX, f64::MIN, 9_007_199_254_740_993.0] {
            assert_eq!(of_float(value), key(&format!("{value:e}")), "{value}");
        }
        assert_eq!(of_float(f64::NAN), of_float(-f64::NAN));
        assert_ascending(&[f64::NEG_INFINITY, f64::MIN, -0.0, f64::MAX, f64::INFINITY, f64::NAN].map(of_float));
    }

    #[test]
    fn times_and_intervals_are_ordered_by_length() {
        let moment = |seconds: i64, nanoseconds: u32| {
            let mut out = Vec::new();
            time(seconds, nanoseconds, &mut out);
            out
        };
        assert_ascending(&[moment(i64::MIN, 0), moment(-1, 999_999_999), moment(0, 0), moment(0, 1), moment(1, 0)]);
        let length = |months, days, nanoseconds| {
            let mut out = Vec::new();
            interval(months, days, nanoseconds, &mut out);
            out
        };
        assert_ascending(&[length(-1, 0, 0), length(0, -1, 0), length(0, 0, -1), length(0, 0, 0), length(0, 29, 0)]);
        assert_ascending(&[length(0, 29, 0), length(0, 30, 0), length(1, 0, 0), length(0, 31, 0), length(2, 0, 0)]);
    }

    #[test]
    fn texts_that_are_not_json_are_errors() {
        for text in ["nul", "", "\"", "1x", "--1", "1e", "1.", ".5", "-", "1e99999999999999999999", "\"a\"b\""] {
            assert!(json(text, &mut Vec::new()).is_err(), "{text}");
        }
    }
}
