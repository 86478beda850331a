//! Where a server may send this program: redirects, upload locations and token servers.
//!
//! | to | private addresses | credentials |
//! |---|---|---|
//! | the server that the user has named | yes | yes |
//! | a server of the same site, by HTTPS | yes | as a token server only |
//! | any other server, by HTTPS | no | no |
//!
//! Two names are of one site if they are equal without their first label, such as `registry-1.docker.io` and `auth.docker.io`. All
//! servers of this machine are one site; they alone may be reached by plain HTTP, from a server of this machine.

use crate::grants::{HttpUrl, Scheme, UrlHost};
use crate::reference::is_loopback;

/// How a server is related to the one that the user has named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    /// The same scheme, host and port.
    SameServer,
    /// A server of the same site.
    SameSite,
    /// Any other.
    Other,
}

/// Returns how the server of a URL is related to the one that the user has named.
pub(super) fn relation(home: &HttpUrl, url: &HttpUrl) -> Relation {
    if (home.scheme, &home.host, home.port) == (url.scheme, &url.host, url.port) {
        return Relation::SameServer;
    }
    let is_same_site = is_loopback(&home.host) && is_loopback(&url.host)
        || home.host == url.host
        || matches!((&home.host, &url.host), (UrlHost::Name(home), UrlHost::Name(name)) if are_of_one_site(home, name));
    if is_same_site { Relation::SameSite } else { Relation::Other }
}

/// Returns why a server may not send this program from one URL to another, or `None` if it may.
pub(super) fn refused(from: &HttpUrl, to: &HttpUrl) -> Option<&'static str> {
    let is_local = |url: &HttpUrl| url.scheme == Scheme::Http && is_loopback(&url.host);
    (to.scheme == Scheme::Http && !(is_local(from) && is_local(to))).then_some("is not encrypted")
}

fn are_of_one_site(one: &str, other: &str) -> bool {
    /// The part of a name that it shares with its neighbours: without the first label, unless only one would be left.
    fn site(name: &str) -> &str {
        name.split_once('.').map(|(_, parent)| parent).filter(|parent| parent.contains('.')).unwrap_or(name)
    }
    let is_below =
        |name: &str, site: &str| name == site || name.strip_suffix(site).is_some_and(|rest| rest.ends_with('.'));
    is_below(other, site(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> HttpUrl {
        HttpUrl::parse(text).unwrap()
    }

    #[test]
    fn servers_are_related_by_their_names() {
        for (home, other, expected) in [
            ("https://ghcr.io/", "https://ghcr.io/token", Relation::SameServer),
            ("https://ghcr.io/", "https://ghcr.io:444/token", Relation::SameSite),
            ("https://ghcr.io/", "https://auth.ghcr.io/", Relation::SameSite),
            ("https://ghcr.io/", "https://notghcr.io/", Relation::Other),
            ("https://ghcr.io/", "https://docker.io/", Relation::Other),
            ("https://registry-1.docker.io/", "https://auth.docker.io/token", Relation::SameSite),
            ("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth", Relation::SameSite),
            ("https://registry.gitlab.com/", "https://gitlab.com.example.org/", Relation::Other),
            ("https://10.0.0.1/", "https://10.0.0.2/", Relation::Other),
            ("http://127.0.0.1:5000/", "http://localhost:5001/", Relation::SameSite),
            ("http://127.0.0.1:5000/", "https://example.org/", Relation::Other),
            ("https://example.org/", "http://127.0.0.1/", Relation::Other),
        ] {
            assert_eq!(relation(&url(home), &url(other)), expected, "{home} {other}");
        }
    }

    #[test]
    fn only_servers_of_this_machine_lead_to_plain_http() {
        for (from, to, is_refused) in [
            ("https://a.example/", "https://b.example/", false),
            ("https://a.example/", "http://a.example/", true),
            ("https://a.example/", "http://127.0.0.1/", true),
            ("https://127.0.0.1/", "http://127.0.0.1/", true),
            ("http://127.0.0.1:5000/", "http://[::1]:5001/", false),
            ("http://127.0.0.1:5000/", "http://a.example/", true),
            ("http://127.0.0.1:5000/", "https://a.example/", false),
        ] {
            assert_eq!(refused(&url(from), &url(to)).is_some(), is_refused, "{from} {to}");
        }
    }
}
