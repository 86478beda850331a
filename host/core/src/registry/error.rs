//! Errors of downloads and uploads.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::reference::{Digest, OciReference, Reference, ReferenceError};
use crate::units::format_size;

/// Why a component was not downloaded or uploaded. Texts of servers in it are escaped and cut, and contain no credentials.
#[derive(Debug)]
#[non_exhaustive]
pub struct RegistryError {
    /// The component.
    pub reference: String,
    /// Whether it was to be uploaded.
    pub is_upload: bool,
    /// The problem.
    pub kind: Box<RegistryErrorKind>,
}

/// A problem of a download or upload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryErrorKind {
    /// There is no folder for downloads.
    #[error("there is no folder for downloads")]
    NoDirectory,
    /// It cannot be written to the folder for downloads.
    #[error("it cannot be written to `{}`", .0.display())]
    Cache(PathBuf, #[source] io::Error),
    /// The reference has no digest, and nothing else says which bytes are meant.
    #[error("it has no digest, so its content may be another one in every run")]
    #[non_exhaustive]
    Unpinned {
        /// What to write, if the present digest could be asked for.
        how: Option<String>,
    },
    /// The lock was made for another reference.
    #[error("the lock has `{locked}` for this step, and the pipeline another reference without a digest")]
    #[non_exhaustive]
    OtherLocked {
        /// The component in the lock.
        locked: String,
    },
    /// Nothing may be downloaded, and it is not in the cache.
    #[error("it is not in the cache, and nothing is downloaded for a pipeline that is not trusted")]
    NotCached,
    /// The registry wants other credentials, or none would do.
    #[error("{host} does not permit it: {answer}")]
    #[non_exhaustive]
    Rejected {
        /// The server.
        host: String,
        /// Its answer.
        answer: String,
        /// The name in the registry.
        name: String,
        /// Which credentials were found, as a sentence.
        credentials: String,
    },
    /// There is no such component.
    #[error("{host} does not have {}: {answer}", file.as_ref().map_or_else(|| "it".to_owned(), |file| format!("the file {file}")))]
    #[non_exhaustive]
    NotFound {
        /// The server.
        host: String,
        /// Its answer.
        answer: String,
        /// The digest of the file, if `digest` or a lock names it and no manifest was asked for.
        file: Option<Digest>,
    },
    /// The server answered with another status.
    #[error("{host} answered {answer}")]
    #[non_exhaustive]
    Status {
        /// The server.
        host: String,
        /// Its answer.
        answer: String,
    },
    /// No complete answer came.
    #[error("{host}: {problem}")]
    #[non_exhaustive]
    Connection {
        /// The server.
        host: String,
        /// The problem.
        problem: String,
    },
    /// A server sends this program to another one, which is not followed.
    #[error("{from} leads to {to}, {why}")]
    #[non_exhaustive]
    Led {
        /// The server.
        from: String,
        /// The other server.
        to: String,
        /// The reason, as the rest of a sentence.
        why: String,
    },
    /// An answer is larger than its limit.
    #[error("{what} is larger than {}, the most that is read", format_size(*limit))]
    #[non_exhaustive]
    TooLarge {
        /// The answer.
        what: &'static str,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The bytes are not those that were asked for.
    #[error("{what} has the digest {found}, and not {expected}")]
    #[non_exhaustive]
    WrongDigest {
        /// The file.
        what: &'static str,
        /// The digest that was asked for.
        expected: Digest,
        /// The digest of the bytes.
        found: Digest,
    },
    /// It is something else than a component.
    #[error("it is not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// An answer has not the form of the specification.
    #[error("{0}")]
    Malformed(String),
    /// The component has no tag to be uploaded to.
    #[error("it has no tag")]
    NoTag,
    /// Only registries take components.
    #[error("components are uploaded to registries alone")]
    NotARegistry,
    /// The text is no reference.
    #[error("{0}")]
    Reference(ReferenceError),
    /// The interrupt was triggered.
    #[error("it was stopped")]
    Cancelled,
}

impl RegistryError {
    pub(crate) fn new(reference: &Reference, is_upload: bool, kind: RegistryErrorKind) -> Self {
        Self { reference: reference.to_string(), is_upload, kind: Box::new(kind) }
    }

    /// Returns what can be done about it, one sentence each.
    pub fn help(&self) -> Vec<String> {
        let one = |text: &str| vec![text.to_owned()];
        match &*self.kind {
            RegistryErrorKind::NoDirectory => one("name a folder for caches with `--cache-dir`"),
            RegistryErrorKind::Unpinned { how } => {
                let pull = || "add its digest, which `stillbox pull` prints".to_owned();
                vec![
                    how.clone().unwrap_or_else(pull),
                    "or lock the pipeline with `stillbox lock`, and add `--locked`".to_owned(),
                ]
            }
            RegistryErrorKind::OtherLocked { .. } => one("lock the pipeline again: `stillbox lock PIPELINE.toml`"),
            RegistryErrorKind::NotCached => {
                vec![format!("download and review it before: `stillbox pull {}`, `stillbox inspect`", self.reference)]
            }
            RegistryErrorKind::Rejected { name, credentials, .. } => vec![
                format!("registries answer like this for a name that does not exist, too: check `{name}`"),
                credentials.clone(),
            ],
            RegistryErrorKind::NotFound { file: Some(_), .. } => {
                one("write the digest that `stillbox inspect` prints; the one after `@` is that of the manifest")
            }
            RegistryErrorKind::NotFound { .. } if self.is_upload => one("check the name"),
            RegistryErrorKind::NotFound { .. } => vec![self.check()],
            // Some registries answer with 500 if the digest after `@` is that of a file.
            RegistryErrorKind::Status { .. } if !self.is_upload && self.reference.contains('@') => vec![self.check()],
            RegistryErrorKind::WrongDigest { .. } => {
                one("the content has changed since the digest was written down, or is not what its author published")
            }
            RegistryErrorKind::NotAComponent(_) => {
                one("components are pushed by `stillbox push`, or by `wkg oci push`")
            }
            RegistryErrorKind::NoTag => vec![format!("write `{}:TAG`", self.reference)],
            RegistryErrorKind::NotARegistry => one("write `oci://REGISTRY/NAME:TAG`"),
            _ => Vec::new(),
        }
    }

    /// Returns what to check in a reference that the server does not know.
    fn check(&self) -> String {
        match Reference::parse(&self.reference) {
            Ok(Reference::Oci(OciReference { digest: Some(_), .. })) => {
                "check the name and the digest: after `@` is that of the manifest, as `stillbox push` and `stillbox pull` print \
                 it; that of the file belongs in `digest`"
                    .to_owned()
            }
            Ok(Reference::Oci(OciReference { tag: None, .. })) => {
                format!("without a tag, `latest` is meant: write `{}:TAG`", self.reference)
            }
            Ok(Reference::Oci(_)) => "check the name and the tag".to_owned(),
            _ => "check the address".to_owned(),
        }
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_upload { "upload" } else { "download" };
        match &*self.kind {
            // Nothing was downloaded yet.
            kind @ (RegistryErrorKind::Unpinned { .. }
            | RegistryErrorKind::OtherLocked { .. }
            | RegistryErrorKind::Reference(_)) => {
                write!(f, "`{}` cannot be used: {kind}", self.reference)
            }
            kind => write!(f, "cannot {verb} `{}`: {kind}", self.reference),
        }
    }
}

impl Error for RegistryError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        (*self.kind).source()
    }
}
