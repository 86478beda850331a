//! Resolves a host name.

use std::net::ToSocketAddrs as _;

use stillbox_sdk::{Input, Result, step};
use stillbox_test_programs::GUILTY;

#[derive(Input)]
struct Row {
    id: i64,
}

/// Misbehaves at the guilty row.
#[step]
fn misbehave(row: Row) -> Result<()> {
    if row.id == GUILTY {
        ("localhost", 80).to_socket_addrs()?;
    }
    Ok(())
}
