//! Servers that tests start on the loopback interface.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A server. It ends with the tests.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: Mutex<Vec<Request>>,
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The first line.
    pub(crate) line: String,
    /// The lines of the headers.
    pub(crate) headers: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let is_it = |line: &&String| line.split_once(':').is_some_and(|(own, _)| own.eq_ignore_ascii_case(name));
        self.headers.iter().find(is_it).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    pub(crate) fn path(&self) -> &str {
        self.line.split(' ').nth(1).expect("a request has a path")
    }
}

impl Server {
    /// Starts a server that answers each request of a connection with the bytes that a function returns.
    pub(crate) fn new(answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::with_connections(move |stream, state| {
            let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
            while let Some(request) = read_request(&mut reader) {
                state.requests.lock().unwrap().push(request.clone());
                if (&stream).write_all(&answer(&request)).is_err() {
                    return;
                }
            }
        })
    }

    /// Starts a server that a function drives itself, connection by connection.
    pub(crate) fn raw(drive: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        Self::with_connections(move |stream, _| drive(stream))
    }

    fn with_connections(drive: impl Fn(TcpStream, &State) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback interface exists");
        let address = listener.local_addr().expect("it is bound");
        let (state, drive) = (Arc::new(State::default()), Arc::new(drive));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, drive) = (Arc::clone(&shared), Arc::clone(&drive));
                state.connections.fetch_add(1, Ordering::SeqCst);
                state.open.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    drive(stream, &state);
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, state }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The number of connections so far.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The number of connections that are open.
    pub(crate) fn open_connections(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }
}

/// Reads a request, or returns `None` at the end of the connection.
pub(crate) fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let headers = lines.split_off(1);
    let mut request = Request { line: lines.pop()?, headers, body: Vec::new() };
    if let Some(length) = request.header("content-length").and_then(|length| length.parse().ok()) {
        request.body.resize(length, 0);
        reader.read_exact(&mut request.body).ok()?;
    } else if request.header("transfer-encoding").is_some() {
        request.body = read_chunks(reader)?;
    }
    Some(request)
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        let start = body.len();
        body.resize(start + length, 0);
        reader.read_exact(&mut body[start..]).ok()?;
        reader.read_line(&mut line).ok()?;
        if length == 0 {
            return Some(body);
        }
    }
}

/// A response with a body.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

/// A successful response.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    response("200 OK", "", body)
}
