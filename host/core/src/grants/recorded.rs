//! Recorded responses, which take the place of the network in the cases of a step.
//!
//! A file has the request and the response as they would be sent:
//!
//! ```text
//! POST https://api.example.org/v1/score
//!
//! {"text": "some words"}
//!
//! HTTP/1.1 200
//! content-type: application/json
//!
//! {"score": 0.5}
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::url_rule::HttpUrl;

/// A request and its response.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedExchange {
    /// The method of the request.
    pub method: String,
    /// The URL of the request, in its normal form.
    pub url: String,
    /// The body of the request.
    pub request_body: Vec<u8>,
    /// The status code of the response.
    pub status: u16,
    /// The headers of the response.
    pub headers: Vec<(String, String)>,
    /// The body of the response.
    pub body: Vec<u8>,
}

/// Headers that are not recorded: they describe the message as it was sent, or differ in every run.
const OMITTED: [&str; 6] = ["connection", "content-length", "date", "keep-alive", "set-cookie", "transfer-encoding"];

impl RecordedExchange {
    /// Parses a file.
    ///
    /// # Errors
    /// A sentence about what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let (line, rest) = line(bytes);
        // A file whose lines end so was written by hand, or changed by a version control system.
        let has_crlf = rest.starts_with(b"\r\n");
        let (method, url) = line.trim().split_once(' ').ok_or("the first line is not a method and a URL")?;
        let url = HttpUrl::parse(url.trim()).map_err(|problem| format!("the URL of the first line {problem}"))?;
        let start = start_of_response(rest).ok_or("there is no line that starts with `HTTP/1.1 `")?;
        let request_body = between(&rest[..start], if has_crlf { b"\r\n" } else { b"\n" });
        let (status, mut rest) = self::line(&rest[start..]);
        let status = status.split_whitespace().nth(1).and_then(|code| code.parse().ok());
        let status =
            status.filter(|code| (200..600).contains(code)).ok_or("the status is not a number from 200 to 599")?;
        let mut headers = Vec::new();
        while !rest.is_empty() {
            let (header, after) = self::line(rest);
            rest = after;
            if header.trim().is_empty() {
                break;
            }
            let (name, value) = header.split_once(':').ok_or_else(|| format!("{header:?} is not a header"))?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let (method, url) = (method.to_ascii_uppercase(), url.with_query());
        let rest = if has_crlf { rest.strip_suffix(b"\r").unwrap_or(rest) } else { rest };
        Ok(Self { method, url, request_body: request_body.to_vec(), status, headers, body: rest.to_vec() })
    }

    /// Returns the file.
    ///
    /// # Errors
    /// A sentence about why the exchange cannot be written to a file from which it could be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let file = self.file();
        match Self::parse(&file) {
            Ok(same) if same.request_body == self.request_body && same.body == self.body => Ok(file),
            Err(problem) => Err(problem),
            Ok(_) => Err("the body of the request contains a line that starts with `HTTP/1.1 `".into()),
        }
    }

    fn file(&self) -> Vec<u8> {
        let Self { method, url, request_body, status, headers, body } = self;
        let mut file = format!("{method} {url}\n\n").into_bytes();
        if !request_body.is_empty() {
            file.extend_from_slice(request_body);
            file.extend_from_slice(b"\n\n");
        }
        file.extend(format!("HTTP/1.1 {status}\n").into_bytes());
        for (name, value) in headers {
            file.extend(format!("{name}: {value}\n").into_bytes());
        }
        file.push(b'\n');
        file.extend_from_slice(body);
        file.push(b'\n');
        file
    }

    /// Returns whether this is the response to a request.
    pub(crate) fn answers(&self, method: &str, url: &HttpUrl, body: &[u8]) -> bool {
        self.method == method && self.url == url.with_query() && self.request_body == body
    }
}

/// Counts the requests of a step, and collects the exchanges. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    requests: Arc<AtomicU64>,
    exchanges: Arc<Mutex<Vec<RecordedExchange>>>,
    counts_only: bool,
}

impl Recorder {
    /// Creates a recorder that keeps no exchanges.
    pub fn counting() -> Self {
        Self { counts_only: true, ..Self::default() }
    }

    /// Returns the number of requests that were sent so far, also of those without a complete response.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Returns the exchanges so far, each once, sorted by URL, method and body.
    pub fn take(&self) -> Vec<RecordedExchange> {
        let mut exchanges = std::mem::take(&mut *self.exchanges.lock());
        let key = |exchange: &RecordedExchange| {
            (exchange.url.clone(), exchange.method.clone(), exchange.request_body.clone())
        };
        exchanges.sort_by_key(key);
        exchanges.dedup_by_key(|exchange| key(exchange));
        exchanges
    }

    /// Counts a request, and returns whether its exchange is to be added.
    pub(crate) fn begin(&self) -> bool {
        self.requests.fetch_add(1, Ordering::Relaxed);
        !self.counts_only
    }

    /// Adds an exchange, as it would be read from its file.
    pub(crate) fn add(&self, mut exchange: RecordedExchange) {
        exchange.headers.retain(|(name, _)| !OMITTED.contains(&name.as_str()));
        self.exchanges.lock().push(exchange);
    }
}

/// Splits off the first line, without its end.
fn line(bytes: &[u8]) -> (std::borrow::Cow<'_, str>, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, rest) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + 1..]));
    (String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)), rest)
}

fn start_of_response(bytes: &[u8]) -> Option<usize> {
    const START: &[u8] = b"HTTP/1.1 ";
    if bytes.starts_with(START) {
        return Some(0);
    }
    memchr::memmem::find(bytes, b"\nHTTP/1.1 ").map(|at| at + 1)
}

/// The body of a request, which has an empty line before and after it.
fn between<'b>(bytes: &'b [u8], line_end: &[u8]) -> &'b [u8] {
    let bytes = bytes.strip_prefix(line_end).unwrap_or(bytes);
    let bytes = bytes.strip_suffix(line_end).unwrap_or(bytes);
    bytes.strip_suffix(line_end).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_parsed_as_it_was_written() {
        for (request_body, body) in
            [("", "text"), ("{\"a\":\n\n1}", ""), ("", "two\nlines\n"), ("x\n", "\n\nHTTP/1.1 200\n")]
        {
            let exchange = RecordedExchange {
                method: "POST".into(),
                url: "https://example.org/a?b=c".into(),
                request_body: request_body.into(),
                status: 201,
                headers: vec![("content-type".into(), "text/plain".into())],
                body: body.into(),
            };
            let file = exchange.to_bytes().unwrap();
            let parsed = RecordedExchange::parse(&file).unwrap();
            assert_eq!(parsed, exchange, "{}", String::from_utf8_lossy(&file));
        }
    }

    #[test]
    fn an_exchange_that_could_not_be_read_again_is_an_error() {
        let mut exchange = RecordedExchange::parse(b"POST https://a.example/\n\nHTTP/1.1 200\n\n").unwrap();
        exchange.request_body = b"a\nHTTP/1.1 500\n\nb".into();
        assert!(exchange.to_bytes().unwrap_err().contains("the body of the request"));
        exchange.request_body = b"\r".into();
        assert_eq!(RecordedExchange::parse(&exchange.to_bytes().unwrap()).unwrap(), exchange);
    }

    #[test]
    fn a_file_with_other_line_ends_has_the_same_bodies() {
        let file = b"POST https://a.example/\r\n\r\n{\"a\": 1}\r\n\r\nHTTP/1.1 200\r\n\r\nanswer\r\n";
        let parsed = RecordedExchange::parse(file).unwrap();
        assert_eq!((parsed.request_body, parsed.body), (b"{\"a\": 1}".to_vec(), b"answer".to_vec()));
    }

    #[test]
    fn a_file_that_was_written_by_hand_is_parsed() {
        let text = "get HTTPS://Example.org/x/../a\r\n\r\nHTTP/1.1 404 Not Found\r\nX-A:  b\r\n\r\nnone\n";
        let parsed = RecordedExchange::parse(text.as_bytes()).unwrap();
        assert_eq!((parsed.method.as_str(), parsed.url.as_str(), parsed.status), ("GET", "https://example.org/a", 404));
        assert_eq!((parsed.headers, parsed.body), (vec![("x-a".into(), "b".into())], b"none".to_vec()));
        for (text, problem) in [
            ("", "method and a URL"),
            ("GET example\n\nHTTP/1.1 200\n\n", "is not a URL"),
            ("GET https://a.example/\n\n200\n", "no line that starts"),
            ("GET https://a.example/\n\nHTTP/1.1 99\n", "status"),
            ("GET https://a.example/\n\nHTTP/1.1 200\nheader\n", "is not a header"),
        ] {
            assert!(RecordedExchange::parse(text.as_bytes()).unwrap_err().contains(problem), "{text}");
        }
    }
}
