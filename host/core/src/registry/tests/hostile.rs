//! Servers that misbehave.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::server::{Server, artifact, registry, send};
use super::{COMPONENT, Client};
use crate::reference::{Digest, Reference};
use crate::registry::RegistryErrorKind;

/// Sends a head and then zeros, until the client goes away.
fn endless(stream: &mut TcpStream) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
    let zeros = vec![0; 64 << 10];
    while stream.write_all(&zeros).is_ok() {}
}

#[test]
fn answers_that_are_too_large_end_at_their_limit() {
    let small = |client: Client| {
        client.limits(|limits| (limits.manifest, limits.component, limits.other) = (1 << 20, 1 << 20, 1 << 20))
    };
    let client = small(Client::new());
    let manifest = registry(artifact(COMPONENT), |request, stream| {
        let is_it = request.path.contains("/manifests/");
        is_it.then(|| endless(stream)).is_some()
    });
    insta::assert_snapshot!(client.error(&manifest.reference("clean:1")), @"cannot download `oci://127.0.0.1:PORT/clean:1`: the manifest is larger than 1MiB, the most that is read");
    // A layer is at most as large as its manifest says.
    let component = registry(artifact(COMPONENT), |request, stream| {
        let is_it = request.path.contains("/blobs/");
        is_it.then(|| endless(stream)).is_some()
    });
    let error = client.download(&component.reference("clean:1")).unwrap_err();
    let RegistryErrorKind::TooLarge { limit, .. } = *error.kind else { panic!("{error}") };
    assert_eq!(limit, COMPONENT.len() as u64);
    let web = Server::new(|_, stream| endless(stream));
    let reference = Reference::parse(&format!("http://{}/clean.wasm", web.address)).unwrap();
    insta::assert_snapshot!(client.error(&reference), @"cannot download `http://127.0.0.1:PORT/clean.wasm`: the file is larger than 1MiB, the most that is read");
    let claimed = artifact(&vec![0; 2 << 20]);
    let claimed = registry(claimed, |_, _| false);
    insta::assert_snapshot!(client.error(&claimed.reference("clean:1")), @"cannot download `oci://127.0.0.1:PORT/clean:1`: the component is larger than 1MiB, the most that is read");
    let token = registry(artifact(COMPONENT), |request, stream| {
        if request.path.starts_with("/token") {
            endless(stream);
            return true;
        }
        let challenge = format!("www-authenticate: Bearer realm=\"http://{}/token\"\r\n", request.headers["host"]);
        send(stream, 401, &challenge, b"");
        true
    });
    insta::assert_snapshot!(client.error(&token.reference("clean:1")), @"cannot download `oci://127.0.0.1:PORT/clean:1`: the answer of the token server is larger than 1MiB, the most that is read");
}

#[test]
fn bytes_with_another_digest_are_not_used() {
    let mut files = artifact(COMPONENT);
    let name = format!("blobs/{}", Digest::compute(COMPONENT));
    files.insert(name, COMPONENT.iter().rev().copied().collect());
    let server = registry(files.clone(), |_, _| false);
    let client = Client::new();
    let error = client.error(&server.reference("clean:1"));
    assert!(error.contains("the component has the digest sha256:"), "{error}");
    let other = Digest::compute(b"other");
    files.insert(format!("manifests/{other}"), files["manifests/1"].clone());
    let server = registry(files, |_, _| false);
    let error = client.error(&server.reference(&format!("clean@{other}")));
    assert!(error.contains("the manifest has the digest sha256:"), "{error}");
    assert!(!client.folder.path().join("downloads").exists(), "nothing was stored");
}

#[test]
fn servers_that_are_silent_or_slow_end_at_the_time_limits() {
    let silent = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
        std::thread::park();
    });
    let started = Instant::now();
    let client = Client::new().limits(|limits| limits.idle = Duration::from_millis(100));
    insta::assert_snapshot!(client.error(&silent.reference("clean:1")), @"cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1:PORT: no next byte in time");
    let mute = Server::new(|_, _| std::thread::park());
    insta::assert_snapshot!(client.error(&mute.reference("clean:1")), @"cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1:PORT: no first byte in time");
    // One byte after the other.
    let slow = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    let client = Client::new().limits(|limits| limits.time = Duration::from_millis(300));
    insta::assert_snapshot!(client.error(&slow.reference("clean:1")), @r#"cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1:PORT: no complete response within the limit `time = "300ms"`"#);
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// A registry that answers every request with a redirect.
fn leading_to(location: impl Fn(&str) -> String + Send + Sync + 'static) -> Server {
    Server::new(move |request, stream| {
        let location = location(&request.headers["host"]);
        send(stream, 307, &format!("location: {location}\r\n"), b"");
    })
}

#[test]
fn redirects_do_not_lead_astray() {
    let client = Client::new();
    let mut errors = Vec::new();
    for location in [
        "http://example.org/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "file:///etc/passwd",
        "https://user:password@example.org/",
        "\u{1b}[2J",
    ] {
        let server = leading_to(move |_| location.to_owned());
        errors.push(client.error(&server.reference("clean:1")).lines().next().unwrap().to_owned());
        assert_eq!(server.requests().len(), 1);
    }
    insta::assert_snapshot!(errors.join("\n"), @"
    cannot download `oci://127.0.0.1:PORT/clean:1`: http://127.0.0.1:PORT leads to http://example.org, which is not encrypted
    cannot download `oci://127.0.0.1:PORT/clean:1`: http://127.0.0.1:PORT leads to https://10.0.0.1, whose address is refused: its address 10.0.0.1 is in a private network
    cannot download `oci://127.0.0.1:PORT/clean:1`: http://127.0.0.1:PORT leads to https://169.254.169.254, whose address is refused: its address 169.254.169.254 serves the metadata and keys of cloud machines
    cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1 leads to a place that is not a URL
    cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1 leads to a place that is not a URL
    cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1:PORT: invalid HTTP header parsed
    ");
    let circle = leading_to(|host| format!("http://{host}/v2/"));
    insta::assert_snapshot!(client.error(&circle.reference("clean:1")), @"cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1:PORT redirects without an end");
    assert_eq!(circle.requests().len(), 6);
}

#[test]
fn texts_of_servers_do_not_drive_a_terminal() {
    let client = Client::new();
    let server = Server::new(|_, stream| {
        let body = r#"{"errors":[{"code":"\u001b[2J","message":"a\u001b]0;title\u0007\nerror: forged \u202e"}]}"#;
        send(stream, 500, "", body.as_bytes());
    });
    insta::assert_snapshot!(client.error(&server.reference("clean:1")), @r"cannot download `oci://127.0.0.1:PORT/clean:1`: 127.0.0.1:PORT answered 500 Internal Server Error (\u{1b}[2J: a\u{1b}]0;title\u{7}\nerror: forged \u{202e})");
    for body in [&b"\xff\xfe"[..], b"{}", b"[]", b"{\"errors\":[]}", b"<html>", b""] {
        let body = body.to_vec();
        let server = Server::new(move |_, stream| send(stream, 418, "", &body));
        let error = client.error(&server.reference("clean:1"));
        assert!(error.contains("answered 418"), "{error}");
    }
}

#[test]
fn an_artifact_that_is_no_component_is_not_downloaded() {
    let image = br#"{"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":
        "application/vnd.oci.image.config.v1+json","digest":"sha256:0","size":1},"layers":[]}"#;
    let server = registry(HashMap::from([("manifests/1".to_owned(), image.to_vec())]), |_, _| false);
    insta::assert_snapshot!(Client::new().error(&server.reference("clean:1")), @"
    cannot download `oci://127.0.0.1:PORT/clean:1`: it is not a WebAssembly component: it is a container image
    components are pushed by `stillbox push`, or by `wkg oci push`
    ");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_server_that_does_not_speak_tls_is_explained() {
    // The other server would take the handshake for a request without an end.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let reference = Reference::parse(&format!("https://{address}/clean.wasm")).unwrap();
    insta::assert_snapshot!(Client::new().error(&reference), @"cannot download `https://127.0.0.1:PORT/clean.wasm`: 127.0.0.1:PORT: it does not speak TLS, and plain HTTP is for this machine only");
}
