//! Text from inputs and file names in messages: escaped as in Rust source, and truncated.

/// Maximum number of characters of foreign text in a message.
const SHOWN: usize = 80;

/// Returns foreign text for a message: control characters are escaped, and text after 80 characters is cut.
pub(crate) fn shown(text: &str) -> String {
    let mut escaped: String = text.chars().take(SHOWN).flat_map(plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        escaped.push('…');
    }
    escaped
}

/// Returns a name for a message, in backticks.
pub(crate) fn named(name: &str) -> String {
    format!("`{}`", shown(name))
}

/// Returns a file name for a message: complete, with control characters escaped.
pub(crate) fn escaped(name: &str) -> String {
    name.chars().flat_map(plain).collect()
}

/// Escapes a character for a terminal, but leaves quotation marks and backslashes as they are.
fn plain(character: char) -> impl Iterator<Item = char> {
    let literal = matches!(character, '"' | '\'' | '\\');
    let escape = (!literal).then(|| character.escape_debug());
    literal.then_some(character).into_iter().chain(escape.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_escaped_and_cut() {
        assert_eq!(shown("a\u{1b}[31m\"\n"), "a\\u{1b}[31m\"\\n");
        assert_eq!(shown(&"é".repeat(81)), format!("{}…", "é".repeat(80)));
        assert_eq!(shown(&"é".repeat(80)), "é".repeat(80));
    }
}
