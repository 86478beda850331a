//! Downloads a component, or takes it from the cache.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use hyper::{Method, StatusCode};

use super::cache::{CacheFile, DownloadCache};
use super::credentials::{self, Found};
use super::error::{RegistryError, RegistryErrorKind};
use super::manifest::{self, ACCEPTED, Layer};
use super::options::TransferOptions;
use super::session::{Ask, Session};
use crate::event::Event;
use crate::grants::HttpUrl;
use crate::reference::{Digest, OciReference, Reference, WebReference};
use crate::text::shown;

/// A component that is in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// The file, in the cache.
    pub path: PathBuf,
    /// The digest of the file.
    pub digest: Digest,
    /// The reference with its digest.
    pub pinned: Reference,
    /// Whether it was in the cache before.
    pub is_cached: bool,
}

/// Where a component may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// From the cache, or else from its server.
    Anywhere,
    /// From the cache alone.
    Cache,
}

/// Downloads components.
pub(crate) struct Downloader<'d> {
    pub(crate) cache: &'d DownloadCache,
    pub(crate) name_servers: &'d [SocketAddr],
    pub(crate) options: &'d TransferOptions,
}

/// A component and, from a registry, its manifest.
struct Received {
    component: Bytes,
    manifest: Option<Bytes>,
}

impl Downloader<'_> {
    /// Returns a component. If the reference has no digest, `digest` is that of the file, if it is known.
    ///
    /// A component with a digest that is in the cache is returned without a request.
    ///
    /// # Errors
    /// It cannot be downloaded, is no component, or has another digest.
    pub(crate) fn download(
        &self,
        reference: &Reference,
        digest: Option<&Digest>,
        source: Source,
    ) -> Result<Downloaded, RegistryError> {
        self.try_download(reference, digest, source).map_err(|kind| RegistryError::new(reference, false, kind))
    }

    /// Returns the error of a reference without a digest. It asks for the present one, to say what to write, and is the error of
    /// that if the server has no such component.
    pub(crate) fn unpinned(&self, reference: &Reference) -> RegistryError {
        let how = match self.download(reference, None, Source::Anywhere) {
            Ok(Downloaded { digest, .. }) if matches!(reference, Reference::Web(_)) => {
                Some(format!("add `#sha256={}`", digest.digits()))
            }
            Ok(Downloaded { pinned, .. }) => Some(format!("write `{pinned}`")),
            Err(error) if matches!(*error.kind, RegistryErrorKind::Connection { .. }) => None,
            Err(error) => return error,
        };
        RegistryError::new(reference, false, RegistryErrorKind::Unpinned { how })
    }

    /// Returns the component of a reference that has a digest, for programs that call a single step.
    ///
    /// # Errors
    /// As [`download`](Self::download); and the text is no reference, or one without a digest.
    pub(crate) fn pinned(&self, text: &str) -> Result<Downloaded, RegistryError> {
        let reference = Reference::parse(text).map_err(|problem| RegistryError {
            reference: shown(text),
            is_upload: false,
            kind: Box::new(RegistryErrorKind::Reference(problem)),
        })?;
        match reference.digest() {
            Some(_) => self.download(&reference, None, Source::Anywhere),
            None => Err(self.unpinned(&reference)),
        }
    }

    fn try_download(
        &self,
        reference: &Reference,
        digest: Option<&Digest>,
        source: Source,
    ) -> Result<Downloaded, RegistryErrorKind> {
        let directory = self.cache.directory().ok_or(RegistryErrorKind::NoDirectory)?;
        let limits = self.options.limits;
        let digest = digest.filter(|_| reference.digest().is_none());
        let get = |digest: &Digest| self.cache.get(CacheFile::Component, digest, limits.component);
        let known = match reference {
            Reference::Web(web) => web.digest.clone().or_else(|| digest.cloned()),
            Reference::Oci(oci) => match &oci.digest {
                Some(manifest) => self.layer_in_cache(manifest).map(|layer| layer.digest),
                None => digest.cloned(),
            },
        };
        if let Some((digest, (path, _))) = known.and_then(|digest| Some((digest.clone(), get(&digest)?))) {
            return Ok(Downloaded { path, digest, pinned: reference.clone(), is_cached: true });
        }
        if source == Source::Cache {
            return Err(RegistryErrorKind::NotCached);
        }
        let received = self.receive(reference, digest)?;
        let put = |kind, digest: &Digest, bytes: &[u8]| {
            let cached = self.cache.put(kind, digest, bytes);
            cached.map_err(|error| RegistryErrorKind::Cache(directory.to_owned(), error))
        };
        let component = Digest::compute(&received.component);
        let path = put(CacheFile::Component, &component, &received.component)?.ok_or(RegistryErrorKind::NoDirectory)?;
        let pinned = match &received.manifest {
            Some(manifest) => {
                let digest = Digest::compute(manifest);
                put(CacheFile::Manifest, &digest, manifest)?;
                reference.with_digest(digest)
            }
            None if matches!(reference, Reference::Web(_)) => reference.with_digest(component.clone()),
            None => reference.clone(),
        };
        Ok(Downloaded { path, digest: component, pinned, is_cached: false })
    }

    fn layer_in_cache(&self, manifest: &Digest) -> Option<Layer> {
        let (_, bytes) = self.cache.get(CacheFile::Manifest, manifest, self.options.limits.manifest)?;
        manifest::parse(&bytes).ok()
    }

    /// Downloads a component. Its bytes have the digests that are known.
    fn receive(&self, reference: &Reference, digest: Option<&Digest>) -> Result<Received, RegistryErrorKind> {
        let text = reference.to_string();
        match reference {
            Reference::Web(web) => {
                self.options.report(&Event::Downloading { reference: &text });
                let session = self.session(root(&web.url), (String::new(), ""), Found::default());
                let expected = web.digest.clone().or_else(|| digest.cloned());
                let web = web.clone();
                session.run(self.options, |session| web_component(session, web, expected))
            }
            Reference::Oci(oci) => {
                let found = credentials::find(&oci.credential_keys(), self.options);
                if self.options.interrupt.is_triggered() {
                    return Err(RegistryErrorKind::Cancelled);
                }
                self.options.report(&Event::Downloading { reference: &text });
                let session = self.session(oci.server(), (oci.repository.clone(), "pull"), found);
                let (oci, digest) = (oci.clone(), digest.cloned());
                session.run(self.options, |session| component(session, oci, digest))
            }
        }
    }

    fn session(&self, home: HttpUrl, rights: (String, &'static str), found: Found) -> Session {
        Session::new(self.name_servers, self.options, home, rights, found)
    }
}

/// Returns the URL of a server, without a path.
fn root(url: &HttpUrl) -> HttpUrl {
    let text = format!("{}://{}/", url.scheme.name(), url.authority());
    HttpUrl::parse(&text).expect("the server of a URL has one")
}

async fn web_component(
    mut session: Session,
    web: WebReference,
    expected: Option<Digest>,
) -> Result<Received, RegistryErrorKind> {
    let ask = Ask {
        method: Method::GET,
        url: web.url,
        accept: "",
        body: None,
        max_bytes: session.limits.component,
        what: "the file",
    };
    let answer = session.ask(&ask).await?;
    if answer.status != StatusCode::OK {
        return Err(session.error_of(&answer));
    }
    check("the file", &answer.body, expected.as_ref())?;
    Ok(Received { component: answer.body, manifest: None })
}

/// Downloads a component from a registry. Without a manifest in the reference, the digest of the component is enough: registries
/// serve a layer by its digest.
async fn component(
    mut session: Session,
    oci: OciReference,
    digest: Option<Digest>,
) -> Result<Received, RegistryErrorKind> {
    if let (None, Some(digest)) = (&oci.digest, digest) {
        let max_bytes = session.limits.component;
        let component = layer(&mut session, &oci, digest.clone(), max_bytes).await.map_err(|kind| match kind {
            RegistryErrorKind::NotFound { host, answer, .. } => {
                RegistryErrorKind::NotFound { host, answer, file: Some(digest) }
            }
            other => other,
        })?;
        return Ok(Received { component, manifest: None });
    }
    let version = oci.digest.as_ref().map_or_else(|| oci.tag_or_latest(), Digest::as_str);
    let ask = Ask {
        method: Method::GET,
        url: url(&oci, &format!("manifests/{version}"))?,
        accept: ACCEPTED,
        body: None,
        max_bytes: session.limits.manifest,
        what: "the manifest",
    };
    let answer = session.ask(&ask).await?;
    if answer.status != StatusCode::OK {
        return Err(session.error_of(&answer));
    }
    check("the manifest", &answer.body, oci.digest.as_ref())?;
    let Layer { digest, size } = manifest::parse(&answer.body)?;
    let limit = session.limits.component;
    if size > limit {
        return Err(RegistryErrorKind::TooLarge { what: "the component", limit });
    }
    let component = layer(&mut session, &oci, digest, size).await?;
    Ok(Received { component, manifest: Some(answer.body) })
}

async fn layer(
    session: &mut Session,
    oci: &OciReference,
    digest: Digest,
    max_bytes: u64,
) -> Result<Bytes, RegistryErrorKind> {
    let ask = Ask {
        method: Method::GET,
        url: url(oci, &format!("blobs/{digest}"))?,
        accept: "",
        body: None,
        max_bytes,
        what: "the component",
    };
    let answer = session.ask(&ask).await?;
    if answer.status != StatusCode::OK {
        return Err(session.error_of(&answer));
    }
    check("the component", &answer.body, Some(&digest))?;
    Ok(answer.body)
}

/// Returns the URL of something that belongs to a name in a registry.
pub(super) fn url(oci: &OciReference, path: &str) -> Result<HttpUrl, RegistryErrorKind> {
    let url = HttpUrl::parse(&format!("{}v2/{}/{path}", oci.server(), oci.repository));
    url.map_err(|problem| RegistryErrorKind::Malformed(format!("its URL {problem}")))
}

fn check(what: &'static str, bytes: &[u8], expected: Option<&Digest>) -> Result<(), RegistryErrorKind> {
    let found = Digest::compute(bytes);
    match expected {
        Some(expected) if *expected != found => {
            Err(RegistryErrorKind::WrongDigest { what, expected: expected.clone(), found })
        }
        _ => Ok(()),
    }
}
