//! Text in XML.

use stillbox::text::escape_controls_in_lines;

/// Escapes control characters as visible text, because XML cannot represent them, not even as entities. `quick_junit`
/// would remove them, and tabs as well, so tabs become spaces.
pub(crate) fn xml_text(words: &str) -> String {
    escape_controls_in_lines(words).replace('\t', "    ")
}
