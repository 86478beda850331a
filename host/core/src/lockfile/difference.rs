//! The differences between a locked step and the present one, in words.

use super::LockedStep;

/// The number of characters of a digest in messages: as many as nobody finds a second component for by chance.
const DIGEST_SHOWN: usize = "sha256:".len() + 12;

impl LockedStep {
    /// Returns how the present step differs, each to complete a sentence about it: "now imports wasi:sockets/tcp". The path of the
    /// component makes no difference.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut differences = self.component_differences(now);
        let granted = [
            (added(&self.grants, &now.grants), "is now granted"),
            (added(&now.grants, &self.grants), "is no longer granted"),
            (added(&self.models, &now.models), "now asks the model"),
            (added(&now.models, &self.models), "no longer asks the model"),
            (added(&self.secrets, &now.secrets), "now sends the secret"),
            (added(&now.secrets, &self.secrets), "no longer sends the secret"),
        ];
        differences.extend(described(granted));
        differences
    }

    /// Returns how the present component differs, whatever it is granted.
    pub(crate) fn component_differences(&self, now: &Self) -> Vec<String> {
        let imports = [
            (added_interfaces(&self.imports, &now.imports), "now imports"),
            (added_interfaces(&now.imports, &self.imports), "no longer imports"),
        ];
        let mut differences = described(imports);
        if (&self.name, &self.version) != (&now.name, &now.version) {
            differences.push(format!("was {} {}", self.name, self.version));
        }
        if self.contract != now.contract {
            differences.push(format!("has the contract {}, and had {}", now.contract, self.contract));
        }
        let tools = |step: &Self| {
            let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
            format!("language {}, SDK {}", known(&step.language), known(&step.sdk))
        };
        if tools(self) != tools(now) {
            differences.push(format!("was made with {}, and had {}", tools(now), tools(self)));
        }
        match (&self.digest, &now.digest) {
            (Some(was), Some(is)) if was != is => {
                differences.push(format!("has the digest {}, and had {}", shown(is), shown(was)));
            }
            (None, Some(is)) => differences.push(format!("is the file {}, and was built from a folder", shown(is))),
            (Some(was), None) => differences.push(format!("is built from a folder, and was the file {}", shown(was))),
            _ => {}
        }
        differences
    }
}

/// Returns the texts of `now` that are not in `before`.
fn added<'a>(before: &[String], now: &'a [String]) -> Vec<&'a str> {
    now.iter().filter(|text| !before.contains(text)).map(String::as_str).collect()
}

/// Returns the interfaces of `now` that are not in `before`. Of a package that is new as a whole it is the package: `wasi:sockets`.
fn added_interfaces<'a>(before: &[String], now: &'a [String]) -> Vec<&'a str> {
    fn package(interface: &str) -> &str {
        interface.split('/').next().unwrap_or_default()
    }
    let is_new = |name: &str| !before.iter().any(|interface| package(interface) == package(name));
    let mut added: Vec<&str> = added(before, now);
    added.iter_mut().filter(|name| is_new(name)).for_each(|name| *name = package(name));
    added.dedup();
    added
}

fn described<const N: usize>(lists: [(Vec<&str>, &str); N]) -> Vec<String> {
    let filled = lists.into_iter().filter(|(list, _)| !list.is_empty());
    filled.map(|(list, verb)| format!("{verb} {}", list.join(", "))).collect()
}

fn shown(digest: &str) -> String {
    match digest.char_indices().nth(DIGEST_SHOWN) {
        Some((end, _)) => format!("{}…", &digest[..end]),
        None => digest.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_completes_a_sentence_about_the_step() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let before = LockedStep {
            component: "fetch.wasm".into(),
            digest: Some(format!("sha256:{}", "ab".repeat(32))),
            name: "fetch".into(),
            version: "1.2.0".into(),
            contract: "stillbox:step@0.1.0".into(),
            language: Some("rust".into()),
            sdk: Some("0.1.0".into()),
            imports: list(&["wasi:cli/stderr", "wasi:io/poll"]),
            grants: list(&["http"]),
            models: Vec::new(),
            secrets: list(&["example"]),
        };
        assert_eq!(before.differences(&LockedStep { component: "other.wasm".into(), ..before.clone() }), [""; 0]);
        let now = LockedStep {
            digest: Some(format!("sha256:{}", "cd".repeat(32))),
            version: "1.3.0".into(),
            sdk: None,
            imports: list(&["wasi:cli/stderr", "wasi:sockets/tcp", "wasi:sockets/udp"]),
            grants: list(&["http", "write-files"]),
            secrets: Vec::new(),
            ..before.clone()
        };
        insta::assert_snapshot!(before.differences(&now).join("\n"), @"
        now imports wasi:sockets
        no longer imports wasi:io
        was fetch 1.2.0
        was made with language rust, SDK unknown, and had language rust, SDK 0.1.0
        has the digest sha256:cdcdcdcdcdcd…, and had sha256:abababababab…
        is now granted write-files
        no longer sends the secret example
        ");
        assert_eq!(
            before.differences(&LockedStep { digest: None, ..before.clone() }),
            ["is built from a folder, and was the file sha256:abababababab…"]
        );
    }
}
