//! The output of the benchmark's three steps, computed by short and slow code.

use serde_json::Value;

/// A row of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clean {
    pub(crate) id: i64,
    pub(crate) text: String,
    pub(crate) n_words: i64,
    pub(crate) n_bytes: i64,
    pub(crate) tri_hash: i64,
}

impl Clean {
    /// The row as a line of JSON.
    pub(crate) fn to_line(&self) -> String {
        let Self { id, text, n_words, n_bytes, tri_hash } = self;
        let text = Value::from(text.as_str());
        format!("{{\"id\":{id},\"text\":{text},\"n_words\":{n_words},\"n_bytes\":{n_bytes},\"tri_hash\":{tri_hash}}}\n")
    }
}

/// The output rows for JSON Lines with `id` and `text`.
pub(crate) fn cleaned(input: &str) -> Vec<Clean> {
    rows(input).into_iter().filter_map(|(id, text)| clean(id, &text)).collect()
}

/// The lines of JSON Lines. Line breaks within texts are escaped there.
pub(crate) fn lines(input: &str) -> Vec<&str> {
    input.split_terminator('\n').collect()
}

/// The `id` and `text` of JSON Lines.
pub(crate) fn rows(input: &str) -> Vec<(i64, String)> {
    let row = |line: &str| {
        let start = line.find("\"id\"").expect("every row has an id");
        let row: Value = serde_json::from_str(&format!("{{{}", &line[start..])).expect("a row is JSON");
        (row["id"].as_i64().expect("a number"), row["text"].as_str().expect("a text").to_owned())
    };
    lines(input).into_iter().map(row).collect()
}

fn clean(id: i64, text: &str) -> Option<Clean> {
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split([' ', '\t', '\n', '\r', '\x0b', '\x0c']).filter(|word| !word.is_empty()).collect();
    let text = words.join(" ");
    if !(5..=60).contains(&words.len()) || !(40..=400).contains(&text.len()) {
        return None;
    }
    let hashes = words.windows(3).map(|three| crc32fast::hash(three.join(" ").as_bytes()));
    Some(Clean {
        id,
        n_words: words.len() as i64,
        n_bytes: text.len() as i64,
        tri_hash: i64::from(hashes.min().expect("five words have three")),
        text,
    })
}
