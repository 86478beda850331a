//! Guests that try to reach what is not granted, and servers that misbehave.

use std::io::{BufReader, Write as _};
use std::time::Duration;

use stillbox_test_guests::FETCH;

use super::{column, fetch, rejecting, rejects, write_urls};
use crate::harness::{Folder, PipelineFile, Server, ok, read_request, response};

/// Each of these is another spelling of an address or name that is not granted.
#[test]
fn tricks_with_urls_are_denied() {
    let server = Server::new(|_| ok("never"));
    let port = server.address.port();
    let hosts = [
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "localhost",
        "localhost.",
        "127.0.0.1.",
        "granted.example@127.0.0.1",
        "granted.example:80@127.0.0.1",
        "127.0.0.1%23granted.example",
        "[::127.0.0.1]",
        "0.0.0.0",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "granted.example.evil.example",
        "sub.granted.example",
        "%31%32%37.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
    ];
    let mut urls: Vec<String> = hosts.iter().map(|host| format!("http://{host}:{port}/")).collect();
    urls.extend([
        format!("http://granted.example:{port}/v1/../admin"),
        format!("http://granted.example:{port}/v1/%2e%2e/admin"),
        format!("http://granted.example:{port}/v1/..%2fadmin"),
        format!("http://granted.example:{port}/v1/..;/admin"),
        format!("https://granted.example:{port}/v1/"),
        format!("ftp://granted.example:{port}/v1/"),
        format!("http://granted.example:{port}@127.0.0.1/v1/"),
        format!("http://granted.example:{port}/v1 HTTP/1.1\r\nx: y/"),
    ]);
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &urls);
    let grant = fetch().allow_http(&format!("http://granted.example:{port}/v1/"), "");
    folder.run(rejecting(grant).batch_rows(1)).succeeded();
    let rejects = rejects(&folder);
    assert_eq!(rejects.len(), urls.len());
    for (url, (kind, message, hint)) in urls.iter().zip(&rejects) {
        // Some are no URLs for the SDK or for wasmtime, and never come to the grants.
        assert!(
            kind == "denied" || message.starts_with("cannot send") || message.contains("HTTP"),
            "{url}: {kind} {message} {hint}"
        );
    }
    assert_eq!(server.connections(), 0);
}

/// The host is granted, but not its address.
#[test]
fn a_granted_name_does_not_grant_its_private_address() {
    let server = Server::new(|_| ok("never"));
    let url = format!("http://localhost:{}/", server.address.port());
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, std::slice::from_ref(&url));
    folder.run(rejecting(fetch().allow_http(&url, ""))).succeeded();
    let (kind, _, hint) = rejects(&folder).remove(0);
    assert_eq!(kind, "denied");
    assert!(hint.contains("is this machine (loopback)"), "{hint}");
    assert!(hint.contains(&format!("127.0.0.1:{}", server.address.port())), "{hint}");
    assert_eq!(server.connections(), 0);
    // A pair of address and port is not one of another port.
    folder.run(rejecting(fetch().allow_http(&url, "addresses = [\"127.0.0.1:1\", \"[::1]:1\"]"))).succeeded();
    assert_eq!(rejects_kind(&folder), "denied");
}

fn rejects_kind(folder: &Folder) -> String {
    rejects(folder).remove(0).0
}

#[test]
fn a_step_cannot_set_headers_that_frame_the_message() {
    let server = Server::new(|_| ok("fine"));
    let folder = Folder::with(&[FETCH]);
    let headers = [
        "host: evil.example",
        "transfer-encoding: chunked",
        "connection: close",
        "content-length: 5",
        "expect: 100-continue",
        "x-own: a\r\nx-other: b",
        "x-own\r\nx-other: b",
        "proxy-authorization: a",
        "te: trailers",
        "upgrade: h2c",
    ];
    let rows: String = headers
        .iter()
        .map(|header| format!("{}\n", serde_json::json!({ "url": server.url("/"), "header": header, "body": "" })))
        .collect();
    folder.write("input.jsonl", rows);
    folder.run(rejecting(fetch().allow_http(&server.url("/"), ""))).succeeded();
    assert_eq!(rejects(&folder).len(), headers.len());
    assert_eq!(server.requests().len(), 0);
}

/// What a server sends, and what the error of the row contains.
#[test]
fn a_server_that_misbehaves_fails_its_row_within_the_limits() {
    let repeat = |start: &'static str, part: &'static str| {
        move |mut stream: std::net::TcpStream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            if read_request(&mut reader).is_some() && stream.write_all(start.as_bytes()).is_ok() {
                while stream.write_all(part.as_bytes()).is_ok() {}
            }
        }
    };
    let endless = |part| repeat("HTTP/1.1 200 OK\r\n", part);
    let flood = |part| repeat("", part);
    let slow = |mut stream: std::net::TcpStream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        if read_request(&mut reader).is_some()
            && stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n").is_ok()
        {
            while stream.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    };
    let once = |text: &'static str| {
        move |mut stream: std::net::TcpStream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            if read_request(&mut reader).is_some() {
                let _ = stream.write_all(text.as_bytes());
            }
        }
    };
    let servers = [
        (Server::raw(endless("x-header: value\r\n")), "the head of the response is too large"),
        (Server::raw(endless("x")), "the head of the response is too large"),
        (Server::raw(flood("HTTP/1.1 100 Continue\r\n\r\n")), "no response in time"),
        (Server::raw(flood("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")), "no response in time"),
        (Server::raw(flood("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")), "failed"),
        (Server::raw(endless("\r\n0123456789abcdef\r\n")), "the response is larger than its grant allows"),
        (Server::raw(slow), "no response in time"),
        (Server::raw(once("")), "closed the connection"),
        (Server::raw(once("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort")), "closed the connection"),
        (Server::raw(once("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")), "is larger than its grant allows"),
        (Server::raw(once("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef")), "failed"),
        (Server::raw(once("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n")), "failed"),
        (Server::raw(once("no HTTP at all\r\n\r\n")), "failed"),
        (Server::raw(once("HTTP/1.1 200 OK\r\nx: \x01\x02\r\n\r\n")), "failed"),
    ];
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &servers.each_ref().map(|(server, _)| server.url("/")));
    let mut table = fetch();
    for (server, _) in &servers {
        table = table.allow_http(&server.url("/"), "limits = { time = \"1s\", response-bytes = \"64KiB\" }");
    }
    folder.run(rejecting(table)).succeeded();
    let rejects = rejects(&folder);
    assert_eq!(rejects.len(), servers.len(), "{rejects:?}");
    for ((_, expected), (kind, message, hint)) in servers.iter().zip(&rejects) {
        assert_eq!(kind, "guest-error");
        assert!(message.contains(expected), "{message} ({hint}), not {expected}");
    }
}

/// A step can hold thousands of responses, and the memory of their heads is the host's.
#[test]
fn the_head_of_a_response_is_bounded_in_bytes_and_in_headers() {
    let server = Server::new(|request| {
        let number: usize = request.path()[7..].parse().unwrap();
        let headers = if request.path().starts_with("/bytes") {
            format!("x-long: {}\r\n", "x".repeat(number))
        } else {
            (0..number).map(|header| format!("x-{header}: y\r\n")).collect()
        };
        response("200 OK", &headers, "fine")
    });
    let folder = Folder::with(&[FETCH]);
    // One more header is the length.
    let heads = ["/bytes/65000", "/bytes/65600", "/count/99", "/count/100"];
    write_urls(&folder, &heads.map(|path| server.url(path)));
    folder.run(rejecting(fetch().allow_http(&server.url("/"), ""))).succeeded();
    assert_eq!(column(&folder, "answer"), ["fine", "fine"]);
    let rejects = rejects(&folder);
    assert_eq!(rejects.len(), 2, "{rejects:?}");
    for ((kind, message, hint), path) in rejects.iter().zip(["/bytes/65600", "/count/100"]) {
        assert_eq!(kind, "guest-error");
        assert!(message.contains(path), "{message}");
        assert!(message.contains("the head of the response is too large"), "{message} ({hint})");
    }
}

/// The host passes bytes on as they are, so a compressed body cannot grow in it.
#[test]
fn compressed_responses_are_not_decompressed_by_the_host() {
    let server = Server::new(|_| {
        let body = b"\x1f\x8b\x08\x00not really";
        let mut all = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut all = std::mem::take(&mut all).into_bytes();
        all.extend_from_slice(body);
        all
    });
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/")]);
    folder.run(PipelineFile::new().add(fetch().allow_http(&server.url("/"), ""))).succeeded();
    assert!(column(&folder, "answer")[0].contains("not really"));
}

/// A second response that nobody asked for must not become the answer to the next request.
#[test]
fn bytes_after_a_response_are_not_the_answer_to_the_next_request() {
    for headers in ["", "transfer-encoding: chunked\r\n"] {
        let server = Server::new(move |request| {
            let body = request.path();
            let chunked = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
            let (length, body) = if headers.is_empty() { (body.len(), body) } else { (1, chunked.as_str()) };
            let smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nsmuggled";
            format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n{headers}\r\n{body}{smuggled}").into_bytes()
        });
        let folder = Folder::with(&[FETCH]);
        write_urls(&folder, &[1, 2, 3].map(|id| server.url(&format!("/{id}"))));
        folder.run(rejecting(fetch().allow_http(&server.url("/"), ""))).succeeded();
        let answers = column(&folder, "answer");
        assert!(answers.iter().all(|answer| answer.starts_with('/')), "{answers:?}");
    }
}

#[test]
fn more_requests_than_the_limit_fail_with_its_name() {
    let server = Server::new(|_| ok("fine"));
    let folder = Folder::with(&[FETCH]);
    write_urls(&folder, &[server.url("/"), server.url("/"), server.url("/")]);
    let table = fetch().allow_http(&server.url("/"), "limits = { requests = 2 }");
    folder.run(rejecting(table)).succeeded();
    assert_eq!(column(&folder, "answer"), ["fine", "fine"]);
    let (kind, _, hint) = rejects(&folder).remove(0);
    assert_eq!(kind, "guest-error");
    assert!(hint.contains("its limit `requests`"), "{hint}");
}

#[test]
fn a_request_larger_than_its_limit_fails() {
    let server = Server::new(|_| ok("fine"));
    let folder = Folder::with(&[FETCH]);
    let row = serde_json::json!({ "url": server.url("/"), "method": "POST", "body": "x".repeat(100_000) });
    folder.write("input.jsonl", format!("{row}\n"));
    let table = fetch().allow_http(&server.url("/"), "methods = [\"POST\"]\nlimits = { request-bytes = \"64KiB\" }");
    folder.run(rejecting(table)).succeeded();
    assert!(rejects(&folder)[0].1.contains("the request is larger than its grant allows"), "{:?}", rejects(&folder));
}
