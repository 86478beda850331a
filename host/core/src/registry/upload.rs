//! Uploads a component to a registry.

use std::net::SocketAddr;
use std::time::SystemTime;

use bytes::Bytes;
use hyper::header::LOCATION;
use hyper::{Method, StatusCode};
use url::Url;

use super::credentials;
use super::download::url;
use super::error::{RegistryError, RegistryErrorKind};
use super::manifest::{self, Description, MANIFEST};
use super::options::TransferOptions;
use super::session::{Answer, Ask, Session};
use crate::event::Event;
use crate::grants::HttpUrl;
use crate::reference::{Digest, OciReference, Reference};

/// The media type of bytes that are uploaded.
const BYTES: &str = "application/octet-stream";

/// A component with its description.
pub(crate) struct Artifact {
    pub(crate) component: Bytes,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
    pub(crate) exports: Vec<String>,
    pub(crate) imports: Vec<String>,
    /// The time of its creation. `None` for one that does not change.
    pub(crate) created: Option<SystemTime>,
}

/// Checks that a component can be uploaded to a reference, without a request.
///
/// # Errors
/// The reference has no tag or is none of a registry.
pub(crate) fn check_target(reference: &Reference) -> Result<(), RegistryError> {
    target(reference).map(drop).map_err(|kind| RegistryError::new(reference, true, kind))
}

/// Returns the name and the tag to upload to.
fn target(reference: &Reference) -> Result<(&OciReference, &str), RegistryErrorKind> {
    let Reference::Oci(oci) = reference else { return Err(RegistryErrorKind::NotARegistry) };
    Ok((oci, oci.tag.as_deref().ok_or(RegistryErrorKind::NoTag)?))
}

/// Uploads a component to the tag of a reference, and returns the reference with its digest. The same artifact has the same digest.
///
/// # Errors
/// The reference has no tag or is none of a registry, or the registry does not take the component.
pub(crate) fn upload(
    reference: &Reference,
    artifact: Artifact,
    name_servers: &[SocketAddr],
    options: &TransferOptions,
) -> Result<Reference, RegistryError> {
    let uploaded = || {
        let (oci, tag) = target(reference)?;
        let tag = tag.to_owned();
        let limit = options.limits.component;
        if artifact.component.len() as u64 > limit {
            return Err(RegistryErrorKind::TooLarge { what: "the component", limit });
        }
        let found = credentials::find(&oci.credential_keys(), options);
        if options.interrupt.is_triggered() {
            return Err(RegistryErrorKind::Cancelled);
        }
        options.report(&Event::Uploading { reference: &reference.to_string() });
        let rights = (oci.repository.clone(), "pull,push");
        let session = Session::new(name_servers, options, oci.server(), rights, found);
        let oci = oci.clone();
        let manifest = session.run(options, |session| push(session, oci, tag, artifact))?;
        Ok(reference.with_digest(manifest))
    };
    uploaded().map_err(|kind| RegistryError::new(reference, true, kind))
}

async fn push(
    mut session: Session,
    oci: OciReference,
    tag: String,
    artifact: Artifact,
) -> Result<Digest, RegistryErrorKind> {
    let Artifact { component, name, version, summary, exports, imports, created } = artifact;
    let description = Description {
        name: &name,
        version: &version,
        summary: &summary,
        exports: &exports,
        imports: &imports,
        created,
    };
    let digest = Digest::compute(&component);
    let config = manifest::config(&description, &digest);
    let manifest = Bytes::from(manifest::manifest(&description, &config, (&digest, component.len() as u64)));
    blob(&mut session, &oci, component, &digest).await?;
    let config_digest = Digest::compute(&config);
    blob(&mut session, &oci, config.into(), &config_digest).await?;
    let expected = Digest::compute(&manifest);
    let put = ask(&session, Method::PUT, url(&oci, &format!("manifests/{tag}"))?, Some((MANIFEST, manifest)));
    let answer = session.ask(&put).await?;
    if !answer.status.is_success() {
        return Err(session.error_of(&answer));
    }
    let stored = answer.headers.get("docker-content-digest").and_then(|header| header.to_str().ok());
    match stored.map(Digest::parse) {
        Some(Ok(found)) if found != expected => {
            Err(RegistryErrorKind::WrongDigest { what: "the manifest in the registry", expected, found })
        }
        _ => Ok(expected),
    }
}

/// Uploads bytes, unless the registry has them.
async fn blob(
    session: &mut Session,
    oci: &OciReference,
    bytes: Bytes,
    digest: &Digest,
) -> Result<(), RegistryErrorKind> {
    let head = ask(session, Method::HEAD, url(oci, &format!("blobs/{digest}"))?, None);
    if session.ask(&head).await?.status == StatusCode::OK {
        return Ok(());
    }
    let start = ask(session, Method::POST, url(oci, "blobs/uploads/")?, Some((BYTES, Bytes::new())));
    let started = session.ask(&start).await?;
    if started.status != StatusCode::ACCEPTED {
        return Err(session.error_of(&started));
    }
    let place = upload_place(session, &started, digest)?;
    let put = ask(session, Method::PUT, place, Some((BYTES, bytes)));
    let answer = session.ask(&put).await?;
    if answer.status.is_success() { Ok(()) } else { Err(session.error_of(&answer)) }
}

/// Returns where the registry wants the bytes.
fn upload_place(session: &Session, started: &Answer, digest: &Digest) -> Result<HttpUrl, RegistryErrorKind> {
    let malformed = || RegistryErrorKind::Malformed(format!("{} names no place for the upload", session.home.host));
    let location = started.headers.get(LOCATION).ok_or_else(malformed)?;
    let place = session.location(&started.url, location)?;
    let mut place = Url::parse(&place.with_query()).map_err(|_| malformed())?;
    place.query_pairs_mut().append_pair("digest", digest.as_str());
    HttpUrl::parse(place.as_str()).map_err(|_| malformed())
}

fn ask(session: &Session, method: Method, url: HttpUrl, body: Option<(&'static str, Bytes)>) -> Ask {
    Ask { method, url, accept: "", body, max_bytes: session.limits.other, what: "the answer of the registry" }
}
