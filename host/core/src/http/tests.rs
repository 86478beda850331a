//! The network with servers of the tests: name servers that change their answers, certificates that are wrong, HTTP/2.

mod name_server;
mod tls_server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, Response};
use wasmtime_wasi_http::Error as Code;

use super::{Client, Network, Notice, Notices, RequestSession};
use crate::grants::{Grants, HttpGrant, HttpLimits, Redactor};
use name_server::NameServer;
use tls_server::TlsServer;

type Answer = Result<Response<UnsyncBoxBody<Bytes, Code>>, Code>;

/// An instance whose requests a test sends.
struct Guest {
    session: RequestSession,
    notices: Arc<Notices>,
    runtime: tokio::runtime::Runtime,
}

impl Guest {
    fn new(network: Network, grants: &[HttpGrant]) -> Self {
        Self::of(&Arc::new(client(network, grants)))
    }

    fn of(client: &Arc<Client>) -> Self {
        let notices = Arc::new(Notices::default());
        let session = RequestSession::new(Some(Arc::clone(client)), Arc::clone(&notices), None);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { session, notices, runtime }
    }

    fn get(&mut self, url: &str) -> Answer {
        let body = UnsyncBoxBody::new(Empty::new().map_err(|never| match never {}));
        let request = Request::get(url).body(body).unwrap();
        let answer = self.session.send(request, None);
        self.runtime.block_on(answer)
    }

    fn text(&mut self, url: &str) -> Result<String, Code> {
        let response = self.get(url)?;
        let body = self.runtime.block_on(response.into_body().collect())?;
        Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
    }

    /// Why the last request was denied, or what went wrong.
    fn problem(&self) -> String {
        self.notices.cause_of("").map_or_else(String::new, |notice| match notice {
            Notice::Denied(denial) => denial.hint(),
            Notice::Failed(_, detail) => detail,
        })
    }
}

fn client(network: Network, http: &[HttpGrant]) -> Client {
    let grants = Grants { http: http.to_vec(), ..Grants::default() };
    Client::new(Arc::new(network), &grants, &BTreeMap::new(), Redactor::default(), None, None).unwrap()
}

fn grant(url: &str) -> HttpGrant {
    let limits = HttpLimits { time: Duration::from_secs(20), ..HttpLimits::default() };
    HttpGrant::new(url).unwrap().limits(limits)
}

/// The first answer is public, so that a check of it alone would pass. The time to live is 0.
#[test]
fn a_name_whose_address_changes_is_checked_for_every_connection() {
    let server = NameServer::new(|count| if count == 0 { vec![[192, 0, 2, 200]] } else { vec![[127, 0, 0, 1]] });
    // Connections to the first address go nowhere, so it is listed as an exception to be tried at all.
    let url = "http://changes.example/";
    let listed = grant(url).addresses(["192.0.2.200:80".parse().unwrap()]);
    let limits = HttpLimits { time: Duration::from_millis(500), ..HttpLimits::default() };
    let mut guest = Guest::new(Network::new(vec![server.address]), &[listed.limits(limits)]);
    assert!(matches!(
        guest.get(url),
        Err(Code::HttpResponseTimeout | Code::DestinationIpUnroutable | Code::DestinationUnavailable)
    ));
    assert!(matches!(guest.get(url), Err(Code::DestinationIpProhibited)), "{}", guest.problem());
    assert!(guest.problem().contains("127.0.0.1 is this machine (loopback)"), "{}", guest.problem());
}

#[test]
fn a_name_with_a_public_and_a_private_address_is_denied() {
    for private in [[127, 0, 0, 1], [10, 0, 0, 1], [169, 254, 169, 254], [100, 64, 0, 1]] {
        let server = NameServer::new(move |_| vec![[93, 184, 216, 34], private]);
        let url = "http://both.example/";
        let mut guest = Guest::new(Network::new(vec![server.address]), &[grant(url)]);
        assert!(matches!(guest.get(url), Err(Code::DestinationIpProhibited)), "{}", guest.problem());
    }
}

#[test]
fn a_name_server_that_does_not_answer_holds_up_no_one_who_gives_up() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = "http://silent.example/";
    let network = Network::new(vec![socket.local_addr().unwrap()]);
    let client = Arc::new(client(network, &[grant(url)]));
    let mut guest = Guest::of(&client);
    let body = UnsyncBoxBody::new(Empty::new().map_err(|never| match never {}));
    let _answer = guest.session.send(Request::get(url).body(body).unwrap(), None);
    // The question has arrived, and is never answered.
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.recv_from(&mut [0; 512]).unwrap();
    let started = std::time::Instant::now();
    drop(guest);
    drop(client);
    assert!(started.elapsed() < Duration::from_secs(5), "it was waited for");
}

#[test]
fn a_trusted_certificate_is_accepted_and_http_2_is_used() {
    let server = TlsServer::new(&["localhost"], true, false);
    let url = format!("https://localhost:{}/", server.address.port());
    let grant = grant(&url).addresses([server.address, ([0, 0, 0, 0, 0, 0, 0, 1], server.address.port()).into()]);
    let mut guest = Guest::new(server.trusted_network(), &[grant]);
    let text = guest.text(&url);
    assert_eq!(text.as_deref().ok(), Some("HTTP/2.0 /"), "{}", guest.problem());
    assert_eq!(guest.text(&format!("{url}again")).unwrap(), "HTTP/2.0 /again");
    assert_eq!(server.connections(), 1);
}

#[test]
fn http_1_is_used_where_the_server_has_no_http_2() {
    let server = TlsServer::new(&["localhost"], false, false);
    let url = format!("https://localhost:{}/", server.address.port());
    let grant = grant(&url).addresses([server.address, ([0, 0, 0, 0, 0, 0, 0, 1], server.address.port()).into()]);
    let mut guest = Guest::new(server.trusted_network(), &[grant]);
    let text = guest.text(&url);
    assert_eq!(text.as_deref().ok(), Some("HTTP/1.1 /"), "{}", guest.problem());
    assert_eq!(guest.text(&format!("{url}again")).unwrap(), "HTTP/1.1 /again");
    assert_eq!(server.connections(), 1);
}

#[test]
fn certificates_that_are_wrong_are_refused() {
    for (names, is_expired, is_trusted, expected) in [
        (["other.example"], false, true, "not valid for name"),
        (["localhost"], true, true, "expired"),
        (["localhost"], false, false, "UnknownIssuer"),
    ] {
        let server = TlsServer::new(&names, true, is_expired);
        let url = format!("https://localhost:{}/", server.address.port());
        let grant = grant(&url).addresses([server.address, ([0, 0, 0, 0, 0, 0, 0, 1], server.address.port()).into()]);
        let network = if is_trusted { server.trusted_network() } else { Network::new(Vec::new()) };
        let mut guest = Guest::new(network, &[grant]);
        let error = guest.get(&url).map(|_| ()).unwrap_err();
        assert!(matches!(error, Code::TlsCertificateError), "{names:?}: {error:?} {}", guest.problem());
        assert!(guest.problem().contains(expected), "{}", guest.problem());
    }
}

/// The address is checked below TLS as well.
#[test]
fn an_address_that_is_not_public_is_denied_for_https() {
    let server = TlsServer::new(&["localhost"], true, false);
    let url = format!("https://localhost:{}/", server.address.port());
    let mut guest = Guest::new(server.trusted_network(), &[grant(&url)]);
    assert!(matches!(guest.get(&url), Err(Code::DestinationIpProhibited)));
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_pooled_connection_does_not_skip_the_check_of_another_grant() {
    let server = TlsServer::new(&["localhost"], true, false);
    let base = format!("https://localhost:{}", server.address.port());
    let all = [server.address, ([0, 0, 0, 0, 0, 0, 0, 1], server.address.port()).into()];
    let grants = [grant(&format!("{base}/a/")).addresses(all), grant(&format!("{base}/b/"))];
    let mut guest = Guest::new(server.trusted_network(), &grants);
    let text = guest.text(&format!("{base}/a/"));
    assert_eq!(text.as_deref().ok(), Some("HTTP/2.0 /a/"), "{}", guest.problem());
    assert!(matches!(guest.get(&format!("{base}/b/")), Err(Code::DestinationIpProhibited)));
}
