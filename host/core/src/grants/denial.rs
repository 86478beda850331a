//! A denied access, and the lines of the pipeline file that would allow it.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::url_rule::HttpUrl;

/// A denied access of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Denial {
    /// What the step tried, as the rest of a sentence about it.
    pub(crate) attempt: String,
    /// Why it was denied.
    pub(crate) reason: String,
    /// The grant that is missing. `None` if no grant allows this.
    pub(crate) missing: Option<MissingGrant>,
}

/// The grant that would have allowed an access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MissingGrant {
    /// Requests by one method to one URL.
    Http { url: String, method: String },
    /// A method of a URL that is granted for others.
    Method { url: String, methods: Vec<String> },
    /// Addresses that are not public.
    Address { url: String, addresses: Vec<SocketAddr> },
    /// A folder.
    Dir,
    /// A model: the key and its value.
    Model(String),
}

impl Denial {
    /// A request to a URL that no grant covers.
    pub(crate) fn no_grant(method: &str, url: &HttpUrl) -> Self {
        Self {
            attempt: format!("send {method} {url}"),
            reason: "no grant covers this URL".into(),
            missing: Some(MissingGrant::Http { url: url.to_string(), method: method.to_owned() }),
        }
    }

    /// A request by a method that the grants of the URL do not list.
    pub(crate) fn method(method: &str, url: &HttpUrl, rule: &str, granted: &[String]) -> Self {
        let methods = granted.iter().cloned().chain([method.to_owned()]).collect();
        Self {
            attempt: format!("send {method} {url}"),
            reason: format!("{rule} is granted for {} only", granted.join(", ")),
            missing: Some(MissingGrant::Method { url: rule.to_owned(), methods }),
        }
    }

    /// A connection to addresses that are not public. `why` is the reason for the first one.
    pub(crate) fn addresses(method: &str, url: &HttpUrl, rule: &str, addresses: Vec<SocketAddr>, why: &str) -> Self {
        let first = addresses.first().map_or_else(String::new, |address| format!("{} ", address.ip()));
        Self {
            attempt: format!("send {method} {url}"),
            reason: format!("its address {first}{why}"),
            missing: Some(MissingGrant::Address { url: rule.to_owned(), addresses }),
        }
    }

    /// A request that no grant can allow.
    pub(crate) fn never(attempt: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { attempt: attempt.into(), reason: reason.into(), missing: None }
    }

    /// A file without any granted folder.
    pub(crate) fn files() -> Self {
        Self {
            attempt: "open a file".into(),
            reason: "it has no access to files".into(),
            missing: Some(MissingGrant::Dir),
        }
    }

    /// A model that the step does not have. `key` is the line that is missing.
    pub(crate) fn model(attempt: String, key: String) -> Self {
        Self { attempt, reason: "it has no such model".into(), missing: Some(MissingGrant::Model(key)) }
    }

    /// Returns the hint of a failure after this denial.
    pub(crate) fn hint(&self) -> String {
        let Self { attempt, reason, missing } = self;
        match missing {
            None => format!("the step tried to {attempt}, which no grant allows: {reason}"),
            Some(missing) => {
                let (what, lines) = missing.lines();
                format!("the step tried to {attempt}, and {reason}; {what}\n{lines}")
            }
        }
    }
}

impl MissingGrant {
    /// Returns what to do, and the lines of the pipeline file.
    fn lines(&self) -> (&'static str, String) {
        let quoted = |text: &str| toml::Value::from(text).to_string();
        match self {
            Self::Http { url, method } => {
                let methods = if method == "GET" { String::new() } else { format!("\nmethods = [{}]", quoted(method)) };
                let lines = format!("[[step.allow.http]]\nurl = {}{methods}", quoted(url));
                ("to allow it, add to the step:", lines)
            }
            Self::Method { url, methods } => {
                let methods: Vec<_> = methods.iter().map(|method| quoted(method)).collect();
                let lines = format!("[[step.allow.http]]\nurl = {}\nmethods = [{}]", quoted(url), methods.join(", "));
                ("to allow it, change the grant to:", lines)
            }
            Self::Address { url, addresses } => {
                let addresses: Vec<_> = addresses.iter().map(|address| quoted(&address.to_string())).collect();
                let lines =
                    format!("[[step.allow.http]]\nurl = {}\naddresses = [{}]", quoted(url), addresses.join(", "));
                ("if this address is meant, change the grant to:", lines)
            }
            Self::Model(key) => ("add to the step, with the name of a [[model]]:", key.clone()),
            Self::Dir => ("to allow it, add to the step:", "[[step.allow.dir]]\npath = \"FOLDER\"".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_has_the_lines_to_add_and_no_query() {
        let url = HttpUrl::parse("https://Example.org/a?key=0123456789").unwrap();
        insta::assert_snapshot!(Denial::no_grant("POST", &url).hint(), @r#"
        the step tried to send POST https://example.org/a, and no grant covers this URL; to allow it, add to the step:
        [[step.allow.http]]
        url = "https://example.org/a"
        methods = ["POST"]
        "#);
        let address = "10.0.0.1:443".parse().unwrap();
        let denial = Denial::addresses("GET", &url, "https://example.org/", vec![address], "is in a private network");
        insta::assert_snapshot!(denial.hint(), @r#"
        the step tried to send GET https://example.org/a, and its address 10.0.0.1 is in a private network; if this address is meant, change the grant to:
        [[step.allow.http]]
        url = "https://example.org/"
        addresses = ["10.0.0.1:443"]
        "#);
        let denial = Denial::method("PUT", &url, "https://example.org/", &["GET".into()]);
        insta::assert_snapshot!(denial.hint(), @r#"
        the step tried to send PUT https://example.org/a, and https://example.org/ is granted for GET only; to allow it, change the grant to:
        [[step.allow.http]]
        url = "https://example.org/"
        methods = ["GET", "PUT"]
        "#);
    }
}
