use stillbox_sdk::parameters::TextParameter;
use stillbox_sdk::{Json, JsonValue, Result};

/// The most bytes that a pointer may have: each of its names is looked for in every row.
const LONGEST: usize = 4096;

/// A JSON Pointer (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    source: String,
    tokens: Vec<String>,
}

impl Pointer {
    /// The value that the pointer points at, if there is one.
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

/// A place in a list: digits, without zeros before them.
fn index(token: &str) -> Option<usize> {
    let is_plain = token.bytes().all(|byte| byte.is_ascii_digit()) && (token == "0" || !token.starts_with('0'));
    if is_plain { token.parse().ok() } else { None }
}

stillbox_sdk::text_parameter!(Pointer);

impl TextParameter for Pointer {
    fn parse(source: &str) -> Result<Self, String> {
        if source.len() > LONGEST {
            return Err(format!("has {} bytes, and may have {LONGEST}", source.len()));
        }
        let mut tokens = source.split('/');
        // What stands before the first slash.
        if tokens.next() != Some("") {
            return Err("does not begin with `/`: write \"/a/b\" for the member b of the member a".to_owned());
        }
        let token = |token: &str| {
            let escapes_are_known = token.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
            // In this order, so that `~01` is `~1`.
            let name = escapes_are_known.then(|| token.replace("~1", "/").replace("~0", "~"));
            name.ok_or_else(|| "has a `~` that is neither `~0` nor `~1`".to_owned())
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
    fn the_examples_of_the_rfc_are_found() {
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
    fn what_is_no_pointer_is_refused() {
        assert_eq!(Pointer::parse("/a~2").unwrap_err(), "has a `~` that is neither `~0` nor `~1`");
        assert_eq!(Pointer::parse(&"/a".repeat(3000)).unwrap_err(), "has 6000 bytes, and may have 4096");
    }
}
