//! Parses numbers as JSON and CSV spell them.

/// A number spelled as in JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// A 64-bit integer. `-0` is 0.
    Integer(i64),
    /// An integer that does not fit into 64 bits.
    Large,
    /// A number with a fraction or an exponent, as the nearest 64-bit float.
    Float(f64),
    /// A number with a fraction or an exponent that exceeds the range of 64-bit floats.
    Overflow,
}

/// Parses a number spelled as in JSON (RFC 8259, section 6): no plus sign, no leading zero, a digit on both sides of
/// the point.
pub(crate) fn parse_number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (integer, rest) = leading_digits(digits);
    if integer.is_empty() || (integer.len() > 1 && integer.starts_with('0')) {
        return None;
    }
    if rest.is_empty() {
        return Some(text.parse().map_or(Number::Large, Number::Integer));
    }
    let rest = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => match leading_digits(fraction) {
            ("", _) => return None,
            (_, rest) => rest,
        },
    };
    if !rest.is_empty() {
        let exponent = rest.strip_prefix(['e', 'E'])?;
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !matches!(leading_digits(exponent), (digits, "") if !digits.is_empty()) {
            return None;
        }
    }
    let value: f64 = text.parse().ok()?;
    Some(if value.is_finite() { Number::Float(value) } else { Number::Overflow })
}

fn leading_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

/// Parses a number spelled as in JSON as a float. A number with a fraction or an exponent is rounded to the nearest
/// float. Returns `None` for an integer without an exact float.
pub(crate) fn exact_float(text: &str) -> Option<f64> {
    match parse_number(text)? {
        Number::Float(value) => Some(value),
        Number::Overflow => None,
        // Negative zero loses its sign as an integer, so the sign is taken from the text.
        Number::Integer(0) => Some(if text.starts_with('-') { -0.0 } else { 0.0 }),
        Number::Integer(value) => is_exact(value).then_some(value as f64),
        // Not `as f64`: the integer does not fit into 64 bits. Rust formats all digits of an integral float.
        Number::Large => text.parse().ok().filter(|value: &f64| value.is_finite() && format!("{value:.0}") == text),
    }
}

/// Returns whether an integer has an exact float.
pub(crate) fn is_exact(integer: i64) -> bool {
    i128::from(integer) == (integer as f64) as i128
}

/// Parses a number spelled as in JSON, or `NaN`, `inf` or `-inf`, as CSV sinks write them.
pub(crate) fn csv_float(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "inf" => Some(f64::INFINITY),
        "-inf" => Some(f64::NEG_INFINITY),
        _ => exact_float(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_json_spells_them() {
        assert_eq!(parse_number("0"), Some(Number::Integer(0)));
        assert_eq!(parse_number("-0"), Some(Number::Integer(0)));
        assert_eq!(parse_number("9223372036854775807"), Some(Number::Integer(i64::MAX)));
        assert_eq!(parse_number("-9223372036854775808"), Some(Number::Integer(i64::MIN)));
        assert_eq!(parse_number("9223372036854775808"), Some(Number::Large));
        assert_eq!(parse_number("1.5e-3"), Some(Number::Float(0.0015)));
        assert_eq!(parse_number("1E400"), Some(Number::Overflow));
        for text in ["", "-", "+1", "01", "-01", ".5", "1.", "1.e5", "1e", "1e+", "1e5x", "0x1", "inf", "NaN", "1 "] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }

    #[test]
    fn only_integers_that_floats_can_hold_become_floats() {
        assert_eq!(exact_float("9007199254740992"), Some(9_007_199_254_740_992.0));
        assert_eq!(exact_float("9007199254740993"), None);
        assert_eq!(exact_float("9223372036854775807"), None);
        assert_eq!(exact_float("-9223372036854775808"), Some(-9_223_372_036_854_775_808.0));
        assert_eq!(exact_float("100000000000000000000"), Some(1e20));
        assert_eq!(exact_float("100000000000000000001"), None);
        assert!(exact_float("-0").is_some_and(f64::is_sign_negative));
        assert!(exact_float("-0.0").is_some_and(f64::is_sign_negative));
    }
}
