//! Diagnostics in the style of a compiler: the line of the file, the marked part, and the help.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use stillbox::config::{ConfigLocation, Diagnostic, Diagnostics};
use stillbox::text::{command_brackets, escape_controls};

use crate::output::last_lines::last_lines;

/// The name of the lines with causes.
const CAUSED_BY: &str = "caused by";

/// Whether the text has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// With ANSI sequences.
    On,
    /// Plain text.
    Off,
}

/// Renders diagnostics one after the other, with an empty line between them and a newline at the end.
pub(crate) fn render(diagnostics: &Diagnostics, colour: Colour) -> String {
    let renderer = match colour {
        Colour::On => Renderer::styled(),
        Colour::Off => Renderer::plain(),
    };
    let file = diagnostics.file.display().to_string();
    let file = escape_controls(&file);
    let mut all = String::new();
    for diagnostic in &diagnostics.list {
        if !all.is_empty() {
            all.push('\n');
        }
        all.push_str(&renderer.render(&[report(diagnostic, &file, &diagnostics.text)]));
        all.push('\n');
    }
    if diagnostics.omitted > 0 {
        // Writing to a string cannot fail.
        let _ = writeln!(all, "\nand {} more", diagnostics.omitted);
    }
    all
}

fn report<'a>(diagnostic: &'a Diagnostic, file: &'a str, text: &'a str) -> Group<'a> {
    let group = Group::with_title(Level::ERROR.primary_title(diagnostic.message.as_str()));
    let group = match &diagnostic.location {
        ConfigLocation::Span(span) => {
            let line = Line::around(text, span);
            let marked = AnnotationKind::Primary.span(line.marked).label(diagnostic.label.as_deref());
            group.element(Snippet::source(line.text).path(file).line_start(line.number).annotation(marked))
        }
        ConfigLocation::Argument(argument) => group.element(Origin::path(escape_controls(argument))),
        _ => group.element(Origin::path(file)),
    };
    // Each cause has its line, as in any other error.
    let cause = Level::NOTE.with_name(CAUSED_BY);
    let group = group.elements(diagnostic.causes.iter().map(|text| cause.clone().message(text.as_str())));
    let group = group.elements(diagnostic.help.iter().map(|help| Level::HELP.message(help.as_str())));
    let said = diagnostic.failure.iter().flat_map(|failure| last_lines(failure));
    group.elements(said.map(|(name, text)| Level::NOTE.message(format!("{name}: {}", escape_controls(&text)))))
}

/// The line that a diagnostic is about. The other lines of the file are not rendered.
struct Line<'a> {
    /// The text of the line without its line ending, with control characters replaced.
    text: Cow<'a, str>,
    /// The number of the line, from 1.
    number: usize,
    /// The bytes to mark.
    marked: Range<usize>,
}

impl<'a> Line<'a> {
    /// Returns the line in which a span starts. A span over several lines is marked up to the end of the first line.
    fn around(text: &'a str, span: &Range<usize>) -> Self {
        let at = text.floor_char_boundary(span.start);
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let line = &text[start..end];
        let line = line.strip_suffix('\r').unwrap_or(line);
        let marked =
            (at - start).min(line.len())..text.ceil_char_boundary(span.end).saturating_sub(start).min(line.len());
        let marked = marked.start..marked.end.max(marked.start);
        Self { text: fit(line), number: text[..start].matches('\n').count() + 1, marked }
    }
}

/// Replaces control characters of several bytes, and the brackets of commands, by text of the same length in bytes, so that
/// locations stay correct.
fn fit(line: &str) -> Cow<'_, str> {
    let brackets: Vec<usize> = command_brackets(line).collect();
    // The renderer expands tabs, and shows other control characters of one byte as symbols.
    let unfit = |c: char| c.len_utf8() > 1 && matches!(escape_controls(c.encode_utf8(&mut [0; 4])), Cow::Owned(_));
    if brackets.is_empty() && !line.contains(unfit) {
        return Cow::Borrowed(line);
    }
    let replacement = |c: char| match c.len_utf8() {
        2 => "\u{bf}",
        3 => "\u{fffd}",
        _ => "\u{fffd}?",
    };
    let mut fitted = String::with_capacity(line.len());
    for (place, c) in line.char_indices() {
        match c {
            '[' if brackets.binary_search(&place).is_ok() => fitted.push('('),
            c if unfit(c) => fitted.push_str(replacement(c)),
            c => fitted.push(c),
        }
    }
    Cow::Owned(fitted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str, list: Vec<Diagnostic>) -> String {
        render(&Diagnostics::new("jobs/pipeline.toml", text.into(), list), Colour::Off)
    }

    fn at(span: Range<usize>) -> Diagnostic {
        Diagnostic::new(ConfigLocation::Span(span), "something is wrong").label("here")
    }

    #[test]
    fn the_line_the_mark_and_the_help_are_shown() {
        let text = "[pipeline]\nname = \"x\"\nbatch-rows = 0\n";
        let diagnostic = at(35..36).help("do this").help("or that");
        insta::assert_snapshot!(rendered(text, vec![diagnostic]), @"
        error: something is wrong
         --> jobs/pipeline.toml:3:14
          |
        3 | batch-rows = 0
          |              ^ here
          |
          = help: do this
          = help: or that
        ");
    }

    #[test]
    fn each_cause_has_a_line_before_the_help() {
        let diagnostic = at(0..1).causes(["the disk\nis full", "why"]).help("do this");
        insta::assert_snapshot!(rendered("a", vec![diagnostic]), @r"
        error: something is wrong
         --> jobs/pipeline.toml:1:1
          |
        1 | a
          | ^ here
          |
          = caused by: the disk\u{a}is full
          = caused by: why
          = help: do this
        ");
    }

    #[test]
    fn diagnostics_without_a_line_name_the_file_or_the_argument() {
        let file = Diagnostic::new(ConfigLocation::File, "the pipeline has no [[sink]]").help("add a [[sink]]");
        let argument = Diagnostic::new(ConfigLocation::Argument("--set a.b=1".into()), "there is no step \"a\"");
        insta::assert_snapshot!(rendered("", vec![argument, file]), @r#"
        error: the pipeline has no [[sink]]
        --> jobs/pipeline.toml
         = help: add a [[sink]]

        error: there is no step "a"
        --> --set a.b=1
        "#);
    }

    #[test]
    fn line_ends_of_windows_and_spans_over_lines_are_cut() {
        insta::assert_snapshot!(rendered("a = 1\r\nb = [\r\n]\r\n", vec![at(11..15)]), @"
        error: something is wrong
         --> jobs/pipeline.toml:2:5
          |
        2 | b = [
          |     ^ here
        ");
    }

    #[test]
    fn the_end_of_the_file_can_be_marked() {
        insta::assert_snapshot!(rendered("name =", vec![at(6..6)]), @"
        error: something is wrong
         --> jobs/pipeline.toml:1:7
          |
        1 | name =
          |       ^ here
        ");
        insta::assert_snapshot!(rendered("", vec![at(10..20)]), @"
        error: something is wrong
         --> jobs/pipeline.toml:1:1
          |
        1 |
          | ^ here
        ");
    }

    #[test]
    fn nothing_in_the_file_drives_the_terminal() {
        let text = "x = \"\u{1b}[2J\u{9b}1m\u{202e}\u{e0041}\tö##[a\" # y";
        let mark = text.find("# y").expect("it is there");
        insta::assert_snapshot!(rendered(text, vec![at(mark + 2..mark + 3)]), @r#"
        error: something is wrong
         --> jobs/pipeline.toml:1:26
          |
        1 | x = "␛[2J¿1m��?    ö##(a" # y
          |                             ^ here
        "#);
    }

    #[test]
    fn colour_is_a_choice() {
        let diagnostics = Diagnostics::new("p.toml", "a".into(), vec![at(0..1)]);
        assert!(render(&diagnostics, Colour::On).contains("\u{1b}["));
        assert!(!render(&diagnostics, Colour::Off).contains('\u{1b}'));
    }

    #[test]
    fn what_was_left_out_is_counted() {
        let list = (0..103).map(|index| Diagnostic::new(ConfigLocation::Span(index..index), "wrong")).collect();
        let rendered = rendered(&"x".repeat(200), list);
        assert!(rendered.ends_with("\nand 3 more\n"), "{rendered}");
    }
}
