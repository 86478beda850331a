//! Which credentials are sent, and where to.

use std::fs;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::server::{Request, Server, artifact, registry, send};
use super::{COMPONENT, Client};
use crate::reference::Reference;
use crate::registry::RegistryErrorKind;
use crate::registry::credentials::find;

/// `user:correct horse`.
const AUTH: &str = "dXNlcjpjb3JyZWN0IGhvcnNl";
const PASSWORD: &str = "correct horse";
const TOKEN: &str = "token-of-the-server";

impl Client {
    fn with_config(self, json: &str) -> Self {
        fs::write(self.folder.path().join("config.json"), json).unwrap();
        self
    }

    fn with_password(self, server: &Server) -> Self {
        let host = server.address;
        self.with_config(&format!(r#"{{"auths":{{"{host}":{{"auth":"{AUTH}"}}}}}}"#))
    }
}

/// Asks for a token of this server, in which the host of the registry is `HOST`.
fn challenge(request: &Request, stream: &mut TcpStream, realm: &str) {
    let realm = realm.replace("HOST", &request.headers["host"]);
    let header =
        format!("www-authenticate: Bearer realm=\"{realm}\",service=\"r\",scope=\"repository:other:push\"\r\n");
    send(stream, 401, &header, b"");
}

fn authorization(request: &Request) -> Option<&str> {
    request.headers.get("authorization").map(String::as_str)
}

/// A registry that wants a token, and gives one to a user with a password. A token is good for `most` requests.
fn with_tokens(most: usize) -> Server {
    let (given, used) = (AtomicUsize::new(0), AtomicUsize::new(0));
    registry(artifact(COMPONENT), move |request, stream| {
        if request.path.starts_with("/token") {
            let is_user = authorization(request) == Some(&format!("Basic {AUTH}"));
            let token = format!("{{\"token\":\"{TOKEN}-{}\"}}", given.fetch_add(1, Ordering::SeqCst));
            let (status, body) = if is_user { (200, &*token) } else { (401, "") };
            send(stream, status, "", body.as_bytes());
            used.store(0, Ordering::SeqCst);
            return true;
        }
        let valid = format!("Bearer {TOKEN}-{}", given.load(Ordering::SeqCst).wrapping_sub(1));
        if authorization(request) == Some(&valid) && used.fetch_add(1, Ordering::SeqCst) < most {
            return false;
        }
        challenge(request, stream, "http://HOST/token?x=y");
        true
    })
}

#[test]
fn a_token_is_asked_for_with_the_password_and_again_when_it_has_expired() {
    let server = with_tokens(1);
    let client = Client::new().with_password(&server);
    client.download(&server.reference("clean:1")).unwrap();
    let asked: Vec<_> = server.requests().into_iter().filter(|request| request.path.starts_with("/token")).collect();
    assert_eq!(asked.len(), 2);
    // The scope is that of the component, whatever the registry has asked for.
    assert_eq!(asked[0].path, "/token?x=y&service=r&scope=repository%3Aclean%3Apull");
    assert_eq!(authorization(&server.requests()[0]), None, "nothing is sent before it is asked for");
}

#[test]
fn a_token_that_is_never_accepted_is_asked_for_once() {
    let server = with_tokens(0);
    let client = Client::new().with_password(&server);
    insta::assert_snapshot!(client.error(&server.reference("clean:1")), @"
    cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1:PORT does not permit it: 401 Unauthorized
    registries answer like this for a name that does not exist, too: check `clean`
    the credentials of `HOME/config.json` for `127.0.0.1:PORT` may have expired, or lack the right
    ");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn a_missing_package_is_told_from_missing_credentials() {
    let server = with_tokens(9);
    insta::assert_snapshot!(Client::new().error(&server.reference("clean:1")), @"
    cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1:PORT does not permit it: 401 Unauthorized
    registries answer like this for a name that does not exist, too: check `clean`
    no credentials were sent: there is no `HOME/config.json`, which `docker login 127.0.0.1:PORT` creates
    ");
    let denied = Server::new(|_, stream| {
        send(stream, 403, "", br#"{"errors":[{"code":"DENIED","message":"requested access is denied"}]}"#);
    });
    insta::assert_snapshot!(Client::new().with_config("{}").error(&denied.reference("org/clean:1")), @"
    cannot download `oci://127.0.0.1:PORT/org/clean:1`: 127.0.0.1:PORT does not permit it: 403 Forbidden (DENIED: requested access is denied)
    registries answer like this for a name that does not exist, too: check `org/clean`
    no credentials were sent: `HOME/config.json` has none for `127.0.0.1:PORT`, which `docker login 127.0.0.1:PORT` adds
    ");
    insta::assert_snapshot!(Client::new().with_password(&denied).error(&denied.reference("org/clean:1")), @"
    cannot download `oci://127.0.0.1:PORT/org/clean:1`: 127.0.0.1:PORT does not permit it: 403 Forbidden (DENIED: requested access is denied)
    registries answer like this for a name that does not exist, too: check `org/clean`
    the credentials of `HOME/config.json` for `127.0.0.1:PORT` may have expired, or lack the right
    ");
    let broken = Client::new().with_config("{\"auths\":{\"a\":{\"auth\":\"c2VjcmV0\"");
    let error = broken.error(&denied.reference("org/clean:1"));
    assert!(error.ends_with("it is not the configuration of Docker (line 1, column 32)"), "{error}");
}

#[test]
fn credentials_are_not_sent_to_another_server() {
    let other = Server::new(|_, stream| send(stream, 200, "", COMPONENT));
    let elsewhere = other.address;
    let server = registry(artifact(COMPONENT), move |request, stream| {
        if authorization(request) != Some(&format!("Basic {AUTH}")) {
            send(stream, 401, "www-authenticate: Basic realm=\"r\"\r\n", b"");
            return true;
        }
        let is_blob = request.path.contains("/blobs/");
        if is_blob {
            send(stream, 307, &format!("location: http://{elsewhere}/blob\r\n"), b"");
        }
        is_blob
    });
    let client = Client::new().with_password(&server);
    client.download(&server.reference("clean:1")).unwrap();
    let requests = other.requests();
    assert_eq!(requests.iter().map(authorization).collect::<Vec<_>>(), [None]);
    assert!(server.requests().iter().any(|request| authorization(request).is_some()));
    // A challenge of the other server is not answered either.
    let other = Server::new(|request, stream| challenge(request, stream, "http://HOST/token"));
    let elsewhere = other.address;
    let server = Server::new(move |_, stream| send(stream, 307, &format!("location: http://{elsewhere}/\r\n"), b""));
    let client = Client::new().with_password(&server);
    let error = client.download(&server.reference("clean:1")).unwrap_err();
    assert!(matches!(*error.kind, RegistryErrorKind::Rejected { .. }), "{error}");
    assert_eq!(other.requests().len(), 1);
}

#[test]
fn a_token_server_of_another_site_gets_no_credentials() {
    let mut errors = Vec::new();
    for realm in
        ["https://example.org/token", "http://example.org/token", "https://10.0.0.1/token", "nowhere", "file:///x"]
    {
        let server = Server::new(move |request, stream| challenge(request, stream, realm));
        let client = Client::new().with_password(&server);
        errors.push(client.error(&server.reference("clean:1")));
        assert_eq!(server.requests().len(), 1, "{realm}");
    }
    insta::assert_snapshot!(errors.join("\n"), @"
    cannot download `oci://127.0.0.1:PORT/clean:1`: http://127.0.0.1:PORT leads to https://example.org, a token server of another site, to which no credentials are sent
    cannot download `oci://127.0.0.1:PORT/clean:1`: http://127.0.0.1:PORT leads to http://example.org, a token server that is not encrypted
    cannot download `oci://127.0.0.1:PORT/clean:1`: http://127.0.0.1:PORT leads to https://10.0.0.1, a token server of another site, to which no credentials are sent
    cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1 names the token server `nowhere`, which is not a URL
    cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1 names the token server `file:///x`, which does not start with `http://` or `https://`
    ");
    let server = Server::new(|request, stream| match &*request.path {
        path if path.starts_with("/token") => send(stream, 302, "location: /token\r\n", b""),
        _ => challenge(request, stream, "http://HOST/token"),
    });
    insta::assert_snapshot!(Client::new().with_password(&server).error(&server.reference("clean:1")), @"cannot download `oci://127.0.0.1:PORT/clean:1`: http://127.0.0.1:PORT leads to http://127.0.0.1:PORT, a token server that leads elsewhere");
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn errors_contain_no_credentials() {
    let server = Arc::new(Server::new(|request, stream| {
        let all: String = request.headers.values().map(String::as_str).collect::<Vec<_>>().join(" ");
        if request.path.starts_with("/token") {
            return send(stream, 200, "", format!("{{\"token\":\"{TOKEN}\"}}").as_bytes());
        }
        if authorization(request).is_none() {
            return challenge(request, stream, "http://HOST/token");
        }
        let body = serde_json::json!({ "errors": [{ "code": PASSWORD, "message": format!("{AUTH} {all}") }] });
        send(stream, 500, "", body.to_string().as_bytes());
    }));
    let client = Client::new().with_password(&server);
    let error = client.download(&server.reference("clean:1")).unwrap_err();
    let text = format!("{error} {error:?} {:?} {:?}", error.help(), client.options);
    assert!(text.contains("500"), "{text}");
    for secret in [PASSWORD, AUTH, TOKEN, &AUTH[8..]] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    // A password that is too short to be found in a text: no text of the server is shown.
    let host = server.address;
    let client =
        Client::new().with_config(&format!(r#"{{"auths":{{"{host}":{{"username":"user","password":"abc"}}}}}}"#));
    let error = client.download(&server.reference("clean:1")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("user:"), "{error}");
}

#[test]
fn the_configuration_of_docker_has_several_forms() {
    let keys = |reference: &str| {
        let Reference::Oci(oci) = Reference::parse(reference).unwrap() else { panic!("{reference}") };
        oci
    };
    let found = |json: &str, reference: &str| {
        let client = Client::new().with_config(json);
        find(&keys(reference).credential_keys(), &client.options).credential.is_some()
    };
    let auth = |key: &str| format!(r#"{{"auths":{{"{key}":{{"auth":"{AUTH}"}}}}}}"#);
    let hub = "oci://docker.io/org/clean";
    for key in ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "https://registry-1.docker.io/v2/"] {
        assert!(found(&auth(key), hub), "{key}");
    }
    for key in ["ghcr.io", "https://ghcr.io", "https://ghcr.io/v2/", "http://ghcr.io"] {
        assert!(found(&auth(key), "oci://ghcr.io/org/clean"), "{key}");
        assert!(!found(&auth(key), hub), "{key}");
        assert!(!found(&auth(key), "oci://ghcr.io:8443/org/clean"), "{key}");
        assert!(!found(&auth(key), "oci://ghcr.io.example.org/clean"), "{key}");
    }
    let entry = |entry: &str| found(&format!(r#"{{"auths":{{"ghcr.io":{entry}}}}}"#), "oci://ghcr.io/a");
    assert!(entry(r#"{"username":"a","password":"b"}"#));
    assert!(entry(r#"{"identitytoken":"a"}"#) && entry(r#"{"registrytoken":"a"}"#));
    for none in ["{}", r#"{"auth":""}"#, r#"{"auth":"%"}"#, r#"{"auth":"dXNlcg=="}"#, r#"{"username":"a"}"#] {
        assert!(!entry(none), "{none}");
    }
}
