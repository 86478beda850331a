//! Tokens of registries, by the token specification of Docker.

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use url::Url;

use arrow_cast::base64::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;

use super::challenge::Challenge;
use super::credential::Credential;
use super::error::RegistryErrorKind;
use super::hop::{Relation, refused, relation};
use super::session::{Answer, Session};
use crate::grants::HttpUrl;
use crate::http::CallRequest;
use crate::text::shown;

/// The name of this program for token servers.
const CLIENT: &str = "stillbox";

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
}

impl Session {
    /// Returns the header with which a request is repeated that was answered with 401, or `None` if nothing is known to help.
    ///
    /// # Errors
    /// The token server gives no token, or is one that nothing is sent to.
    pub(super) async fn authorize(&mut self, answer: &Answer) -> Result<Option<HeaderValue>, RegistryErrorKind> {
        let headers = answer.headers.get_all(WWW_AUTHENTICATE);
        let challenge = Challenge::parse(headers.iter().filter_map(|header| header.to_str().ok()));
        match (challenge, self.credential()) {
            (Some(Challenge::Bearer { .. }), Some(Credential::Token(token))) => Ok(header(&format!("Bearer {token}"))),
            (Some(Challenge::Bearer { realm, service, scope }), credential) => {
                let scope = self.scope(scope);
                self.token((&realm, service.as_deref(), &scope), credential).await.map(Some)
            }
            (Some(Challenge::Basic), Some(Credential::Password { user, password })) => Ok(basic(&user, &password)),
            _ => Ok(None),
        }
    }

    /// Returns the scope to ask for: that of the registry, if it is about the component, as some have forms of their own.
    fn scope(&self, asked: Option<String>) -> String {
        let own = format!("repository:{}:", self.repository);
        asked.filter(|scope| scope.starts_with(&own)).unwrap_or_else(|| format!("{own}{}", self.actions))
    }

    async fn token(
        &mut self,
        (realm, service, scope): (&str, Option<&str>, &str),
        credential: Option<Credential>,
    ) -> Result<HeaderValue, RegistryErrorKind> {
        let malformed = |problem: &str| {
            let problem = format!("{} names the token server `{}`, which {problem}", self.home.host, shown(realm));
            RegistryErrorKind::Malformed(problem)
        };
        let mut url = Url::parse(realm).map_err(|_| malformed("is not a URL"))?;
        let parameters = [("service", service), ("scope", Some(scope))];
        let parameters = parameters.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        let mut headers = HeaderMap::new();
        let (mut method, mut body) = (Method::GET, Bytes::new());
        match &credential {
            Some(Credential::Identity(token)) => {
                let mut form = url::form_urlencoded::Serializer::new(String::new());
                form.extend_pairs([("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", token)]);
                body = form.extend_pairs(parameters).finish().into();
                method = Method::POST;
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
            }
            other => {
                url.query_pairs_mut().extend_pairs(parameters);
                if let Some(Credential::Password { user, password }) = other
                    && let Some(value) = basic(user, password)
                {
                    headers.insert(AUTHORIZATION, value);
                }
            }
        }
        let url = HttpUrl::parse(url.as_str()).map_err(|problem| malformed(&problem.to_string()))?;
        let led = |why: &str| self.led(&self.home, &url, why);
        if let Some(why) = refused(&self.home, &url) {
            return Err(led(&format!("a token server that {why}")));
        }
        if credential.is_some() && relation(&self.home, &url) == Relation::Other {
            return Err(led("a token server of another site, to which no credentials are sent"));
        }
        let request = CallRequest { method, url: url.clone(), headers, body, waits: self.waits() };
        let answer = self.call(request, "the answer of the token server", self.limits.other).await?;
        match answer.status {
            StatusCode::OK => {}
            status if status.is_redirection() => return Err(led("a token server that leads elsewhere")),
            _ => return Err(self.error_of(&answer)),
        }
        let parsed: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| malformed("gives no token"))?;
        let token = parsed.token.or(parsed.access_token).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| malformed("gives no token"))?;
        let value = header(&format!("Bearer {token}")).ok_or_else(|| malformed("gives a token that is not text"))?;
        self.keep_secret(&token);
        Ok(value)
    }
}

fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    header(&format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
}

/// Returns a header that is in no log. `None` for characters that headers cannot have.
fn header(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
