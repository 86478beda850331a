//! Downloads and uploads with servers of the tests, most of them hostile.

mod credentials;
mod hostile;
mod server;
mod uploads;

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::options::TransferLimits;
use super::{DownloadCache, Downloaded, Downloader, RegistryError, RegistryErrorKind, Source, TransferOptions};
use crate::interrupt::{Interrupt, Signal};
use crate::reference::{Digest, Reference};
use server::{Server, artifact, registry, send};

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0 a component";

/// A cache, and the settings of downloads to it.
struct Client {
    folder: TempDir,
    options: TransferOptions,
    name_servers: Vec<SocketAddr>,
}

impl Client {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = TransferOptions::new().docker_config(folder.path());
        Self { folder, options, name_servers: Vec::new() }
    }

    /// Lowers limits, so that tests of them are fast.
    fn limits(mut self, change: impl FnOnce(&mut TransferLimits)) -> Self {
        change(&mut self.options.limits);
        self
    }

    fn cache(&self) -> DownloadCache {
        DownloadCache::at(self.folder.path().join("downloads"))
    }

    fn download_from(&self, reference: &Reference, source: Source) -> Result<Downloaded, RegistryError> {
        let (cache, name_servers) = (self.cache(), &*self.name_servers);
        Downloader { cache: &cache, name_servers, options: &self.options }.download(reference, None, source)
    }

    fn download(&self, reference: &Reference) -> Result<Downloaded, RegistryError> {
        self.download_from(reference, Source::Anywhere)
    }

    /// The error of a download, with what helps, and without the ports of servers.
    #[track_caller]
    fn error(&self, reference: &Reference) -> String {
        let error = self.download(reference).unwrap_err();
        let digits = regex::Regex::new(r"127\.0\.0\.1:\d+").unwrap();
        let text = std::iter::once(error.to_string()).chain(error.help()).collect::<Vec<_>>().join("\n");
        let text = text.replace(&*self.folder.path().to_string_lossy(), "HOME");
        digits.replace_all(&text, "127.0.0.1:PORT").into_owned()
    }
}

#[test]
fn a_component_is_downloaded_once_and_then_taken_from_the_cache() {
    let server = registry(artifact(COMPONENT), |_, _| false);
    let client = Client::new();
    let downloaded = client.download(&server.reference("clean:1")).unwrap();
    assert_eq!((std::fs::read(&downloaded.path).unwrap().as_slice(), downloaded.is_cached), (COMPONENT, false));
    assert_eq!(downloaded.digest, Digest::compute(COMPONENT));
    let requests = server.requests().len();
    for source in [Source::Cache, Source::Anywhere] {
        let again = client.download_from(&downloaded.pinned, source).unwrap();
        assert_eq!((again.is_cached, &again.path, &again.digest), (true, &downloaded.path, &downloaded.digest));
    }
    assert_eq!(server.requests().len(), requests, "a reference with a digest needs no request");
    let tag = client.download(&server.reference("clean:1")).unwrap();
    assert!(!tag.is_cached && server.requests().len() > requests, "a tag is resolved each time");

    std::fs::write(&downloaded.path, "changed").unwrap();
    let error = client.download_from(&downloaded.pinned, Source::Cache).unwrap_err();
    assert!(matches!(*error.kind, RegistryErrorKind::NotCached), "{error}");
    let again = client.download(&downloaded.pinned).unwrap();
    assert_eq!((std::fs::read(again.path).unwrap().as_slice(), again.is_cached), (COMPONENT, false));
}

#[test]
fn a_file_of_a_web_server_is_downloaded_and_verified() {
    let server = Server::new(|_, stream| send(stream, 200, "", COMPONENT));
    let client = Client::new();
    let url = format!("http://{}/clean.wasm?key=value", server.address);
    let downloaded = client.download(&Reference::parse(&url).unwrap()).unwrap();
    assert_eq!(server.requests()[0].path, "/clean.wasm?key=value");
    assert!(client.download_from(&downloaded.pinned, Source::Cache).unwrap().is_cached);
    let other = format!("{url}#sha256={}", Digest::compute(b"other").digits());
    let error = client.error(&Reference::parse(&other).unwrap());
    assert!(error.contains("the file has the digest sha256:") && !error.contains("key=value"), "{error}");
}

#[test]
fn the_digest_of_the_component_is_enough_to_download_it() {
    let server = registry(artifact(COMPONENT), |_, _| false);
    let client = Client::new();
    let (reference, digest) = (server.reference("clean:moved"), Digest::compute(COMPONENT));
    let cache = client.cache();
    let source = Downloader { cache: &cache, name_servers: &[], options: &client.options };
    let downloaded = source.download(&reference, Some(&digest), Source::Anywhere).unwrap();
    assert_eq!(downloaded.digest, digest);
    assert!(source.download(&reference, Some(&digest), Source::Cache).unwrap().is_cached);
}

#[test]
fn a_reference_without_a_digest_is_explained_with_the_digest_to_write() {
    let server = registry(artifact(COMPONENT), |_, _| false);
    let client = Client::new();
    let cache = client.cache();
    let source = Downloader { cache: &cache, name_servers: &[], options: &client.options };
    let pinned = client.download(&server.reference("clean:1")).unwrap().pinned;
    let error = source.pinned(&server.reference("clean:1").to_string()).unwrap_err();
    assert_eq!(error.help()[0], format!("write `{pinned}`"));
    assert_eq!(source.pinned(&pinned.to_string()).unwrap().digest, Digest::compute(COMPONENT));
    let missing = source.pinned(&server.reference("clean:2").to_string()).unwrap_err();
    assert!(matches!(*missing.kind, RegistryErrorKind::NotFound { .. }), "{missing}");
    let closed = source.pinned("oci://127.0.0.1:1/clean").unwrap_err();
    assert_eq!(closed.help()[0], "add its digest, which `stillbox pull` prints");
}

/// Triggers the interrupt of a download once `ready` returns, and returns the error and the time that it took from then on.
fn interrupted(client: Client, reference: Reference, ready: impl FnOnce()) -> (RegistryError, Duration) {
    let interrupt = Interrupt::new();
    let client = Client { options: client.options.clone().interrupt(&interrupt), ..client };
    let (ended, end) = channel();
    thread::spawn(move || {
        let _ = ended.send(client.download(&reference));
    });
    ready();
    let triggered = Instant::now();
    interrupt.trigger(Signal::Interrupt);
    let result = end.recv_timeout(Duration::from_secs(20)).expect("the download ends");
    (result.unwrap_err(), triggered.elapsed())
}

#[test]
fn an_interrupt_ends_a_download_whose_server_does_not_answer() {
    let (asked, question) = channel();
    let asked = parking_lot::Mutex::new(asked);
    let server = Server::new(move |_, _| {
        let _ = asked.lock().send(());
        thread::park();
    });
    let reference = server.reference("clean:1");
    let (error, time) = interrupted(Client::new(), reference, || question.recv().unwrap());
    assert!(matches!(*error.kind, RegistryErrorKind::Cancelled), "{error}");
    assert!(time < Duration::from_secs(2), "{time:?}");
}

#[test]
fn an_interrupt_ends_a_download_whose_name_is_not_resolved() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let client = Client { name_servers: vec![socket.local_addr().unwrap()], ..Client::new() };
    let reference = Reference::parse("oci://silent.example/clean:1").unwrap();
    let (error, time) = interrupted(client, reference, || {
        socket.recv_from(&mut [0; 512]).unwrap();
    });
    assert!(matches!(*error.kind, RegistryErrorKind::Cancelled), "{error}");
    assert!(time < Duration::from_secs(2), "{time:?}");
}
