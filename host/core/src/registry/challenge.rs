//! The header `www-authenticate`, by which a registry says how to authenticate (RFC 9110, section 11).

/// How a registry wants to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With user name and password.
    Basic,
    /// With a token of this server.
    Bearer { realm: String, service: Option<String>, scope: Option<String> },
}

/// The most parameters of a challenge.
const MAX_PARAMETERS: usize = 32;

impl Challenge {
    /// Parses the headers. A challenge for a token comes first, as registries offer the other one for old clients.
    pub(super) fn parse<'h>(headers: impl IntoIterator<Item = &'h str>) -> Option<Self> {
        let all: Vec<Self> = headers.into_iter().filter_map(parse_one).collect();
        let is_bearer = |challenge: &&Self| matches!(challenge, Self::Bearer { .. });
        all.iter().find(is_bearer).or_else(|| all.first()).cloned()
    }
}

fn parse_one(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameters = parameters(rest);
    let get =
        |name: &str| parameters.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
    Some(Challenge::Bearer { realm: get("realm")?, service: get("service"), scope: get("scope") })
}

/// Parses `name="value", name=value`. Stops at what has another form.
fn parameters(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while found.len() < MAX_PARAMETERS {
        text = text.trim_start_matches([' ', '\t', ',']);
        let Some((name, rest)) = text.split_once('=') else { break };
        let (value, rest) = if let Some(quoted) = rest.strip_prefix('"') {
            let Some(unquoted) = unquoted(quoted) else { break };
            unquoted
        } else {
            let end = rest.find([',', ' ', '\t']).unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        };
        found.push((name.trim().to_owned(), value));
        text = rest;
    }
    found
}

/// Reads a quoted value up to its end, and returns the rest.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut is_escaped) = (String::new(), false);
    for (at, character) in text.char_indices() {
        match character {
            '\\' if !is_escaped => is_escaped = true,
            '"' if !is_escaped => return Some((value, &text[at + 1..])),
            _ => {
                value.push(character);
                is_escaped = false;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_in_every_form() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| {
            let own = |text: Option<&str>| text.map(ToOwned::to_owned);
            Some(Challenge::Bearer { realm: realm.into(), service: own(service), scope: own(scope) })
        };
        let usual = r#"Bearer realm="https://auth.example/token",service="r.example",scope="repository:a/b:pull,push""#;
        let expected = bearer("https://auth.example/token", Some("r.example"), Some("repository:a/b:pull,push"));
        assert_eq!(Challenge::parse([usual]), expected);
        assert_eq!(Challenge::parse(["Basic realm=\"a\"", usual]), expected);
        assert_eq!(Challenge::parse(["bearer  realm=x , Service=\"a\\\"b\""]), bearer("x", Some("a\"b"), None));
        assert_eq!(Challenge::parse(["BASIC"]), Some(Challenge::Basic));
        for none in ["", "Negotiate", "Bearer", "Bearer service=\"a\"", "Bearer realm=\"a", "Bearer realm"] {
            assert_eq!(Challenge::parse([none]), None, "{none}");
        }
        let long = format!("Bearer {}realm=\"x\"", "a=b,".repeat(100));
        assert_eq!(Challenge::parse([&*long]), None);
    }
}
