//! Escaping characters that could drive a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Escapes every character that could drive a terminal, reorder a line or be invisible, newlines and tabs included.
///
/// These become `\u{..}` with their code in hexadecimal: the C0 and C1 controls, DEL, the bidirectional controls, the
/// line and paragraph separators, and invisible format characters (joiners, soft hyphens, tags, byte order marks). ANSI
/// sequences lose their escape character; the rest of them remains as readable text. A command to a system that shows the
/// text as the log of a job loses its bracket (`##[error]`) or its first colon (`::error::`) in the same way. Backslashes are
/// not escaped, so the result is for reading and cannot be unescaped.
pub fn escape_controls(text: &str) -> Cow<'_, str> {
    without_leading_commands(escape(text, is_unfit))
}

/// Like [`escape_controls`], but keeps newlines and tabs: for text of several lines, such as a backtrace.
pub fn escape_controls_in_lines(text: &str) -> Cow<'_, str> {
    without_leading_commands(escape(text, is_unfit_in_lines))
}

/// Like [`escape_controls_in_lines`], and marks every line after the first as a part of the same text: for messages of steps and
/// of tools, after a label. Otherwise such a line could imitate another line of the output, or be a command to the system that
/// reads it, such as `::error::` to GitHub.
pub fn mark_lines(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches(['\n', '\r']);
    match escape(text, is_unfit_in_lines) {
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
    // Between tokens there is no such text, and no line starts with a colon.
    replace_bytes(escaped, "\\u005b", |json| command_brackets(json).collect())
}

fn escape(text: &str, unfit: impl Fn(char) -> bool) -> Cow<'_, str> {
    let escaped = escape_as(text, unfit, |c, escaped| {
        // Writing to a string cannot fail.
        let _ = write!(escaped, "\\u{{{:x}}}", u32::from(c));
    });
    replace_bytes(escaped, "\\u{5b}", |text| command_brackets(text).collect())
}

fn is_unfit_in_lines(c: char) -> bool {
    is_unfit(c) && c != '\n' && c != '\t'
}

fn without_leading_commands(text: Cow<'_, str>) -> Cow<'_, str> {
    replace_bytes(text, "\\u{3a}", |text| command_colons(text).collect())
}

/// Returns the positions of the brackets that make a text a command, as `##[`, `##vso[` or `##teamcity[`: Azure, GitHub and TeamCity look for
/// them anywhere in a line. The sections of GitLab need an escape character, which is escaped anyway.
pub fn command_brackets(text: &str) -> impl Iterator<Item = usize> {
    let is_command = |before: &str| {
        before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_').ends_with("##")
    };
    text.match_indices('[').map(|(place, _)| place).filter(move |place| is_command(&text[..*place]))
}

/// Returns the first colons of lines that are commands, as `::error::`: GitHub looks for two colons at the start of a line,
/// after white space, and for two more.
fn command_colons(text: &str) -> impl Iterator<Item = usize> {
    let mut end = 0;
    text.split_inclusive('\n').filter_map(move |line| {
        end += line.len();
        let line = line.trim_start();
        line.strip_prefix("::")?.contains("::").then(|| end - line.len())
    })
}

/// Replaces some bytes of a text, each of which is a character.
fn replace_bytes<'a>(text: Cow<'a, str>, by: &str, find: impl Fn(&str) -> Vec<usize>) -> Cow<'a, str> {
    let places = find(&text);
    if places.is_empty() {
        return text;
    }
    let mut replaced = String::with_capacity(text.len() + by.len() * places.len());
    let mut start = 0;
    for place in places {
        replaced.push_str(&text[start..place]);
        replaced.push_str(by);
        start = place + 1;
    }
    replaced.push_str(&text[start..]);
    Cow::Owned(replaced)
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
        assert_eq!(
            escape_controls("##vso[a] ###teamcity[b] #x[c] ## [d] ##[##[e"),
            "##vso\\u{5b}a] ###teamcity\\u{5b}b] #x[c] ## [d] ##\\u{5b}##\\u{5b}e"
        );
        assert_eq!(escape_controls(" ::error file=a::b"), " \\u{3a}:error file=a::b");
        assert_eq!(escape_controls("a ::error::b"), "a ::error::b");
        assert_eq!(escape_controls_in_lines("::1\n\t::a::\n::b::c"), "::1\n\t\\u{3a}:a::\n\\u{3a}:b::c");
        let json = serde_json::to_string("##[error]").unwrap();
        let escaped = escape_controls_in_json(&json);
        assert_eq!(escaped, "\"##\\u005berror]\"");
        assert_eq!(serde_json::from_str::<String>(&escaped).unwrap(), "##[error]");
    }

    #[test]
    fn a_long_text_takes_linear_time() {
        for part in ["#", "[", "##[", "a[", "::\n", "::", " "] {
            let text = part.repeat((4 << 20) / part.len());
            assert!(escape_controls_in_lines(&text).len() >= text.len());
            assert!(escape_controls_in_json(&text).len() >= text.len());
        }
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
