use stillbox_sdk::any::AnyValue;
use stillbox_sdk::{Json, JsonType, JsonValue, Result, bail, serde_json};

/// The largest integer up to which every integer can be represented exactly as a float.
const MAX_EXACT_INTEGER: i64 = 1 << 53;

/// Converts a value to a type.
///
/// - To `text`: a text is unchanged, any other value becomes its JSON text.
/// - To `json`: a text is parsed as JSON, any other value is unchanged.
/// - To `boolean`: from `true`, `false`, 0 and 1, also as texts.
/// - To `integer`: from whole numbers of 64 bits, also as texts; false is 0, true is 1.
/// - To `float`: from finite numbers, also as texts, so NaN and infinity do not fit; false is 0, true is 1. An integer between two adjacent floats does not
///   fit; a number with a decimal point is rounded to the nearest float.
///
/// White space around a text that is parsed is ignored.
///
/// # Errors
/// The value does not fit the type.
pub fn convert(json: Json<'_>, to: JsonType) -> Result<AnyValue<'_>> {
    let value = json.value()?;
    match (to, &value) {
        (JsonType::Text, _) => return Ok(AnyValue::Text(json.to_text()?)),
        (JsonType::Json, JsonValue::Text(text)) => {
            return match serde_json::from_str::<&serde_json::value::RawValue>(text) {
                Ok(value) => Ok(AnyValue::Json(value.get().to_owned().into())),
                Err(error) => bail!("{} is not JSON: {error}", value.describe()),
            };
        }
        (JsonType::Json, _) => return json.value_as(JsonType::Json),
        _ => {}
    }
    let does_not_fit = || stillbox_sdk::error!("{} is not {}", value.describe(), to.describe());
    match &value {
        JsonValue::Boolean(_) if to == JsonType::Boolean => json.value_as(to),
        JsonValue::Boolean(value) => Ok(number(to, i64::from(*value))),
        JsonValue::Number(text) => from_number(text, to),
        JsonValue::Text(text) => {
            let text = text.trim();
            let boolean = [("true", true), ("false", false)].into_iter().find(|(name, _)| *name == text);
            match boolean {
                Some((_, value)) if to == JsonType::Boolean => Ok(AnyValue::Boolean(value)),
                _ if is_number(text) => {
                    // A leading `+` and leading zeros are not valid JSON, but common in tables.
                    let text = text.strip_prefix('+').unwrap_or(text);
                    from_number(text, to).map(AnyValue::into_static)
                }
                _ => Err(does_not_fit()),
            }
        }
        JsonValue::Null => Ok(AnyValue::Null),
        JsonValue::List(_) | JsonValue::Object(_) => Err(does_not_fit()),
    }
}

/// Converts NaN or infinity to a type: to `text` as `NaN`, `inf` or `-inf`.
///
/// # Errors
/// The type has only finite numbers, which are all types but `text`.
pub fn convert_non_finite(number: f64, to: JsonType) -> Result<AnyValue<'static>> {
    match to {
        JsonType::Text => Ok(AnyValue::Text(number.to_string().into())),
        _ => bail!("{number} is not {}", to.describe()),
    }
}

fn number(to: JsonType, value: i64) -> AnyValue<'static> {
    if to == JsonType::Float { AnyValue::Float(value as f64) } else { AnyValue::Integer(value) }
}

fn from_number(text: &str, to: JsonType) -> Result<AnyValue<'_>> {
    match to {
        JsonType::Boolean => match text.parse::<f64>() {
            Ok(0.0) => Ok(AnyValue::Boolean(false)),
            Ok(1.0) => Ok(AnyValue::Boolean(true)),
            _ => bail!("the number {text} is not a boolean: only 0 and 1 are"),
        },
        JsonType::Float => {
            if let Ok(integer) = text.parse::<i64>()
                && integer.unsigned_abs() > MAX_EXACT_INTEGER.unsigned_abs()
                && integer as f64 as i128 != i128::from(integer)
            {
                bail!("the number {text} cannot be represented exactly as a float");
            }
            Json::from_text(text).value_as(to)
        }
        _ => Json::from_text(text).value_as(to),
    }
}

/// Returns whether a text is a decimal number, with or without an exponent.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit()) && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(json: &str, to: JsonType) -> String {
        match convert(Json::from_text(json), to) {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_value_can_be_converted_to_text() {
        let to = |json| converted(json, JsonType::Text);
        assert_eq!(
            ["\"\\u00e4\"", "1.50", "true", "[1, 2]"].map(to),
            ["Text(\"ä\")", "Text(\"1.50\")", "Text(\"true\")", "Text(\"[1, 2]\")"]
        );
    }

    #[test]
    fn texts_are_parsed_for_json() {
        let to = |json| converted(json, JsonType::Json);
        assert_eq!(to("\"{\\\"a\\\": 1}\""), "Json(\"{\\\"a\\\": 1}\")");
        assert_eq!(to("{\"a\": 1}"), "Json(\"{\\\"a\\\": 1}\")");
        assert_eq!(to("\"a\""), "the text \"a\" is not JSON: expected value at line 1 column 1");
    }

    #[test]
    fn only_true_false_0_and_1_can_be_converted_to_boolean() {
        let to = |json| converted(json, JsonType::Boolean);
        for json in ["true", "\" true \"", "1", "\"1\"", "1.0"] {
            assert_eq!(to(json), "Boolean(true)", "{json}");
        }
        for json in ["false", "\"false\"", "0", "\"0\"", "-0.0"] {
            assert_eq!(to(json), "Boolean(false)", "{json}");
        }
        assert_eq!(to("2"), "the number 2 is not a boolean: only 0 and 1 are");
        assert_eq!(to("\"yes\""), "the text \"yes\" is not a boolean");
        assert_eq!(to("[]"), "the list [] is not a boolean");
    }

    #[test]
    fn only_whole_numbers_of_64_bits_can_be_converted_to_integer() {
        let to = |json| converted(json, JsonType::Integer);
        assert_eq!(to("\" +007\""), "Integer(7)");
        assert_eq!(to("\"-9223372036854775808\""), "Integer(-9223372036854775808)");
        assert_eq!(to("\"9223372036854775808\""), "the number 9223372036854775808 is not a 64-bit integer");
        assert_eq!(to("2.0"), "Integer(2)");
        assert_eq!(to("\"1e2\""), "Integer(100)");
        assert_eq!(to("2.5"), "the number 2.5 is not a 64-bit integer");
        assert_eq!(to("true"), "Integer(1)");
        assert_eq!(to("\"\""), "the text \"\" is not an integer");
        assert_eq!(to("\"1_000\""), "the text \"1_000\" is not an integer");
        assert_eq!(to("{\"a\": 1}"), "the object {\"a\": 1} is not an integer");
    }

    #[test]
    fn only_finite_numbers_and_exact_integers_can_be_converted_to_float() {
        let to = |json| converted(json, JsonType::Float);
        assert_eq!(to("\"0.1\""), "Float(0.1)");
        assert_eq!(to("9007199254740992"), "Float(9007199254740992.0)");
        assert_eq!(to("9007199254740993"), "the number 9007199254740993 cannot be represented exactly as a float");
        assert_eq!(to("-9223372036854775808"), "Float(-9.223372036854776e18)");
        assert_eq!(
            to("9223372036854775807"),
            "the number 9223372036854775807 cannot be represented exactly as a float"
        );
        assert_eq!(to("\"NaN\""), "the text \"NaN\" is not a number");
        assert_eq!(to("\"inf\""), "the text \"inf\" is not a number");
        assert_eq!(to("\"1e999\""), "the number 1e999 is too large for a float");
        assert_eq!(to("false"), "Float(0.0)");
    }
}
