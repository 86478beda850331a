//! Requests of steps by HTTP: the I/O of [`crate::grants`].
//!
//! A [`Network`] is one thread that drives all connections of a run. A [`Client`] belongs to one step: it has the step's
//! grants, and a pool of connections that no other step uses. A [`RequestSession`] belongs to one instance: when it is dropped, all
//! requests of the instance end.
//!
//! The way of a request: the session compares it with the grants (`session`); a task on the network's thread waits for its
//! turn, takes a connection from the pool or opens one (`connect`: resolve once, check every address, connect to one of them,
//! TLS), adds the secret, sends it, and passes the response on within the limits (`exchange`).

mod body;
mod call;
mod client;
mod connect;
mod connection;
mod error;
mod exchange;
mod network;
mod notices;
mod pace;
mod pool;
mod replay;
mod session;
mod store;
mod tap;
mod task;
#[cfg(test)]
mod tests;

pub(crate) use call::{CallError, CallRequest, CallResponse, CallWaits, Caller};
pub(crate) use client::Client;
pub(crate) use network::Network;
pub(crate) use notices::{Notice, Notices};
pub(crate) use session::RequestSession;
pub(crate) use store::{ResponseKey, ResponseStore};
pub(crate) use task::AbortOnDrop;
