//! Tries to access files, network, environment and standard input of the host.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _, UdpSocket};
use std::{env, fs, io};

use stillbox_sdk::{Input, Output, Result, step};

#[derive(Input)]
struct Row<'a> {
    /// A file that the host can read.
    path: &'a str,
    /// An address with a listening socket.
    address: &'a str,
}

#[derive(Output)]
struct Found {
    file: String,
    root: String,
    created: String,
    variables: usize,
    arguments: usize,
    tcp: String,
    listener: String,
    udp: String,
    lookup: String,
    input: usize,
    folder: String,
}

/// Reports the accessible resources of the host.
#[step]
#[expect(clippy::unnecessary_wraps, reason = "the form of a step")]
fn look_around(row: Row<'_>) -> Result<Found> {
    let mut input = Vec::new();
    Ok(Found {
        file: outcome(&fs::read(row.path)),
        root: outcome(&fs::read_dir("/")),
        created: outcome(&fs::write(format!("{}.new", row.path), "x")),
        variables: env::vars_os().count(),
        arguments: env::args_os().count(),
        tcp: outcome(&TcpStream::connect(row.address)),
        listener: outcome(&TcpListener::bind("127.0.0.1:0")),
        udp: outcome(&UdpSocket::bind("127.0.0.1:0")),
        lookup: outcome(&"localhost:80".to_socket_addrs()),
        input: io::stdin().read_to_end(&mut input).map_or(0, |_| input.len()),
        folder: outcome(&env::current_dir().and_then(fs::read_dir)),
    })
}

fn outcome<T>(result: &io::Result<T>) -> String {
    if result.is_ok() { "open".into() } else { "shut".into() }
}
