//! Registries of components on the loopback interface: one in this process, and that of Docker where it is installed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::{Request, Server, response};

/// The user of [`DockerRegistry::with_password`], and the password.
pub(crate) const USER: &str = "user";
pub(crate) const PASSWORD: &str = "correct horse";
/// The same for the registry, hashed with bcrypt.
const PASSWORD_FILE: &str = "user:$2b$04$ubr5cMljR5.xj138BJOL.eJ3JvlGd6psEfsm7zMsob/H0E5d6VcpS\n";

/// Starts a registry that stores what is pushed to it. `change` may answer a request instead.
pub(crate) fn storing_registry(change: impl Fn(&Request) -> Option<Vec<u8>> + Send + Sync + 'static) -> Server {
    let files: Arc<Mutex<HashMap<String, Vec<u8>>>> = Arc::default();
    Server::new(move |request| {
        if let Some(answer) = change(request) {
            return answer;
        }
        let mut files = files.lock().unwrap();
        let (path, method) = (request.path(), request.line.split(' ').next().unwrap_or_default());
        match method {
            "POST" => response("202 Accepted", "location: /upload?state=a\r\n", ""),
            "PUT" if path.starts_with("/upload") => {
                files.insert(format!("blobs/{}", digest(&request.body)), request.body.clone());
                response("201 Created", "", "")
            }
            "PUT" => {
                files.insert(format!("manifests/{}", digest(&request.body)), request.body.clone());
                files.insert(name(path).to_owned(), request.body.clone());
                response("201 Created", "", "")
            }
            _ => match files.get(name(path)) {
                None => response("404 Not Found", "", "{\"errors\":[{\"code\":\"NAME_UNKNOWN\"}]}"),
                Some(_) if method == "HEAD" => response("200 OK", "", ""),
                Some(file) => {
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", file.len());
                    [head.as_bytes(), file].concat()
                }
            },
        }
    })
}

/// The part of a path from `blobs` or `manifests` on.
fn name(path: &str) -> &str {
    ["/blobs/", "/manifests/"].iter().find_map(|kind| path.find(kind)).map_or(path, |at| &path[at + 1..])
}

/// The digest of bytes, as registries write it.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Docker's registry, in a process that ends with this value.
pub(crate) struct DockerRegistry {
    process: Child,
    /// The host and port.
    pub(crate) address: String,
    _folder: TempDir,
}

impl DockerRegistry {
    /// Starts a registry for everyone. Returns `None`, with a message, where the package `docker-registry` is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("")
    }

    /// Starts a registry for [`USER`] with [`PASSWORD`].
    pub(crate) fn with_password() -> Option<Self> {
        Self::start_with("auth:\n  htpasswd: { realm: registry, path: FOLDER/passwords }\n")
    }

    fn start_with(settings: &str) -> Option<Self> {
        let folder = TempDir::new().expect("there is room for temporary files");
        let path = folder.path().display().to_string();
        let storage = format!("version: 0.1\nstorage:\n  filesystem: {{ rootdirectory: {path}/files }}\n");
        let config = format!("{storage}http: {{ addr: \"127.0.0.1:0\", secret: test }}\n{settings}");
        let file = folder.path().join("config.yml");
        fs::write(&file, config.replace("FOLDER", &path)).expect("the folder is new");
        fs::write(folder.path().join("passwords"), PASSWORD_FILE).expect("as above");
        let mut command = Command::new("docker-registry");
        let started = command.arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut process = match started {
            Ok(process) => process,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("skipped: docker-registry is not installed (apt-get install docker-registry)");
                return None;
            }
            Err(error) => panic!("docker-registry: {error}"),
        };
        let mut log = BufReader::new(process.stderr.take().expect("it is piped"));
        let mut lines = String::new();
        let address = loop {
            let start = lines.len();
            assert!(log.read_line(&mut lines).expect("the log is text") > 0, "docker-registry has ended: {lines}");
            if let Some((_, rest)) = lines[start..].split_once("listening on ") {
                break rest.split('"').next().expect("a split has a part").to_owned();
            }
        };
        // A full pipe would hold the registry up.
        thread::spawn(move || log.read_to_end(&mut Vec::new()));
        Some(Self { process, address, _folder: folder })
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
