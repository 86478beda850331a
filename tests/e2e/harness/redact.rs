//! Snapshots that do not depend on the machine or the moment.

use std::env;
use std::path::Path;

use insta::Settings;
use insta::internals::SettingsBindDropGuard;

use super::ROOT;
use super::folder::FOLDER_PREFIX;

/// Times, rates and sizes.
pub(crate) const MEASURES: [(&str, &str); 4] = [
    (r"\d+(\.\d+)? (ms|s)\b", "[TIME]"),
    (r"[\d,]+ rows/s", "[RATE] rows/s"),
    (r"[\d,]+ bytes", "[SIZE] bytes"),
    (r#""size": \d+"#, r#""size": [SIZE]"#),
];
/// Digests of components.
pub(crate) const DIGESTS: [(&str, &str); 1] = [(r"sha256:[0-9a-f]{64}", "[DIGEST]")];

/// Replaces all matches of regular expressions in the snapshots of this test, until the guard is dropped.
#[must_use = "the filters end with the guard"]
pub(crate) fn redact<'a, P: AsRef<str>>(filters: impl IntoIterator<Item = (P, &'a str)>) -> SettingsBindDropGuard {
    let mut settings = Settings::clone_current();
    for (pattern, replacement) in filters {
        settings.add_filter(pattern.as_ref(), replacement);
    }
    settings.bind_to_scope()
}

/// Filters for the paths of the temporary folders of tests, and of the repository.
pub(crate) fn paths() -> [(String, &'static str); 3] {
    let root = Path::new(ROOT).canonicalize().expect("the repository exists");
    let [temporary, root] = [env::temp_dir(), root].map(|path| regex::escape(&path.display().to_string()));
    let folder = format!("{temporary}/{FOLDER_PREFIX}[A-Za-z0-9]+");
    [(format!("{folder}/"), ""), (folder, "[DIR]"), (root, "[CLONE]")]
}
