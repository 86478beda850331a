//! Options that grant something to steps, and the policy that bounds all grants.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use stillbox::config::ConfigError;
use stillbox::grants::{DirGrant, EnvGrant, HttpGrant};
use stillbox::{Grants, Policy};

/// Grants for all steps, in addition to those of the pipeline file.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_field_names, reason = "fields have the names of their options")]
pub(crate) struct Allow {
    /// Grant every step requests below a URL, such as `https://api.example.org/v1/`; may be repeated
    ///
    /// Methods other than GET are in front of the URL: `GET,POST https://api.example.org/v1/`.
    #[arg(long, value_name = "URL", value_parser = http)]
    pub(crate) allow_http: Vec<HttpGrant>,
    /// Grant every step reading a folder, which it finds at `/` and the folder's name; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) allow_dir: Vec<PathBuf>,
    /// Grant every step writing new files to a folder, which get there when the run is done; may be repeated
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) allow_write: Vec<PathBuf>,
    /// Pass every step a variable of the environment, or set one; may be repeated
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = env)]
    pub(crate) allow_env: Vec<EnvGrant>,
    /// Reject pipelines whose grants exceed those of this policy file
    #[arg(long, value_name = "FILE.toml", env = "STILLBOX_POLICY", hide_env_values = true, value_hint = ValueHint::FilePath)]
    pub(crate) policy: Option<PathBuf>,
}

impl Allow {
    /// Returns the grants.
    pub(crate) fn grants(&self) -> Grants {
        let mut grants = Grants::default();
        self.allow_http.iter().for_each(|grant| grants.add(grant.clone()));
        self.allow_dir.iter().for_each(|path| grants.add(DirGrant::read(path)));
        self.allow_write.iter().for_each(|path| grants.add(DirGrant::write(path)));
        self.allow_env.iter().for_each(|grant| grants.add(grant.clone()));
        grants
    }

    /// Reads the policy file, if there is one.
    ///
    /// # Errors
    /// The file cannot be read, or is invalid.
    pub(crate) fn policy(&self) -> Result<Option<Policy>, ConfigError> {
        self.policy.as_ref().map(Policy::from_file).transpose()
    }
}

/// Parses `URL`, or `METHOD,METHOD URL`.
fn http(text: &str) -> Result<HttpGrant, String> {
    let (methods, url) = match text.trim().rsplit_once(' ') {
        Some((methods, url)) => (Some(methods), url),
        None => (None, text.trim()),
    };
    let grant = HttpGrant::new(url).map_err(|problem| format!("the URL {problem}"))?;
    match methods {
        Some(methods) => {
            grant.methods(methods.split(',').map(str::trim)).map_err(|problem| format!("a method {problem}"))
        }
        None => Ok(grant),
    }
}

/// Parses `NAME` or `NAME=VALUE`.
fn env(text: &str) -> Result<EnvGrant, String> {
    match text.split_once('=') {
        Some(("", _)) => Err("the name of the variable is missing".into()),
        Some((name, value)) => Ok(EnvGrant::literal(name, value)),
        None if text.is_empty() => Err("the name of the variable is missing".into()),
        None => Ok(EnvGrant::host(text, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_in_front_of_the_url() {
        let grant = http("get, POST https://example.org/a").unwrap();
        assert_eq!(
            (grant.url().as_str(), grant.method_names().join(" ").as_str()),
            ("https://example.org/a", "GET POST")
        );
        assert!(http("https://example.org/?a=b").unwrap_err().contains("query"));
        assert!(http("CONNECT https://example.org/").unwrap_err().contains("tunnel"));
        assert_eq!(env("A=b=c").unwrap(), EnvGrant::literal("A", "b=c"));
        assert_eq!(env("A").unwrap(), EnvGrant::host("A", "A"));
        assert!(env("=a").is_err());
    }
}
