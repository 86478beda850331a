//! Components in registries and on web servers: downloaded and cached by their digests, and uploaded.
//!
//! A download is a conversation with untrusted servers (`session`): each answer has a largest size and a longest
//! time, redirects lead neither to plain HTTP nor to another private network, and credentials go to the registry and its own
//! token server alone (`hop`). The bytes count once they have the digest that was asked for (`cache`).
//!
//! The requests are our own, on the connections of steps (`http`), and not those of the crate `oci-client`: it reads answers of any
//! size, follows any redirect, and sends the password to any token server that a registry names.

mod auth;
mod cache;
mod challenge;
mod credential;
mod credentials;
mod download;
mod error;
mod helper;
mod hop;
mod manifest;
mod options;
mod session;
#[cfg(test)]
mod tests;
mod upload;

pub(crate) use cache::DownloadCache;
pub use download::Downloaded;
pub(crate) use download::{Downloader, Source};
pub use error::{RegistryError, RegistryErrorKind};
pub use options::TransferOptions;
pub(crate) use upload::{Artifact, check_target, upload};
