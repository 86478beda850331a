//! Errors of references.

use crate::grants::UrlProblem;
use crate::text::shown;

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// It starts with another scheme.
    #[error("`{}://` is not known: write `oci://REGISTRY/NAME:TAG` or `https://…`", shown(.0))]
    Scheme(String),
    /// It has no scheme.
    #[error("it is not the address of a component: write `oci://REGISTRY/NAME:TAG` or `https://…`")]
    NoScheme,
    /// It has no scheme, and is a name that other clients of registries accept.
    #[error("it has no scheme: write `{}`", shown(.0))]
    Bare(String),
    /// It does not name a registry.
    #[error("`{}` is not the host of a registry; for Docker Hub write `oci://docker.io/{}`", shown(.host), shown(.rest))]
    NoRegistry {
        /// The text in its place.
        host: String,
        /// The whole name.
        rest: String,
    },
    /// The host is none.
    #[error("`{}` is not the host of a registry", shown(.0))]
    Host(String),
    /// The name is none.
    #[error(
        "`{}` is not the name of a component: it has lower-case letters, digits, and `.`, `_` and `-` between them, with `/` between its parts",
        shown(.0)
    )]
    Name(String),
    /// The tag is none.
    #[error("`{}` is not a tag: it has letters, digits, `_`, `.` and `-`, at most 128", shown(.0))]
    Tag(String),
    /// The digest is none.
    #[error("`{}` is not a digest: write `sha256:` and 64 hexadecimal digits in lower case", shown(.0))]
    Digest(String),
    /// The part after `#` is not a digest.
    #[error("`#{}` is not a digest: write `#sha256=` and 64 hexadecimal digits in lower case", shown(.0))]
    Fragment(String),
    /// It is not a URL.
    #[error("the URL {0}")]
    Url(UrlProblem),
    /// It is not encrypted.
    #[error("plain HTTP is for this machine only: write `https://`")]
    PlainHttp,
}
