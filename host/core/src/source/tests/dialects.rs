//! CSV in other dialects than RFC 4180.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::{InputFolder, ReadRows, open};
use crate::data_type::DataType;
use crate::format::{CsvSettings, Format, TextEncoding};
use crate::policy::Then;

fn input(content: impl AsRef<[u8]>, change: impl FnOnce(&mut CsvSettings)) -> InputFolder {
    InputFolder::from_content(Format::Csv, content).with(|spec| change(&mut spec.csv))
}

fn plain(content: impl AsRef<[u8]>) -> InputFolder {
    input(content, |_| {})
}

#[test]
fn lines_may_end_with_cr() {
    let expected = "id: integer, t: text\n{\"id\":1,\"t\":\"a\"}\n{\"id\":2,\"t\":\"b\\rc\"}\n";
    for text in ["id,t\r1,a\r2,\"b\rc\"\r", "id,t\r1,a\r\r2,\"b\rc\"", "id,t\r1,a\n\n2,\"b\rc\"\r\n"] {
        let rows = plain(text).batch_rows(1).read();
        assert_eq!(rows.shown(), expected, "{text:?}");
    }
    assert_eq!(plain("id,t\r1,a\r2,\"b\rc\"\r3,d").read().positions, ["in:2", "in:3", "in:5"]);
    assert_eq!(plain("\"a\nb\",c\r1,2\r").read().shown(), "a\nb: integer, c: integer\n{\"a\\nb\":1,\"c\":2}\n");
}

#[test]
fn another_delimiter_is_an_error_that_names_the_setting() {
    assert_snapshot!(plain("id;name;text\n1;A;hello, world\n").error(), @r#"in:1: the first line has no comma and 2 semicolons; if its fields are separated by semicolons, set `csv = { delimiter = ";" }` in the source, otherwise `csv = { delimiter = "," }`"#);
    assert_snapshot!(plain("\n\"a,b\"\tc\n").error(), @r#"in:2: the first line has no comma and 1 tab; if its fields are separated by tabs, set `csv = { delimiter = "\t" }` in the source, otherwise `csv = { delimiter = "," }`"#);
    assert_snapshot!(plain("a, b|c|d\n").error(), @r#"in:1: the first line has 1 comma and 2 vertical bars; if its fields are separated by vertical bars, set `csv = { delimiter = "|" }` in the source, otherwise `csv = { delimiter = "," }`"#);
    assert_snapshot!(plain("a\n1,2\n").error(), @"in:2: this row has 2 fields, and the header has 1 field; set `delimiter` in `csv` of the source if fields are separated by another character");
    let semicolons = |csv: &mut CsvSettings| csv.delimiter = Some(b';');
    assert_eq!(input("a;b\n1;\"x;y\"\n", semicolons).read().json(), "{\"a\":1,\"b\":\"x;y\"}\n");
    assert_eq!(input("a;b\n", |csv| csv.delimiter = Some(b',')).read().shown(), "a;b: text\n");
    let tabs = InputFolder::new(Format::Csv, "in.tsv.gz").file("in.tsv.gz", "").with(|spec| {
        spec.compression = Some(crate::format::Compression::None);
    });
    assert_eq!(tabs.file("in.tsv.gz", "a\tb,c\n1\t2\n").read().json(), "{\"a\":1,\"b,c\":2}\n");
}

#[test]
fn headers_are_made_up_or_named() {
    let warnings = |content: &str| open(&plain(content).spec).unwrap().warnings.concat();
    let rows = plain(",text,text\n0,a,b\n");
    assert_eq!(rows.read().json(), "{\"column_1\":0,\"text\":\"a\",\"text_2\":\"b\"}\n");
    assert!(warnings(",text,text\n").contains("in:1: column 1 has no name in the header; it is called `column_1`"));
    assert_eq!(warnings("a,b\n1,2\n"), "");
    let no_header = |csv: &mut CsvSettings| csv.header = Some(false);
    assert_eq!(
        input("1,x\n2,y\n", no_header).read().json(),
        "{\"column_1\":1,\"column_2\":\"x\"}\n{\"column_1\":2,\"column_2\":\"y\"}\n"
    );
    let named =
        |header| move |csv: &mut CsvSettings| (csv.header, csv.names) = (Some(header), vec!["a".into(), "b".into()]);
    assert_eq!(input("1,2\n", named(false)).read().json(), "{\"a\":1,\"b\":2}\n");
    assert_eq!(input("x,\n1,2\n", named(true)).read().json(), "{\"a\":1,\"b\":2}\n");
    assert_eq!(input("", named(false)).read().shown(), "a: text, b: text\n");
    assert_snapshot!(input("1,2,3\n", named(false)).error(), @"in:1: the first record has 3 fields, and `names` in `csv` of the source has 2 names; name every field");
    assert_snapshot!(plain("1,2.5\n3,4\n").error(), @"in:1: the first line has only numbers instead of names; if the file has no header, set `csv = { header = false }` in the source, otherwise `csv = { header = true }`");
    let files = InputFolder::new(Format::Csv, "*.csv")
        .file("1.csv", "1,2\n")
        .file("2.csv", "3\n")
        .with(|spec| no_header(&mut spec.csv));
    assert_snapshot!(files.error(), @"2.csv:1: the first record has 1 field, and that of 1.csv has 2 fields; all files of a source have the same columns");
}

#[test]
fn comments_and_skipped_lines_are_not_rows() {
    let settings = |csv: &mut CsvSettings| (csv.comment, csv.skip_lines) = (Some(b'#'), 2);
    let rows = input("Export \"of\n2024;\n# it's\na,b\n#\"\n1,#2\n# end", settings).read();
    assert_eq!(rows.shown(), "a: integer, b: text\n{\"a\":1,\"b\":\"#2\"}\n");
    assert_eq!(rows.positions, ["in:6"]);
    assert_eq!(input("x\ry\ra,b\r1,2\r", settings).read().json(), "{\"a\":1,\"b\":2}\n");
    assert_eq!(input("x\n", settings).read().shown(), "empty");
}

#[test]
fn escapes_quotes_and_nulls_can_be_set() {
    let settings = |csv: &mut CsvSettings| {
        (csv.quote, csv.escape, csv.nulls) = (Some(b'\''), Some(b'\\'), vec!["\\N".into(), "NA".into()]);
    };
    let rows = input("a,b,c\n'x\\'y\nz',q\\,r,\\N\nNA,'NA','it''s'\n", settings).batch_rows(1).read();
    assert_snapshot!(rows.shown(), @r#"
a: text, b: text, c: text
{"a":"x'y\nz","b":"q,r","c":null}
{"a":null,"b":"NA","c":"it's"}
"#);
    assert_eq!(rows.positions, ["in:2", "in:4"]);
    let no_quote = |csv: &mut CsvSettings| csv.quote = None;
    assert_eq!(input("a,b\n\"x,y\"\n", no_quote).read().json(), "{\"a\":\"\\\"x\",\"b\":\"y\\\"\"}\n");
    // An escaped CR is not a part of the line end.
    let escape = |csv: &mut CsvSettings| csv.escape = Some(b'\\');
    assert_eq!(input("a,b\nx,\\\r\n", escape).read().json(), "{\"a\":\"x\",\"b\":\"\\r\"}\n");
    assert_eq!(input("a,b\rx,\\\r", escape).read().json(), "{\"a\":\"x\",\"b\":\"\\r\"}\n");
    let empty = |csv: &mut CsvSettings| csv.nulls = vec![String::new()];
    assert_eq!(input("a,b\nx,\ny,\"\"\n", empty).read().json(), "{\"a\":\"x\",\"b\":null}\n{\"a\":\"y\",\"b\":\"\"}\n");
}

#[test]
fn an_empty_line_is_a_row_of_a_file_with_one_column() {
    assert_eq!(plain("\na\nx\n\ny\n").read().json(), "{\"a\":\"x\"}\n{\"a\":\"\"}\n{\"a\":\"y\"}\n");
    assert_eq!(plain("a\r\n1\r\n\r\n").read().json(), "{\"a\":1}\n{\"a\":null}\n");
    assert_eq!(plain("a,b\n1,2\n\n").read().json(), "{\"a\":1,\"b\":2}\n");
}

#[test]
fn other_encodings_are_converted() {
    let encoding =
        |name: &'static str| move |csv: &mut CsvSettings| csv.encoding = TextEncoding::from_name(name).unwrap();
    assert_eq!(input(b"a,b\ncaf\xe9,1\n", encoding("latin-1")).read().json(), "{\"a\":\"café\",\"b\":1}\n");
    let utf16: Vec<u8> = "\u{feff}a,b\né,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(plain(&utf16).read().json(), "{\"a\":\"é\",\"b\":1}\n");
    assert_eq!(input(&utf16[2..], encoding("utf-16")).read().json(), "{\"a\":\"é\",\"b\":1}\n");
    assert_snapshot!(plain(&utf16[2..]).error(), @r#"in:1: this file seems to be UTF-16 without a byte order mark; set `encoding` in `csv` or `json` of the source to "UTF-16LE", or convert the file to UTF-8"#);
    assert_snapshot!(plain(b"\xff\xfe\0\0a\0\0\0").error(), @"in:1: this file is UTF-32, which is not supported; convert it to UTF-8");
    assert_snapshot!(input(b"a,b\nx,1\n\x83,2\n", encoding("shift_jis")).error(), @"in:3:1: this line has bytes that are not Shift_JIS; set the right `encoding`, or convert the file to UTF-8");
}

/// Reads the records of a text character by character. A malformed record is skipped up to the end of its first line.
fn reference(text: &str, csv: &CsvSettings) -> Vec<Vec<String>> {
    let characters: Vec<char> = text.chars().collect();
    let is = |c: char, setting: Option<u8>| setting.is_some_and(|byte| c == char::from(byte));
    let (mut records, mut at) = (Vec::new(), 0);
    while at < characters.len() {
        let line_end = characters[at..].iter().position(|c| *c == '\n').map_or(characters.len(), |end| at + end + 1);
        if characters[at] == '\n' || is(characters[at], csv.comment) {
            at = line_end;
            continue;
        }
        match reference_record(&characters, at, csv) {
            Some((record, end)) => {
                records.push(record);
                at = end;
            }
            None => at = line_end,
        }
    }
    records
}

fn reference_record(characters: &[char], mut at: usize, csv: &CsvSettings) -> Option<(Vec<String>, usize)> {
    let is = |at: usize, setting: Option<u8>| {
        characters.get(at).is_some_and(|c| setting.is_some_and(|byte| *c == char::from(byte)))
    };
    let mut record = Vec::new();
    loop {
        let mut field = String::new();
        if is(at, csv.quote) {
            at += 1;
            loop {
                if is(at, csv.escape) || (is(at, csv.quote) && is(at + 1, csv.quote)) {
                    at += 1;
                } else if is(at, csv.quote) {
                    break;
                }
                field.push(*characters.get(at)?);
                at += 1;
            }
            at += 1;
        } else {
            while at < characters.len() && characters[at] != '\n' && !is(at, csv.delimiter) {
                if is(at, csv.escape) && at + 1 < characters.len() {
                    at += 1;
                }
                field.push(characters[at]);
                at += 1;
            }
        }
        record.push(field);
        match characters.get(at) {
            None => return Some((record, at)),
            Some('\n') => return Some((record, at + 1)),
            Some(_) if is(at, csv.delimiter) => at += 1,
            Some(_) => return None,
        }
    }
}

fn texts(rows: &ReadRows) -> Vec<Vec<String>> {
    let line = |line: &str| {
        let row: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        row.values().map(|value| value.as_str().unwrap().to_owned()).collect()
    };
    rows.json().lines().map(line).collect()
}

fn any_settings() -> impl Strategy<Value = CsvSettings> {
    let escapes = prop::sample::select(vec![None, Some(b'\\')]);
    (prop::sample::select(vec![b',', b';', b'\t']), any::<bool>(), escapes, any::<bool>()).prop_map(
        |(delimiter, has_quote, escape, has_comment)| CsvSettings {
            delimiter: Some(delimiter),
            quote: has_quote.then_some(b'"'),
            escape,
            comment: has_comment.then_some(b'#'),
            header: Some(false),
            names: vec!["a".into(), "b".into()],
            ..CsvSettings::default()
        },
    )
}

proptest! {
    #[test]
    fn records_are_those_of_the_reference(
        settings in any_settings(),
        text in "([a,;\t\"\\\\#\né]|,a|;\"|\"\n){0,30}",
        rows in 1..4usize,
        cr in any::<bool>(),
    ) {
        let text = format!("1{}2\n{text}", char::from(settings.delimiter.unwrap()));
        let expected = reference(&text, &settings);
        let expected: Vec<_> = expected.into_iter().filter(|record| record.len() == 2).collect();
        let line_end = if cr { "\r" } else { "\n" };
        let declared = [("a", DataType::Text), ("b", DataType::Text)];
        let input = input(text.replace('\n', line_end), |csv| *csv = settings).columns(&declared).batch_rows(rows);
        let read = texts(&input.with(|spec| spec.on_bad_row = Then::Reject).read());
        let read: Vec<Vec<String>> =
            read.into_iter().map(|row| row.into_iter().map(|text| text.replace('\r', "\n")).collect()).collect();
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn no_bytes_panic_in_any_dialect(
        settings in any_settings(),
        bytes in prop::collection::vec(prop::sample::select(b"a,;\"\\#\r\n\t\xff\xc3\xa9\0".to_vec()), 0..40),
        rows in 1..4usize,
        header in any::<Option<bool>>(),
        rejects in any::<bool>(),
    ) {
        let settings = CsvSettings { header, names: Vec::new(), ..settings };
        let action = if rejects { Then::Reject } else { Then::Stop };
        drop(input(bytes, |csv| *csv = settings).batch_rows(rows).with(|spec| spec.on_bad_row = action).try_read());
    }
}
