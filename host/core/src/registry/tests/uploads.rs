//! Uploads to a registry that keeps what it gets.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::server::{Server, send};
use super::{COMPONENT, Client};
use crate::reference::{Digest, Reference};
use crate::registry::{Artifact, RegistryError, RegistryErrorKind, upload};

fn artifact() -> Artifact {
    Artifact {
        component: Bytes::from_static(COMPONENT),
        name: "clean".into(),
        version: "1.0.0".into(),
        summary: String::new(),
        exports: Vec::new(),
        imports: Vec::new(),
        created: None,
    }
}

/// A registry that stores what it gets. Uploads go to a place of this form, in which `HOST` is the registry.
fn storing(place: &'static str) -> Server {
    let files: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::default();
    Server::new(move |request, stream| {
        let mut files = files.lock();
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        match &*request.method {
            "POST" => {
                let place = place.replace("HOST", &request.headers["host"]);
                send(stream, 202, &format!("location: {place}\r\n"), b"");
            }
            "PUT" if path.starts_with("/upload/") => {
                let digest = Digest::compute(&request.body);
                let is_asked = query.ends_with(&format!("digest={}", digest.as_str().replace(':', "%3A")));
                if is_asked && query.starts_with("state=a") {
                    files.insert(format!("/v2/clean/blobs/{digest}"), request.body.clone());
                    send(stream, 201, "", b"");
                } else {
                    send(stream, 400, "", b"");
                }
            }
            "PUT" => {
                files.insert(format!("/v2/clean/manifests/{}", Digest::compute(&request.body)), request.body.clone());
                files.insert(path.to_owned(), request.body.clone());
                send(stream, 201, "", b"");
            }
            _ => match files.get(path) {
                Some(_) if request.method == "HEAD" => send(stream, 200, "", b""),
                Some(file) => send(stream, 200, "", file),
                None => send(stream, 404, "", b""),
            },
        }
    })
}

fn push(client: &Client, reference: &Reference) -> Result<Reference, RegistryError> {
    upload(reference, artifact(), &[], &client.options)
}

#[test]
fn the_same_component_has_the_same_digest_and_is_uploaded_once() {
    for place in ["http://HOST/upload/1?state=a", "/upload/1?state=a"] {
        let server = storing(place);
        let client = Client::new();
        let pinned = push(&client, &server.reference("clean:1")).unwrap();
        let puts = |server: &Server| server.requests().iter().filter(|request| request.method == "PUT").count();
        assert_eq!(puts(&server), 3);
        assert_eq!(push(&client, &server.reference("clean:1")).unwrap(), pinned);
        assert_eq!(puts(&server), 4, "only the manifest was uploaded again");
        let downloaded = client.download(&pinned).unwrap();
        assert_eq!(downloaded.digest, Digest::compute(COMPONENT));
    }
}

#[test]
fn an_upload_does_not_go_to_other_servers() {
    for place in ["http://example.org/upload", "https://10.0.0.1/upload", "mailto:a"] {
        let server = storing(place);
        let error = push(&Client::new(), &server.reference("clean:1")).unwrap_err();
        let is_led = matches!(*error.kind, RegistryErrorKind::Led { .. } | RegistryErrorKind::Malformed(_));
        assert!(is_led, "{place}: {error:?}");
    }
}

#[test]
fn a_reference_that_nothing_can_be_uploaded_to_is_an_error() {
    let client = Client::new();
    let texts = ["oci://127.0.0.1:1/clean", "https://example.org/clean.wasm"];
    let errors = texts.map(|text| {
        let error = push(&client, &Reference::parse(text).unwrap()).unwrap_err();
        format!("{error}: {}", error.help().join("; "))
    });
    insta::assert_snapshot!(errors.join("\n"), @"
    cannot upload `oci://127.0.0.1:1/clean`: it has no tag: write `oci://127.0.0.1:1/clean:TAG`
    cannot upload `https://example.org/clean.wasm`: components are uploaded to registries alone: write `oci://REGISTRY/NAME:TAG`
    ");
    let large = Client::new().limits(|limits| limits.component = 3);
    let error = push(&large, &Reference::parse("oci://127.0.0.1:1/clean:1").unwrap()).unwrap_err();
    assert!(matches!(*error.kind, RegistryErrorKind::TooLarge { .. }), "{error}");
    let wrong = Server::new(|request, stream| match &*request.method {
        "PUT" => send(stream, 201, &format!("docker-content-digest: {}\r\n", Digest::compute(b"other")), b""),
        _ => send(stream, 200, "", b""),
    });
    let error = push(&client, &wrong.reference("clean:1")).unwrap_err();
    assert!(matches!(*error.kind, RegistryErrorKind::WrongDigest { .. }), "{error}");
}
