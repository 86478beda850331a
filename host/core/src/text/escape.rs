//! Escaping characters that could drive a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes every character that could drive a terminal, reorder a line or be invisible, newlines and tabs included.
///
/// These become `\u{..}` with their code in hexadecimal: the C0 and C1 controls, DEL, the bidirectional controls, the
/// line and paragraph separators, and invisible format characters (joiners, soft hyphens, tags, byte order marks). ANSI
/// sequences lose their escape character; the rest of them remains as readable text. So does the bracket of `##[`, which starts
/// a command in the logs of some systems. Backslashes are not escaped, so the
/// result is for reading and cannot be unescaped.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    escape(text, is_unfit)
}

/// Like [`escape_controls`], but keeps newlines and tabs: for text of several lines, such as a backtrace.
pub fn escape_controls_in_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_unfit(c) && c != '\n' && c != '\t')
}

/// Like [`escape_controls_in_lines`], and marks every line after the first as a part of the same text: for messages of steps and
/// of tools. Otherwise such a line could imitate another line of the output, or be a command to the system that reads it, such as
/// `::error` to GitHub.
pub fn mark_lines(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(['\n', '\r']);
    match escape_controls_in_lines(text) {
        escaped if escaped.contains('\n') => Cow::Owned(escaped.replace('\n', "\n  | ").replace("  | \n", "  |\n")),
        escaped => escaped,
    }
}

/// Like [`escape_controls`], for JSON text, in which only the C0 controls are escaped already. The JSON keeps its
/// meaning: escaped characters can only stand within strings, and line breaks, which stand between tokens, are kept.
pub fn escape_controls_in_json(json: &str) -> Cow<'_, str> {
    let escaped = escape_as(
        json,
        |c| is_unfit(c) && c != '\n',
        |c, escaped| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        },
    );
    // Between tokens there is no such text.
    without_command(escaped, "##\\u005b")
}

/// The start of a command to the logs of Azure and GitHub, which look for it anywhere in a line.
const COMMAND: &str = "##[";

fn without_command<'a>(text: Cow<'a, str>, instead: &str) -> Cow<'a, str> {
    if text.contains(COMMAND) { Cow::Owned(text.replace(COMMAND, instead)) } else { text }
}

fn escape(text: &str, unfit: impl Fn(char) -> bool) -> Cow<'_, str> {
    let escaped = escape_as(text, unfit, |c, escaped| {
        // Writing to a string cannot fail.
        let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
    });
    without_command(escaped, "##\\u{5b}")
}

fn escape_as(text: &str, unfit: impl Fn(char) -> bool, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let Some(first) = text.find(&unfit) else {
        return Cow::Borrowed(text);
    };
    let mut escaped = String::with_capacity(text.len() + 16);
    escaped.push_str(&text[..first]);
    for c in text[first..].chars() {
        if unfit(c) {
            write(c, &mut escaped);
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Returns whether a character must be escaped before it reaches a terminal.
pub(crate) fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}'                        // soft hyphen
            | '\u{61c}'                     // Arabic letter mark
            | '\u{180e}'                    // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}'       // zero-width space and joiners, left-to-right and right-to-left marks
            | '\u{2028}'..='\u{202e}'       // line and paragraph separators, bidirectional embeddings and overrides
            | '\u{2060}'..='\u{206f}'       // word joiner, invisible operators, isolates, deprecated formats
            | '\u{feff}'                    // byte order mark
            | '\u{fffe}' | '\u{ffff}'       // not characters; not allowed in XML
            | '\u{fff9}'..='\u{fffb}'       // interlinear annotation
            | '\u{1bca0}'..='\u{1bca3}'     // shorthand format controls
            | '\u{1d173}'..='\u{1d17a}'     // musical format controls
            | '\u{e0000}'..='\u{e007f}'     // tags
        )
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_is_not_copied() {
        for text in ["", "plain", "grün, 漢字, العربية, 🦀", r"C:\temp"] {
            assert!(matches!(escape_controls(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn terminal_sequences_are_escaped() {
        assert_eq!(escape_controls("\u{1b}[2Jgone"), r"\u{1b}[2Jgone");
        assert_eq!(escape_controls("\u{9b}31mred"), r"\u{9b}31mred");
        assert_eq!(escape_controls("a\r\nb\tc\u{7f}\0"), r"a\u{d}\u{a}b\u{9}c\u{7f}\u{0}");
    }

    #[test]
    fn invisible_and_reordering_characters_are_escaped() {
        assert_eq!(escape_controls("a\u{202e}b\u{2066}c\u{200f}"), r"a\u{202e}b\u{2066}c\u{200f}");
        assert_eq!(escape_controls("\u{2028}\u{feff}\u{e0041}\u{ad}"), r"\u{2028}\u{feff}\u{e0041}\u{ad}");
    }

    #[test]
    fn lines_cannot_imitate_others_or_give_commands() {
        let message = "no\n  at: input.jsonl:1\n::error::gone\r\n##[error]gone\n";
        assert_eq!(
            mark_lines(message),
            "no\n  |   at: input.jsonl:1\n  | ::error::gone\\u{d}\n  | ##\\u{5b}error]gone"
        );
        assert!(matches!(mark_lines("one line\n"), Cow::Borrowed("one line")));
        assert_eq!(escape_controls("a ##[group]"), "a ##\\u{5b}group]");
        let json = serde_json::to_string("##[error]").unwrap();
        let escaped = escape_controls_in_json(&json);
        assert_eq!(escaped, "\"##\\u005berror]\"");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), "##[error]");
    }

    #[test]
    fn escapes_of_json_are_kept() {
        let json = serde_json::to_string("\u{1b}\u{9b}\u{202e}\u{e0041}\\").unwrap();
        assert_eq!(escape_controls_in_json(&json), r#""\u001b\u009b\u202e\udb40\udc41\\""#);
    }

    #[test]
    fn only_newlines_and_tabs_are_kept_in_lines() {
        assert_eq!(escape_controls_in_lines("a\n\tb\r\u{1b}[0m\u{2028}"), "a\n\tb\\u{d}\\u{1b}[0m\\u{2028}");
    }

    proptest! {
        #[test]
        fn escaped_json_keeps_its_meaning(text: String) {
            let json = serde_json::to_string(&text).unwrap();
            let escaped = escape_controls_in_json(&json);
            prop_assert!(!escaped.contains(is_unfit));
            prop_assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), text);
        }

        #[test]
        fn no_unfit_character_is_left(text: String) {
            prop_assert!(!escape_controls(&text).contains(is_unfit));
            prop_assert!(!escape_controls_in_lines(&text).replace(['\n', '\t'], "").contains(is_unfit));
        }
    }
}
