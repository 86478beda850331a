//! Foreign text made safe to display: escaped, truncated, quoted.
//!
//! Text from a step, a data file or a file name may contain escape sequences that move the cursor, or characters that
//! reorder a line. It passes through this module before it is displayed.
//!
//! Messages about inputs have the short escapes of Rust, such as `\n` (`foreign`). All other text has `\u{..}` alone
//! (`escape`), since it is escaped when it is printed and may have been escaped before.

mod causes;
mod escape;
mod foreign;
mod lines;
mod message_pattern;
mod paths;
mod percent;
mod truncate;

use std::borrow::Cow;

use shlex::Quoter;

pub(crate) use causes::Cause;
pub use causes::{causes, chain};
pub(crate) use escape::is_unfit;
pub use escape::{command_brackets, escape_controls, escape_controls_in_json, escape_controls_in_lines, mark_lines};
pub(crate) use foreign::{escaped, named, shown};
pub(crate) use lines::LineSplitter;
pub use message_pattern::message_pattern;
pub use paths::folder_name;
pub(crate) use paths::{optional_path_as_text, path_as_text, paths_as_text};
pub use percent::{HexCase, percent_decoded, percent_encoded};
pub use truncate::truncate;
pub(crate) use truncate::{BoundedText, cut, shorten};

/// Quotes a text as one word for a shell, for commands that are displayed to be copied: a POSIX shell, or the command line of Windows.
pub fn shell_word(text: &str) -> Cow<'_, str> {
    if cfg!(windows) {
        return windows_word(text);
    }
    // Arguments and paths contain no NUL, the one character that a shell cannot take.
    Quoter::new().allow_nul(true).quote(text).unwrap_or(Cow::Borrowed(text))
}

fn windows_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || r"_-./\:+@=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        // File names have no quotation marks. A backslash before one would be a part of the word.
        let after = &text[text.trim_end_matches('\\').len()..];
        Cow::Owned(format!("\"{text}{after}\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_windows_are_quoted_where_needed() {
        assert_eq!(windows_word(r"my-steps\a.toml"), r"my-steps\a.toml");
        assert_eq!(windows_word(r"my steps\a"), "\"my steps\\a\"");
        assert_eq!(windows_word(r"my steps\"), "\"my steps\\\\\"");
        assert_eq!(windows_word(""), "\"\"");
    }

    #[test]
    fn shell_words_are_quoted_where_needed() {
        assert_eq!(shell_word("steps/count-words"), "steps/count-words");
        assert_eq!(shell_word("my steps/a"), "'my steps/a'");
        assert_eq!(shell_word("it's; $HOME"), r#""it's; "'$HOME'"#);
        assert_eq!(shell_word(""), "''");
    }
}
