//! Grants: the resources outside the sandbox that a step may use. Without one, a step reaches nothing.
//!
//! This module is pure: it decides, and touches neither the network nor the disk. Each question has a file of its own: which
//! requests a URL covers (`url_rule`), which addresses are refused (`address`), what an operator's policy permits (`policy`),
//! how secrets are kept out of texts (`redact`), and what a denied step is missing (`denial`).

mod address;
mod denial;
mod dir;
mod env;
mod error;
mod header;
mod http;
mod policy;
mod recorded;
mod redact;
mod secret;
mod url_path;
mod url_rule;

use std::collections::BTreeMap;

pub use dir::DirGrant;
pub use env::{EnvGrant, EnvValue};
pub use error::GrantError;
pub use header::{HeaderProblem, SecretHeader};
pub use http::{HttpGrant, HttpLimits, MethodProblem};
pub use policy::{HttpCeiling, Policy, PolicyViolation};
pub use recorded::{RecordedExchange, Recorder};
pub use secret::{SecretError, SecretSource};
pub use url_rule::UrlProblem;

pub(crate) use denial::Denial;
pub(crate) use policy::GrantPlace;
pub(crate) use redact::Redactor;
pub(crate) use secret::Secret;
pub(crate) use url_rule::{HttpUrl, Scheme, UrlHost};

/// All grants of one step. The default grants nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grants {
    /// Requests that the step may send.
    pub http: Vec<HttpGrant>,
    /// Folders that it may read or write.
    pub dirs: Vec<DirGrant>,
    /// Variables of its environment.
    pub env: Vec<EnvGrant>,
    /// The secrets that headers of `http` may name.
    pub secrets: BTreeMap<String, SecretSource>,
    /// Recorded responses. If there are any, no request is sent, and those without a recorded response are denied.
    pub recorded: Vec<RecordedExchange>,
}

/// One grant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grant {
    /// Requests by HTTP.
    Http(HttpGrant),
    /// A folder.
    Dir(DirGrant),
    /// A variable of the environment.
    Env(EnvGrant),
}

impl From<HttpGrant> for Grant {
    fn from(grant: HttpGrant) -> Self {
        Self::Http(grant)
    }
}

impl From<DirGrant> for Grant {
    fn from(grant: DirGrant) -> Self {
        Self::Dir(grant)
    }
}

impl From<EnvGrant> for Grant {
    fn from(grant: EnvGrant) -> Self {
        Self::Env(grant)
    }
}

impl Grants {
    /// Returns whether nothing is granted.
    pub fn is_empty(&self) -> bool {
        let Self { http, dirs, env, secrets: _, recorded } = self;
        recorded.is_empty() && http.is_empty() && dirs.is_empty() && env.is_empty()
    }

    /// Adds all grants and secrets of another list.
    pub fn extend(&mut self, other: &Self) {
        let Self { http, dirs, env, secrets, recorded } = other;
        for grant in http {
            self.add(grant.clone());
        }
        for grant in dirs {
            self.add(grant.clone());
        }
        for grant in env {
            self.add(grant.clone());
        }
        self.recorded.extend(recorded.iter().cloned());
        self.secrets.extend(secrets.iter().map(|(name, source)| (name.clone(), source.clone())));
    }

    /// Adds a secret, for the headers of requests. By itself it grants nothing.
    pub fn secret(&mut self, name: impl Into<String>, source: SecretSource) {
        self.secrets.insert(name.into(), source);
    }

    /// Adds a grant. A variable replaces an earlier one of the same name, and a folder one at the same place.
    pub fn add(&mut self, grant: impl Into<Grant>) {
        match grant.into() {
            Grant::Http(grant) => self.http.push(grant),
            Grant::Dir(grant) => {
                self.dirs.retain(|earlier| earlier.guest_path() != grant.guest_path());
                self.dirs.push(grant);
            }
            Grant::Env(grant) => {
                self.env.retain(|earlier| earlier.name != grant.name);
                self.env.push(grant);
            }
        }
    }
}
