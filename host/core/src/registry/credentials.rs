//! Credentials for registries, from the configuration of Docker.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use arrow_cast::base64::{BASE64_STANDARD, Engine as _};
use serde::Deserialize;

use super::credential::Credential;
use super::helper::{self, HelperError};
use super::options::TransferOptions;
use crate::text::{escaped, shown};

/// The largest configuration that is read: far more than any has, and a bound for endless device files.
const MAX_BYTES: u64 = 1 << 20;

/// The result of looking for credentials.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) credential: Option<Credential>,
    /// Where they are, or why there are none: a sentence that helps if the registry rejects the request.
    pub(super) note: String,
}

/// The keys of `config.json` that are read.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DockerConfig {
    auths: HashMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// Looks for the credentials of a registry, which the configuration may have under any of these names: in the helper for the
/// registry, in that for all of them, then in the file itself. Problems are in the note, as most components need no credentials.
pub(super) fn find(keys: &[&str], options: &TransferOptions) -> Found {
    let key = keys.first().copied().unwrap_or_default();
    let Some(path) = options.credentials_file() else {
        return none("this user has no home with a `.docker/config.json`, so no credentials were sent".into());
    };
    let file = path.display().to_string();
    let file = escaped(&file);
    let login = format!("`docker login {}`", if key.contains("://") { "" } else { key }).replace(" `", "`");
    let config = match read(&path) {
        Ok(config) => config,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return none(format!("no credentials were sent: there is no `{file}`, which {login} creates"));
        }
        Err(error) => return none(format!("no credentials were sent: `{file}` cannot be read: {error}")),
    };
    let helper = keys.iter().find_map(|key| config.cred_helpers.get(*key)).or(config.creds_store.as_ref());
    let mut problem = String::new();
    if let Some(helper) = helper.filter(|helper| !helper.is_empty()) {
        match helper::get(helper, key, options) {
            Ok(Some(credential)) => {
                let note = format!(
                    "the credentials of the helper `{}` for `{key}` may have expired, or lack the right",
                    shown(helper)
                );
                return Found { credential: Some(credential), note };
            }
            Ok(None) => {}
            Err(error) => problem = unusable(helper, &error),
        }
    }
    match config
        .auths
        .iter()
        .filter(|(own, _)| keys.contains(&plain(own, keys)))
        .find_map(|(_, entry)| entry.credential())
    {
        Some(credential) => Found {
            credential: Some(credential),
            note: format!("the credentials of `{file}` for `{key}` may have expired, or lack the right"),
        },
        None if problem.is_empty() => {
            none(format!("no credentials were sent: `{file}` has none for `{key}`, which {login} adds"))
        }
        None => none(problem),
    }
}

fn none(note: String) -> Found {
    Found { credential: None, note }
}

fn unusable(helper: &str, error: &HelperError) -> String {
    format!(
        "no credentials were sent: the helper `docker-credential-{}` of the configuration of Docker {error}",
        shown(helper)
    )
}

/// Returns a key without scheme and path, which old versions of Docker have added, unless it is one of those in full.
fn plain<'k>(key: &'k str, keys: &[&str]) -> &'k str {
    if keys.contains(&key) {
        return key;
    }
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn read(path: &Path) -> io::Result<DockerConfig> {
    let mut text = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    // The error of the parser could quote a part of a password.
    serde_json::from_slice(&text).map_err(|error| {
        io::Error::other(format!(
            "it is not the configuration of Docker (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

impl Entry {
    fn credential(&self) -> Option<Credential> {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = some(&self.registrytoken) {
            return Some(Credential::Token(token));
        }
        if let Some(token) = some(&self.identitytoken) {
            return Some(Credential::Identity(token));
        }
        if let Some(auth) = some(&self.auth) {
            let decoded = String::from_utf8(BASE64_STANDARD.decode(auth.trim()).ok()?).ok()?;
            let (user, password) = decoded.split_once(':')?;
            // Docker ends the password with a NUL in some versions.
            let password = password.trim_end_matches('\0');
            return Some(Credential::Password { user: user.into(), password: password.into() });
        }
        Some(Credential::Password { user: some(&self.username)?, password: some(&self.password)? })
    }
}
