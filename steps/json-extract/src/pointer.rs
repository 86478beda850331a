use stillbox_sdk::parameters::TextParameter;
use stillbox_sdk::{Json, JsonValue, Result};

/// The limit of the length of a pointer, in bytes, because each of its names is searched in every row.
const MAX_BYTES: usize = 4096;

/// A JSON Pointer (RFC 6901). The default refers to the whole value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    source: String,
    tokens: Vec<String>,
}

impl Pointer {
    /// Returns the value that the pointer refers to, or `None`.
    ///
    /// # Errors
    /// The text is not JSON.
    pub fn find<'a>(&self, json: Json<'a>) -> Result<Option<Json<'a>>> {
        let mut here = json;
        for token in &self.tokens {
            let next = match here.value()? {
                JsonValue::Object(object) => object.member(token)?,
                JsonValue::List(list) => match index(token) {
                    Some(index) => list.elements()?.get(index).copied(),
                    None => None,
                },
                _ => None,
            };
            let Some(next) = next else { return Ok(None) };
            here = next;
        }
        Ok(Some(here))
    }
}

/// Parses an index of a list: digits without leading zeros.
fn index(token: &str) -> Option<usize> {
    let is_plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if is_plain { token.parse().ok() } else { None }
}

stillbox_sdk::text_parameter!(Pointer);

impl TextParameter for Pointer {
    fn parse(source: &str) -> Result<Self, String> {
        if source.len() > MAX_BYTES {
            return Err(format!("has {} bytes, more than the limit of {MAX_BYTES}", source.len()));
        }
        let mut tokens = source.split('/');
        // The text before the first slash must be empty.
        if tokens.next() != Some("") {
            return Err("does not start with `/`: write \"/a/b\" for the member b of the member a".to_owned());
        }
        let token = |token: &str| {
            let escapes_are_known = token.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
            // In this order, so that `~01` becomes `~1`.
            let name = escapes_are_known.then(|| token.replace("~1", "/").replace("~0", "~"));
            name.ok_or_else(|| "contains a `~` that is neither `~0` nor `~1`".to_owned())
        };
        let tokens = tokens.map(token).collect::<Result<_, _>>()?;
        Ok(Self { source: source.to_owned(), tokens })
    }

    fn source(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document and the pointers of RFC 6901, section 5.
    #[test]
    fn the_examples_of_the_rfc_are_resolved() {
        let document = r#"{"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8}"#;
        let found = |pointer: &str| {
            let pointer = Pointer::parse(pointer).unwrap();
            pointer.find(Json::from_text(document)).unwrap().map(Json::text)
        };
        assert_eq!(found(""), Some(document));
        assert_eq!(found("/foo"), Some("[\"bar\", \"baz\"]"));
        assert_eq!(found("/foo/0"), Some("\"bar\""));
        let pointers = ["/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"];
        assert_eq!(pointers.map(found), ["0", "1", "2", "3", "4", "5", "6", "7", "8"].map(Some));
        assert_eq!(["/foo/2", "/foo/00", "/foo/-", "/foo/+1", "/bar", "/a~1b/c"].map(found), [None; 6]);
    }

    #[test]
    fn an_invalid_pointer_is_rejected() {
        assert_eq!(Pointer::parse("/a~2").unwrap_err(), "contains a `~` that is neither `~0` nor `~1`");
        assert_eq!(Pointer::parse(&"/a".repeat(3000)).unwrap_err(), "has 6000 bytes, more than the limit of 4096");
    }
}
