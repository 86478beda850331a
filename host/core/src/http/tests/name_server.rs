//! A name server.

use std::net::{SocketAddr, UdpSocket};
use std::thread;

/// Answers questions for addresses. It ends with the tests.
pub(super) struct NameServer {
    pub(super) address: SocketAddr,
}

const TYPE_A: [u8; 2] = [0, 1];

impl NameServer {
    /// Starts a server. The function returns the IPv4 addresses of any name, by the number of answers before. There are no IPv6
    /// addresses.
    pub(super) fn new(addresses: impl Fn(usize) -> Vec<[u8; 4]> + Send + 'static) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("the loopback interface exists");
        let address = socket.local_addr().expect("it is bound");
        thread::spawn(move || {
            let (mut question, mut count) = ([0; 512], 0);
            while let Ok((length, client)) = socket.recv_from(&mut question) {
                let question = &question[..length];
                let is_v4 = kind(question) == TYPE_A;
                let found = if is_v4 { addresses(count) } else { Vec::new() };
                count += usize::from(is_v4);
                let _ = socket.send_to(&answer(question, &found), client);
            }
        });
        Self { address }
    }
}

/// The end of the name in a question.
fn end_of_name(question: &[u8]) -> usize {
    let mut at = 12;
    while question[at] != 0 {
        at += 1 + usize::from(question[at]);
    }
    at + 1
}

/// The type that is asked for.
fn kind(question: &[u8]) -> [u8; 2] {
    let end = end_of_name(question);
    [question[end], question[end + 1]]
}

fn answer(question: &[u8], addresses: &[[u8; 4]]) -> Vec<u8> {
    let end = end_of_name(question) + 4;
    let mut message = question[..2].to_vec();
    // A response without an error; one question, and the answers.
    message.extend([0x81, 0x80, 0, 1, 0, addresses.len() as u8, 0, 0, 0, 0]);
    message.extend(&question[12..end]);
    for address in addresses {
        // The name of the question, an address of the internet, kept for no time.
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        message.extend(address);
    }
    message
}
