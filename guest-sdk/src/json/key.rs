use super::{Json, JsonValue};
use crate::Result;

/// What comes before a value, so that values of different kinds have an order.
mod kind {
    pub(super) const NULL: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const TRUE: u8 = 3;
    pub(super) const NUMBER: u8 = 4;
    pub(super) const TEXT: u8 = 5;
    pub(super) const LIST: u8 = 6;
    pub(super) const OBJECT: u8 = 7;
}

impl Json<'_> {
    /// Appends bytes that compare as the values do, and are the same for equal values.
    ///
    /// Null comes before false, true, numbers, texts, lists and objects, in this order. Numbers compare by their value: `1`
    /// is `1.0`, and integers of 64 bits are exact; numbers beyond these are floats. Texts compare by their
    /// code points; lists and objects by their JSON text, as they are written.
    ///
    /// No value's bytes are the beginning of another's, so the bytes of several values, one after the other, compare as the
    /// values do, one after the other; with all bits inverted they compare the other way round.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn write_key(self, out: &mut Vec<u8>) -> Result<()> {
        match self.value()? {
            JsonValue::Null => out.push(kind::NULL),
            JsonValue::Boolean(false) => out.push(kind::FALSE),
            JsonValue::Boolean(true) => out.push(kind::TRUE),
            JsonValue::Number(number) => write_number(number, out),
            JsonValue::Text(text) => write_text(kind::TEXT, &text, out),
            JsonValue::List(json) => write_text(kind::LIST, json.text(), out),
            JsonValue::Object(json) => write_text(kind::OBJECT, json.text(), out),
        }
        Ok(())
    }
}

/// A text with an end that is smaller than whatever follows in a longer one.
fn write_text(kind: u8, text: &str, out: &mut Vec<u8>) {
    out.push(kind);
    for byte in text.bytes() {
        out.push(byte);
        if byte == 0 {
            out.push(1);
        }
    }
    out.extend([0, 0]);
}

/// The nearest float, and for an integer how far it is from it.
fn write_number(number: &str, out: &mut Vec<u8>) {
    let float = number.parse::<f64>().unwrap_or(f64::INFINITY);
    // Negative zero is zero.
    let float = if float == 0.0 { 0.0 } else { float };
    let beyond = number.parse::<i64>().map(i128::from).or_else(|_| number.parse::<u64>().map(i128::from));
    // Near the largest integer of 64 bits two floats are 2048 apart.
    let beyond = beyond.map_or(0, |integer| integer - float as i128) as i16;
    let bits = float.to_bits();
    let ascending = if float.is_sign_negative() { !bits } else { bits ^ (1 << 63) };
    out.push(kind::NUMBER);
    out.extend(ascending.to_be_bytes());
    out.extend((beyond as u16 ^ (1 << 15)).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(json: &str) -> Vec<u8> {
        let mut out = Vec::new();
        Json::from_text(json).write_key(&mut out).unwrap();
        out
    }

    #[test]
    fn keys_ascend_as_values_do() {
        let ascending = [
            "null",
            "false",
            "true",
            "-1e300",
            "-9223372036854775808",
            "-9223372036854775807",
            "-1.5",
            "-1",
            "-5e-324",
            "0",
            "5e-324",
            "0.1",
            "1",
            "9007199254740992",
            "9007199254740993",
            "9007199254740994",
            "9223372036854775806",
            "9223372036854775807",
            "18446744073709551614",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
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
        for pair in ascending.windows(2) {
            let [less, more] = [pair[0], pair[1]].map(key);
            assert!(less < more, "{pair:?}");
            let inverted = |key: &[u8]| key.iter().map(|byte| !byte).collect::<Vec<_>>();
            assert!(inverted(&less) > inverted(&more), "{pair:?}");
        }
    }

    #[test]
    fn equal_values_have_equal_keys() {
        for (one, other) in [
            ("1", "1.0"),
            ("1", "1e0"),
            ("0", "-0.0"),
            ("\"a\"", "\"\\u0061\""),
            (" 1 ", "1"),
            ("1e19", "10000000000000000000"),
        ] {
            assert_eq!(key(one), key(other), "{one} {other}");
        }
        assert_ne!(key("1"), key("\"1\""));
        assert!(Json::from_text("nul").write_key(&mut Vec::new()).is_err());
    }
}
