//! Explains why text is not JSON, in the user's words.
//!
//! The parser knows where it stopped, and what it expected there. The text at that place shows what the writer meant.

use super::super::error::SourceErrorKind;
use super::nan::Replaced;
use super::row_error::{RowError, diagnostic};
use crate::text::{named, shown};

/// Maximum number of characters of a word in a message.
const WORD: usize = 20;

/// Returns the error for a row that is not JSON. `error` is the parser's error about the row with its tokens replaced.
#[cold]
pub(super) fn malformed(row: &str, replaced: &Replaced<'_>, error: &serde_json::Error) -> RowError {
    let at = replaced.original(index(&replaced.text, error)).min(row.len());
    let at = row.floor_char_boundary(at);
    RowError { kind: SourceErrorKind::Json { reason: reason(row, at, error) }, at: Some(at) }
}

/// Returns the index of the byte at which the parser stopped.
fn index(text: &str, error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let line_start = match lines_before.checked_sub(1) {
        Some(last) => memchr::memchr_iter(b'\n', text.as_bytes()).nth(last).map_or(0, |end| end + 1),
        None => 0,
    };
    line_start + error.column().saturating_sub(1)
}

fn reason(row: &str, at: usize, error: &serde_json::Error) -> String {
    let parser = diagnostic(error);
    let (before, rest) = row.split_at(at);
    if error.is_eof() {
        return if parser.contains("string") {
            "a text in quotation marks does not end on this line".to_owned()
        } else {
            "the object does not end on this line; if objects are on several lines, set `format = \"json\"` in the source"
                .to_owned()
        };
    }
    (parser == "expected `:`")
        .then(|| expected(&parser))
        .flatten()
        .or_else(|| in_text(&parser, before, rest))
        .or_else(|| (parser == "trailing characters").then(|| after_object(rest)))
        .or_else(|| character(&parser, rest))
        .or_else(|| word(before, rest))
        .or_else(|| expected(&parser))
        .unwrap_or(parser)
}

/// Explains an error within a text.
fn in_text(parser: &str, before: &str, rest: &str) -> Option<String> {
    if parser.starts_with("control character") {
        let c = rest.chars().take(2).chain(before.chars().next_back()).find(|c| c.is_control())?;
        return Some(format!(
            "a text has the control character U+{:04X}, which is written as an escape in JSON",
            u32::from(c)
        ));
    }
    if parser == "invalid escape" {
        let start = before.rfind('\\')?;
        let escape: String = before[start..].chars().chain(rest.chars()).take(2).collect();
        return Some(format!("{} is not an escape in JSON; a backslash is written twice", named(&escape)));
    }
    let is_half = parser.contains("surrogate") || parser.contains("hex escape") || parser.contains("code point");
    let start = before.len().saturating_sub(12);
    let escapes = before.get(before.ceil_char_boundary(start)..)?;
    let escape = escapes.rfind("\\u").map(|at| &escapes[at..]);
    (is_half && escape.is_some_and(|escape| escape[2..].starts_with(['d', 'D']))).then(|| {
        "an escape is half of a surrogate pair, so the text was cut within a character; correct it, or declare the column \
         as \"json\", which keeps escapes as they are"
            .to_owned()
    })
}

/// Explains text after the end of the object.
fn after_object(rest: &str) -> String {
    match rest.chars().next() {
        Some('{') => {
            "another object follows on the same line; if objects are not one per line, set `format = \"json\"` in the \
                      source"
                .to_owned()
        }
        Some(',') => {
            "a comma follows the object; remove it, or, if the file is one array, begin it with `[`".to_owned()
        }
        Some('/' | '#') => COMMENT.to_owned(),
        _ => format!("text follows the end of the object: {}", named(&start(rest))),
    }
}

const COMMENT: &str = "JSON has no comments; remove it";

/// Explains a character that JSON does not have at this place.
fn character(parser: &str, rest: &str) -> Option<String> {
    let c = rest.chars().next()?;
    Some(match c {
        '\'' => "texts and keys are in single quotation marks; JSON has double ones".to_owned(),
        '“' | '”' | '‘' | '’' | '„' | '«' => {
            format!("{} is not the quotation mark of JSON, which is `\"`", named(&c.to_string()))
        }
        '/' | '#' => COMMENT.to_owned(),
        '\0' => "the text has NUL characters; if the file is UTF-16, set `encoding` in `json` of the source".to_owned(),
        '\u{feff}' => "a byte order mark is within the file, as when files were joined; remove it".to_owned(),
        '}' | ']' if parser == "trailing comma" => format!("a comma is followed by `{c}`; remove the comma"),
        ',' if parser.contains("expected value") || parser.contains("must be a string") => {
            "a value is missing before the comma".to_owned()
        }
        '}' | ']' if parser.contains("expected value") => format!("a value is missing before `{c}`"),
        _ => return None,
    })
}

/// Explains a word or number that JSON does not have.
fn word(before: &str, rest: &str) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '+' | '-' | '.' | '$');
    let start = before.trim_end_matches(is_word).len();
    let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let word = format!("{}{}", &before[start..], &rest[..end]);
    let is_key = matches!(before[..start].trim_end().chars().next_back(), Some('{'));
    let shown = named(&word.chars().take(WORD).collect::<String>());
    let first = word.chars().next()?;
    let lower = word.to_ascii_lowercase();
    Some(match lower.trim_start_matches(['+', '-']) {
        _ if before[..start].ends_with('"') => return None,
        _ if is_key => format!("the key {shown} is not in quotation marks"),
        "nan" | "infinity" if matches!(&*word, "NaN" | "Infinity" | "-Infinity") => format!(
            "{shown} is not a number in JSON; to read it, set `json = {{ nan = \"null\" }}` or `json = {{ nan = \"float\" }}` in the source"
        ),
        "nan" | "inf" | "infinity" | "none" | "undefined" | "nil" | "na" => {
            format!("{shown} is not a value in JSON; a missing value is null")
        }
        "true" | "false" if lower != word => format!("{shown} is not a value in JSON; booleans are true and false"),
        "true" | "false" | "null" => return None,
        _ if first.is_ascii_digit() || matches!(first, '+' | '-' | '.') => {
            format!("{shown} is not a number in JSON")
        }
        _ => format!("{shown} is neither a text in quotation marks, nor a number, true, false or null"),
    })
}

/// Explains what is missing.
fn expected(parser: &str) -> Option<String> {
    Some(match parser {
        "expected `,` or `}`" | "expected `,` or `]`" => "a comma or the closing bracket is missing here".to_owned(),
        "expected `:`" => "a colon is missing after the key".to_owned(),
        "key must be a string" => "a key in quotation marks is missing here".to_owned(),
        "recursion limit exceeded" => "the value is nested more deeply than 128 levels".to_owned(),
        _ => return None,
    })
}

fn start(text: &str) -> String {
    shown(&text.chars().take(WORD).collect::<String>())
}
