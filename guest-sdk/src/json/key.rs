use super::{Json, JsonValue};
use crate::Result;

/// The first byte of a key, which orders values of different kinds.
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
    /// Appends a key: bytes that compare like the values, and are the same for equal values.
    ///
    /// The order of kinds is null, false, true, numbers, texts, lists, objects. Numbers compare by value: `1` equals `1.0`, and
    /// 64-bit integers are exact; larger numbers compare as floats. Texts compare by code point, lists and objects by their JSON
    /// text as it is written.
    ///
    /// No key is a prefix of another, so concatenated keys compare like tuples of values. Keys with all bits inverted compare in
    /// the opposite order.
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

/// Writes a text with an end mark that is smaller than any continuation of a longer text.
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

/// Writes the nearest float, and for an integer its difference from that float.
fn write_number(number: &str, out: &mut Vec<u8>) {
    let float = number.parse::<f64>().unwrap_or(f64::INFINITY);
    // Negative zero equals zero.
    let float = if float == 0.0 { 0.0 } else { float };
    let beyond = number.parse::<i64>().map(i128::from).or_else(|_| number.parse::<u64>().map(i128::from));
    // The difference fits, because adjacent floats near the largest 64-bit integer are 2048 apart.
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
    fn keys_have_the_order_of_their_values() {
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
