//! A server whose answers a test writes, and a registry without tricks.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use crate::reference::Digest;
use crate::registry::manifest::{self, Description};

/// A request as it was received.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    /// With the query.
    pub(super) path: String,
    /// Names in lower case.
    pub(super) headers: HashMap<String, String>,
    pub(super) body: Vec<u8>,
}

/// A server on the loopback interface. It ends with the tests.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts a server. A function answers each request; then the connection is closed.
    pub(super) fn new(answer: impl Fn(&Request, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, answer) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::new(answer));
        let received = Arc::clone(&requests);
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let (received, answer) = (Arc::clone(&received), Arc::clone(&answer));
                thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    received.lock().push(request.clone());
                    answer(&request, &mut stream);
                });
            }
        });
        Self { address, requests }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().clone()
    }

    /// A reference to a component in this registry.
    pub(super) fn reference(&self, rest: &str) -> crate::reference::Reference {
        crate::reference::Reference::parse(&format!("oci://{}/{rest}", self.address)).unwrap()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut first = lines[0].split(' ').map(ToOwned::to_owned);
    let (method, path) = (first.next()?, first.next()?);
    let header =
        |line: &String| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let headers: HashMap<_, _> = lines[1..].iter().filter_map(header).collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, headers, body })
}

/// Sends a whole answer.
pub(super) fn send(stream: &mut TcpStream, status: u16, headers: &str, body: &[u8]) {
    let head =
        format!("HTTP/1.1 {status} Status\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
    // A client that was cancelled is gone.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// The files of an artifact, by their paths below its name.
pub(super) fn artifact(component: &[u8]) -> HashMap<String, Vec<u8>> {
    let description =
        Description { name: "clean", version: "1.0.0", summary: "", exports: &[], imports: &[], created: None };
    let digest = Digest::compute(component);
    let config = manifest::config(&description, &digest);
    let manifest = manifest::manifest(&description, &config, (&digest, component.len() as u64));
    HashMap::from([
        (format!("manifests/{}", Digest::compute(&manifest)), manifest.clone()),
        ("manifests/1".to_owned(), manifest),
        (format!("blobs/{}", Digest::compute(&config)), config),
        (format!("blobs/{digest}"), component.to_vec()),
    ])
}

/// Starts a registry that has files below `/v2/clean/`. `change` may answer a request instead.
pub(super) fn registry(
    files: HashMap<String, Vec<u8>>,
    change: impl Fn(&Request, &mut TcpStream) -> bool + Send + Sync + 'static,
) -> Server {
    Server::new(move |request, stream| {
        if change(request, stream) {
            return;
        }
        match request.path.strip_prefix("/v2/clean/").and_then(|path| files.get(path)) {
            Some(file) => send(stream, 200, "", file),
            None => send(stream, 404, "", br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#),
        }
    })
}
