//! The fingerprint of a run, which decides whether the run can be resumed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::UNIX_EPOCH;

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use super::lock::canonical_path;
use crate::config::{Config, Overrides};
use crate::digest::digest_text;
use crate::plan::Plan;
use crate::text::truncate;

/// Named properties of a run. Two runs with the same fingerprint produce the same output from the same rows.
pub(crate) type Fingerprint = BTreeMap<String, String>;

/// Settings of a model that do not change its answers.
const MODEL_SERVICE: [&str; 11] = [
    "addresses",
    "batch",
    "budget",
    "concurrency",
    "give-up-after",
    "key",
    "price",
    "requests-per-minute",
    "retries",
    "time",
    "tokens-per-minute",
];

/// The maximum length of a value in messages, in characters.
const SHOWN: usize = 60;

/// Computes the fingerprint of a run of this plan.
///
/// Limits are included only if rows can be rejected because of them. Otherwise they do not change the output, and a failed
/// run can be resumed with a larger limit.
pub(crate) fn fingerprint(config: &Config, overrides: &Overrides, plan: &Plan) -> Fingerprint {
    let mut all = Fingerprint::new();
    all.insert("Stillbox".into(), env!("CARGO_PKG_VERSION").into());
    let limits_matter = config.rejects.is_some();
    let mut document: Table = config.text.parse().unwrap_or_default();
    for step in document.get_mut("step").and_then(Value::as_array_mut).into_iter().flatten() {
        remove_request_limits(step, limits_matter);
    }
    for (key, value) in &document {
        match value {
            Value::Array(tables) => {
                // By default the parent of a node is the previous one, so the order matters.
                let names = tables.iter().filter_map(|table| table.get("name").and_then(Value::as_str));
                let names: Vec<_> = names.collect();
                if names.len() > 1 {
                    all.insert(format!("the order of [[{key}]]"), names.join(", "));
                }
                for (index, table) in tables.iter().enumerate() {
                    let name = table.get("name").and_then(Value::as_str);
                    let name = name.map_or_else(|| format!("{key} {}", index + 1), |name| format!("{key} \"{name}\""));
                    flatten(&name, table, &mut all);
                }
            }
            other => flatten(&format!("[{key}]"), other, &mut all),
        }
    }
    all.retain(|key, _| !is_irrelevant(key, limits_matter));
    add_overrides(overrides, limits_matter, &mut all);
    for step in plan.steps() {
        // The values of variables may be private, so only a digest is saved.
        for (name, value) in step.access.iter().flat_map(|access| access.env()) {
            let digest = digest_text(&Sha256::digest(value));
            all.insert(format!("the variable {name} of step \"{}\"", step.name), digest);
        }
        all.insert(format!("the component of step \"{}\"", step.name), step.component.digest().to_string());
    }
    for path in plan.sources.iter().flat_map(|source| &source.files) {
        // An input without metadata cannot be read either. Reading it reports the error.
        if let Ok(metadata) = fs::metadata(path) {
            let what = format!("{} bytes, changed at {}", metadata.len(), time_of_change(&metadata));
            all.insert(format!("the input {}", unambiguous(&canonical_path(path))), what);
        }
    }
    all
}

/// Adds the settings of the command line.
fn add_overrides(overrides: &Overrides, limits_matter: bool, all: &mut Fingerprint) {
    for argument in &overrides.set {
        let (target, value) = argument.split_once('=').unwrap_or((argument, ""));
        all.insert(format!("--set {target}"), value.to_owned());
    }
    for argument in overrides.limit.iter().filter(|_| limits_matter) {
        let (target, value) = argument.split_once('=').unwrap_or((argument, ""));
        all.insert(format!("--limit {target}"), value.to_owned());
    }
    for argument in &overrides.set_model {
        let (target, value) = argument.split_once('=').unwrap_or((argument, ""));
        let is_service = target.split_once('.').is_some_and(|(_, key)| MODEL_SERVICE.contains(&key));
        if !is_service {
            all.insert(format!("--set-model {target}"), value.to_owned());
        }
    }
    for grant in &overrides.allow.http {
        all.insert(format!("--allow-http {}", grant.url()), grant.method_names().join(", "));
    }
    for grant in &overrides.allow.dirs {
        all.insert(format!("--allow-dir {}", grant.path().display()), grant.guest_path().to_owned());
    }
}

/// Returns the time when a file was changed: seconds since 1970, and nanoseconds after them.
fn time_of_change(metadata: &fs::Metadata) -> String {
    match metadata.modified().map(|time| time.duration_since(UNIX_EPOCH).map_err(|before| before.duration())) {
        Ok(Ok(since)) => format!("{}.{:09}", since.as_secs(), since.subsec_nanos()),
        Ok(Err(before)) => match before.subsec_nanos() {
            0 => format!("-{}.000000000", before.as_secs()),
            nanos => format!("-{}.{:09}", before.as_secs() + 1, 1_000_000_000 - nanos),
        },
        Err(error) => error.to_string(),
    }
}

/// Returns a path as text. Two paths never have the same text, even if they are not UTF-8.
fn unambiguous(path: &Path) -> String {
    path.to_str().map_or_else(|| path.as_os_str().as_encoded_bytes().escape_ascii().to_string(), ToOwned::to_owned)
}

/// Whether a setting does not affect the output. The path and the pinned digest of a component do not, since its
/// digest is in the fingerprint.
fn is_irrelevant(key: &str, limits_matter: bool) -> bool {
    key == "[pipeline] description"
        || key == "[pipeline] time"
        || key == "[pipeline] until.at-most"
        || key == "[rejects] max-rejects"
        || !limits_matter && (key.starts_with("[limits] ") || key.contains("\" limits."))
        || key.starts_with("model \"") && MODEL_SERVICE.iter().any(|setting| key.contains(&format!("\" {setting}")))
        || key.starts_with("step ")
            && ["concurrency", "component", "digest"].iter().any(|setting| key.ends_with(&format!("\" {setting}")))
}

/// Removes limits of requests that do not affect the output: those that make requests wait, and all if limits do not matter.
fn remove_request_limits(step: &mut Value, limits_matter: bool) {
    let grants = step.get_mut("allow").and_then(|allow| allow.get_mut("http")).and_then(Value::as_array_mut);
    for grant in grants.into_iter().flatten().filter_map(Value::as_table_mut) {
        match grant.get_mut("limits").and_then(Value::as_table_mut) {
            Some(limits) if limits_matter => {
                limits.retain(|key, _| !matches!(key, "concurrency" | "requests-per-minute"));
            }
            _ => {
                grant.remove("limits");
            }
        }
    }
}

/// Adds all values of a table, each under the name and its path of keys.
fn flatten(name: &str, value: &Value, all: &mut Fingerprint) {
    fn below(name: &str, value: &Value, path: &str, all: &mut Fingerprint) {
        match value {
            Value::Table(table) if !table.is_empty() => {
                for (key, value) in table {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    below(name, value, &path, all);
                }
            }
            other => {
                all.insert(format!("{name} {path}").trim_end().to_owned(), other.to_string());
            }
        }
    }
    below(name, value, "", all);
}

/// Describes the differences between two fingerprints.
pub(crate) fn changes(before: &Fingerprint, now: &Fingerprint) -> Vec<String> {
    let mut changes = Vec::new();
    for (key, was) in before {
        match now.get(key) {
            Some(is) if is == was => {}
            Some(is) => changes.push(format!("{key} was {} and is {}", truncate(was, SHOWN), truncate(is, SHOWN))),
            None => changes.push(format!("{key} was {} and was removed", truncate(was, SHOWN))),
        }
    }
    for (key, is) in now.iter().filter(|(key, _)| !before.contains_key(*key)) {
        changes.push(format!("{key} is new, {}", truncate(is, SHOWN)));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> Fingerprint {
        let mut all = Fingerprint::new();
        flatten("step \"a\"", &Value::Table(text.parse().expect("it is TOML")), &mut all);
        all
    }

    #[test]
    fn changes_are_named_by_their_keys() {
        let before = flat("name = \"a\"\nparameters = { n = 5, words = [\"x\"] }\nrename = { b = \"c\" }");
        let now = flat("# A comment.\nname = 'a'\nparameters = { n = 6, words = [\"x\"] }\nselect = [\"c\"]");
        assert_eq!(
            changes(&before, &now),
            [
                "step \"a\" parameters.n was 5 and is 6",
                "step \"a\" rename.b was \"c\" and was removed",
                "step \"a\" select is new, [\"c\"]",
            ]
        );
        assert_eq!(changes(&before, &before), [""; 0]);
    }

    #[test]
    fn limits_of_requests_make_a_difference_where_they_reject_rows() {
        let after = |limits_matter| {
            let grant = r#"{ url = "u", limits = { time = "1s", concurrency = 2, requests-per-minute = 60 } }"#;
            let mut step = Value::Table(format!("allow.http = [{grant}]").parse().expect("it is TOML"));
            remove_request_limits(&mut step, limits_matter);
            step["allow"]["http"][0].to_string()
        };
        assert_eq!(after(false), r#"{ url = "u" }"#);
        assert_eq!(after(true), r#"{ limits = { time = "1s" }, url = "u" }"#);
    }

    #[test]
    fn limits_and_descriptions_make_no_difference() {
        for key in [
            "[pipeline] description",
            "[pipeline] time",
            "[limits] time",
            "step \"a\" limits.memory",
            "step \"a\" concurrency",
        ] {
            assert!(is_irrelevant(key, false), "{key}");
        }
        assert!(!is_irrelevant("step \"a\" limits.memory", true));
        assert!(!is_irrelevant("step \"a\" parameters.limits", false));
    }
}
