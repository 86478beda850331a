//! An operator's policy: a ceiling for the grants of pipeline files. It grants nothing itself.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::url_rule::{UrlProblem, UrlRule};
use super::{EnvValue, Grants, HttpGrant, SecretSource};

/// What the grants of pipelines may be at most. The default permits no grant at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// Requests that may be granted.
    pub http: Vec<HttpCeiling>,
    /// Folders in which folders may be granted, and whether for writing.
    pub dirs: Vec<(PathBuf, bool)>,
    /// Variables of the host that may be passed. Literals may always be.
    pub env: Vec<String>,
}

/// Requests that may be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpCeiling {
    pub(crate) grant: HttpGrant,
    pub(crate) secrets: Vec<SecretSource>,
}

/// A grant that exceeds the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyViolation {
    /// The grant, as the rest of a sentence about the step.
    pub grant: String,
    /// What the policy does not permit.
    pub reason: String,
    /// Which of the grants it is.
    pub(crate) place: GrantPlace,
}

/// Which of the grants of a step, by its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrantPlace {
    Http(usize),
    Dir(usize),
    Env(usize),
}

impl HttpCeiling {
    /// Permits GET requests below a URL, as [`HttpGrant::new`] grants them.
    ///
    /// # Errors
    /// The text is not such a URL.
    pub fn new(url: &str) -> Result<Self, UrlProblem> {
        Ok(Self { grant: HttpGrant::new(url)?, secrets: Vec::new() })
    }

    fn rule(&self) -> &UrlRule {
        self.grant.rule()
    }
}

impl Policy {
    /// Returns the grants that exceed the policy, and lowers limits to those of the policy.
    pub fn apply(&self, grants: &mut Grants) -> Vec<PolicyViolation> {
        let Grants { http, dirs, env, secrets, recorded: _ } = grants;
        let mut violations = Vec::new();
        for (index, grant) in http.iter_mut().enumerate() {
            if let Err(reason) = self.apply_to_request(grant, secrets) {
                let grant = format!("be granted {}", grant.url());
                violations.push(PolicyViolation { grant, reason, place: GrantPlace::Http(index) });
            }
        }
        for (index, dir) in dirs.iter().enumerate() {
            let covers = |ceiling: &&(PathBuf, bool)| is_within(dir.path(), &ceiling.0);
            let write = dir.is_writable();
            let reason = match self.dirs.iter().filter(covers).map(|(_, write)| *write).max() {
                None => "no folder of the policy contains it",
                Some(false) if write => "the policy permits reading it only",
                Some(_) => continue,
            };
            let grant = format!("be granted the folder {}", dir.path().display());
            violations.push(PolicyViolation { grant, reason: reason.into(), place: GrantPlace::Dir(index) });
        }
        for (index, variable) in env.iter().enumerate() {
            let EnvValue::Host(name) = &variable.value else { continue };
            if !self.env.contains(name) {
                let grant = format!("get the environment variable {name}");
                let reason = "the policy does not list it".into();
                violations.push(PolicyViolation { grant, reason, place: GrantPlace::Env(index) });
            }
        }
        violations
    }

    fn apply_to_request(&self, grant: &mut HttpGrant, secrets: &BTreeMap<String, SecretSource>) -> Result<(), String> {
        let mut reason = Err("no URL of the policy contains it".to_owned());
        for ceiling in self.http.iter().filter(|ceiling| ceiling.rule().covers_all_of(grant.rule())) {
            match ceiling.permits(grant, secrets) {
                Ok(()) => {
                    grant.cap(ceiling.grant.own_limits());
                    return Ok(());
                }
                error => reason = error,
            }
        }
        reason
    }
}

impl HttpCeiling {
    /// Returns what is not permitted of a grant for URLs that are.
    fn permits(&self, grant: &HttpGrant, secrets: &BTreeMap<String, SecretSource>) -> Result<(), String> {
        if let Some(method) = grant.method_names().iter().find(|method| !self.grant.allows_method(method)) {
            return Err(format!("the policy does not permit {method} there"));
        }
        let permits = |address: &SocketAddr| self.grant.refused(address.ip(), address.port()).is_none();
        let own = grant.rule().address();
        if let Some(address) = grant.listed_addresses().iter().chain(&own).find(|address| !permits(address)) {
            return Err(format!("the policy does not list the address {address}"));
        }
        for name in grant.secret_header().into_iter().flat_map(super::SecretHeader::secrets) {
            if !secrets.get(name).is_some_and(|source| self.secrets.contains(source)) {
                return Err(format!("the policy does not permit the secret {name} there"));
            }
        }
        Ok(())
    }
}

/// Returns whether a folder is another one or within it, with all links resolved.
fn is_within(folder: &Path, parent: &Path) -> bool {
    let resolved = |path: &Path| {
        // A folder for writing need not exist yet.
        let existing = path.ancestors().find_map(|part| Some((part, dunce::canonicalize(part).ok()?)));
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        existing.map_or(absolute, |(part, resolved)| match path.strip_prefix(part) {
            Ok(rest) if rest.as_os_str().is_empty() => resolved,
            Ok(rest) => resolved.join(rest),
            Err(_) => resolved,
        })
    };
    let (folder, parent) = (resolved(folder), resolved(parent));
    folder.starts_with(parent) && folder.components().all(|part| part != std::path::Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use super::super::{DirGrant, EnvGrant, HttpLimits, SecretHeader};
    use super::*;

    fn reasons(policy: &Policy, grants: &mut Grants) -> Vec<String> {
        grants.secret("key", SecretSource::Env("KEY".into()));
        grants.secret("other", SecretSource::Env("OTHER".into()));
        policy.apply(grants).into_iter().map(|violation| violation.reason).collect()
    }

    #[test]
    fn a_policy_is_a_ceiling_and_grants_nothing() {
        let mut ceiling = HttpCeiling::new("https://*.example.org/").unwrap();
        let requests_per_minute = std::num::NonZeroU32::new(60);
        let limits = HttpLimits { requests: 5, requests_per_minute, ..HttpLimits::default() };
        ceiling.grant = ceiling.grant.limits(limits);
        ceiling.secrets.push(SecretSource::Env("KEY".into()));
        let policy = Policy {
            http: vec![ceiling],
            dirs: vec![("/usr".into(), false), ("/tmp".into(), true)],
            env: vec!["LANG".into()],
        };
        let mut nothing = Grants::default();
        assert_eq!(reasons(&policy, &mut nothing), [""; 0]);
        assert!(nothing.is_empty());

        let url = HttpGrant::new("https://api.example.org/v1/").unwrap();
        let mut within = Grants::default();
        within.add(url.clone().secret(SecretHeader::new("x-key", "{key}").unwrap()));
        within.add(DirGrant::read("/usr/bin"));
        within.add(DirGrant::write("/tmp/new/folder"));
        within.add(EnvGrant::literal("A", "b"));
        within.add(EnvGrant::host("L", "LANG"));
        assert_eq!(reasons(&policy, &mut within), [""; 0]);
        assert_eq!(within.http[0].own_limits(), &limits);

        // Of several URLs that contain it, one has to permit it.
        let mut several = policy.clone();
        several.http.push(HttpCeiling::new("https://api.example.org/").unwrap());
        several.http[1].grant = several.http[1].grant.clone().methods(["POST"]).unwrap();
        let mut post = Grants::default();
        post.add(url.clone().methods(["POST"]).unwrap());
        assert_eq!(reasons(&several, &mut post), [""; 0]);
        assert_eq!(post.http[0].own_limits().requests, HttpLimits::default().requests);

        let mut beyond = Grants::default();
        beyond.add(HttpGrant::new("https://example.org/").unwrap());
        beyond.add(url.clone().methods(["POST"]).unwrap());
        beyond.add(url.clone().addresses(["10.0.0.1:443".parse().unwrap()]));
        beyond.add(url.secret(SecretHeader::new("x-key", "{other}").unwrap()));
        beyond.add(DirGrant::write("/usr/share"));
        beyond.add(DirGrant::read("/tmp/../etc"));
        beyond.add(EnvGrant::host("H", "HOME"));
        assert_eq!(
            reasons(&policy, &mut beyond),
            [
                "no URL of the policy contains it",
                "the policy does not permit POST there",
                "the policy does not list the address 10.0.0.1:443",
                "the policy does not permit the secret other there",
                "the policy permits reading it only",
                "no folder of the policy contains it",
                "the policy does not list it",
            ]
        );
    }
}
