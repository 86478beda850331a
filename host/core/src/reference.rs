//! References to components elsewhere: in a registry, `oci://…`, or on a web server, `https://…`. No I/O.
//!
//! A reference with a digest is pinned: it stands for the same bytes for ever, so it can be taken from the cache without a request.

mod digest;
mod error;
mod oci;
mod web;

use std::fmt;

pub use digest::Digest;
pub use error::ReferenceError;
pub use oci::OciReference;
pub(crate) use oci::is_loopback;
pub use web::WebReference;

/// The schemes of references.
const OCI: &str = "oci://";

/// The address of a component that is downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reference {
    /// In a registry of the OCI distribution specification.
    Oci(OciReference),
    /// A file on a web server.
    Web(WebReference),
}

impl Reference {
    /// Returns whether a text is meant as a reference, and not as a path.
    pub fn is_meant(text: &str) -> bool {
        text.contains("://")
    }

    /// Parses a reference: `oci://REGISTRY/NAME:TAG@sha256:DIGEST`, where tag and digest are optional, or
    /// `https://HOST/PATH#sha256=DIGEST`, where the digest is optional.
    ///
    /// # Errors
    /// The text is no reference, or one that clients of registries read differently.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        match text.split_once("://") {
            Some(("oci", rest)) => OciReference::parse(rest).map(Self::Oci),
            Some(("http" | "https", _)) => WebReference::parse(text).map(Self::Web),
            Some((scheme, _)) => Err(ReferenceError::Scheme(scheme.to_owned())),
            None => Err(suggestion(text).map_or(ReferenceError::NoScheme, ReferenceError::Bare)),
        }
    }

    /// Returns the digest in the reference: of the manifest in a registry, or of the file on a web server.
    pub fn digest(&self) -> Option<&Digest> {
        match self {
            Self::Oci(reference) => reference.digest.as_ref(),
            Self::Web(reference) => reference.digest.as_ref(),
        }
    }

    /// Returns the reference with this digest: of the manifest in a registry, or of the file on a web server.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        match self {
            Self::Oci(reference) => Self::Oci(OciReference { digest: Some(digest), ..reference.clone() }),
            Self::Web(reference) => Self::Web(WebReference { digest: Some(digest), ..reference.clone() }),
        }
    }

    /// Returns the last part of the name, for the name of a file or step.
    pub fn short_name(&self) -> &str {
        match self {
            Self::Oci(reference) => reference.repository.rsplit('/').next().unwrap_or_default(),
            Self::Web(reference) => reference.short_name(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oci(reference) => reference.fmt(f),
            Self::Web(reference) => reference.fmt(f),
        }
    }
}

/// Commands whose arguments are pasted in place of a reference.
const PULLS: [&str; 5] = ["docker pull ", "podman pull ", "nerdctl pull ", "oras pull ", "wkg oci pull "];

/// Returns the reference that a text without a scheme means, if it looks like the argument of `docker pull`, or that command
/// itself.
pub fn suggestion(text: &str) -> Option<String> {
    let text = text.trim();
    let pulled = PULLS.iter().find_map(|command| text.strip_prefix(command)).map(str::trim);
    let name = pulled.unwrap_or(text);
    let is_registry = |host: &str| host == "localhost" || host.contains(['.', ':']);
    let has_registry = name.split_once('/').is_some_and(|(host, _)| is_registry(host));
    // A path of a file is not taken for a name without its tag.
    let last = name.rsplit('/').next().unwrap_or_default();
    let is_name = pulled.is_some() || has_registry && !name.starts_with('.') && last.contains([':', '@']);
    let full = match (is_name, has_registry) {
        (false, _) => return None,
        (true, true) => format!("{OCI}{name}"),
        (true, false) => format!("{OCI}docker.io/{name}"),
    };
    Reference::parse(&full).is_ok().then_some(full)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn shown(text: &str) -> String {
        Reference::parse(text).map_or_else(|error| format!("error: {error}"), |reference| reference.to_string())
    }

    #[test]
    fn references_keep_their_parts() {
        let pinned = format!("oci://ghcr.io/org/steps/clean:1.2@{DIGEST}");
        let file = format!("https://example.org/clean.wasm#{}", DIGEST.replace(':', "="));
        for text in [
            &*pinned,
            &file,
            "oci://ghcr.io/org/clean",
            "oci://localhost:5000/clean:latest",
            "oci://[::1]:5000/clean:latest",
            "http://127.0.0.1:8000/clean.wasm",
        ] {
            assert_eq!(shown(text), text);
        }
        let reference = Reference::parse(&pinned).unwrap();
        assert_eq!((reference.digest().map(Digest::as_str), reference.short_name()), (Some(DIGEST), "clean"));
        assert_eq!(Reference::parse("oci://docker.io/clean").unwrap().to_string(), "oci://docker.io/library/clean");
        let digest = Digest::parse(DIGEST).unwrap();
        assert_eq!(Reference::parse(&file.replace('#', "?a=b#")).unwrap().with_digest(digest).to_string(), file);
    }

    #[test]
    fn texts_that_are_no_references_are_named_with_what_to_write() {
        let all = [
            "oci://org/clean:1",
            "oci://clean",
            "oci://ghcr.io/",
            "oci://ghcr.io/Org/clean",
            "oci://ghcr.io/org/../clean",
            "oci://ghcr.io/org/clean:",
            "oci://ghcr.io/org/clean:a/b",
            "oci://ghcr.io/org/clean@sha256:12",
            "oci://ghcr.io/org/clean@sha512:12",
            "oci://user:password@ghcr.io/org/clean",
            "oci://ghcr.io\u{1b}[2J/org/clean",
            "oci://ghcr.io/org/clean?x",
            "http://example.org/clean.wasm",
            "https://user:password@example.org/clean.wasm",
            "https://example.org/clean.wasm#md5=1",
            "docker://ghcr.io/org/clean",
            "docker pull org/clean",
            "ghcr.io/org/clean:1",
            "clean.wasm",
        ];
        insta::assert_snapshot!(all.map(shown).join("\n"), @r"
        error: `org` is not the host of a registry; for Docker Hub write `oci://docker.io/org/clean:1`
        error: `clean` is not the host of a registry; for Docker Hub write `oci://docker.io/clean`
        error: `` is not the name of a component: it has lower-case letters, digits, and `.`, `_` and `-` between them, with `/` between its parts
        error: `Org/clean` is not the name of a component: it has lower-case letters, digits, and `.`, `_` and `-` between them, with `/` between its parts
        error: `org/../clean` is not the name of a component: it has lower-case letters, digits, and `.`, `_` and `-` between them, with `/` between its parts
        error: `` is not a tag: it has letters, digits, `_`, `.` and `-`, at most 128
        error: `a/b` is not a tag: it has letters, digits, `_`, `.` and `-`, at most 128
        error: `sha256:12` is not a digest: write `sha256:` and 64 hexadecimal digits in lower case
        error: `sha512:12` is not a digest: write `sha256:` and 64 hexadecimal digits in lower case
        error: the URL contains a user name or password
        error: `ghcr.io\u{1b}[2J` is not the host of a registry
        error: `org/clean?x` is not the name of a component: it has lower-case letters, digits, and `.`, `_` and `-` between them, with `/` between its parts
        error: plain HTTP is for this machine only: write `https://`
        error: the URL contains a user name or password
        error: `#md5=1` is not a digest: write `#sha256=` and 64 hexadecimal digits in lower case
        error: `docker://` is not known: write `oci://REGISTRY/NAME:TAG` or `https://…`
        error: it has no scheme: write `oci://docker.io/org/clean`
        error: it has no scheme: write `oci://ghcr.io/org/clean:1`
        error: it is not the address of a component: write `oci://REGISTRY/NAME:TAG` or `https://…`
        ");
    }

    #[test]
    fn only_the_arguments_of_pull_commands_are_suggested() {
        let all = ["ghcr.io/org/clean:1", "docker pull clean", "docker pull quay.io/a/b", "localhost/clean:1"];
        let suggested = all.map(|text| suggestion(text).unwrap_or_default());
        let expected =
            ["oci://ghcr.io/org/clean:1", "oci://docker.io/clean", "oci://quay.io/a/b", "oci://localhost/clean:1"];
        assert_eq!(suggested, expected);
        for path in ["steps/clean.wasm", "steps.d/clean", "./ghcr.io/a:1", "../a.b/c:1", "clean", "a.b/C:1", ""] {
            assert_eq!(suggestion(path), None, "{path}");
        }
    }
}
