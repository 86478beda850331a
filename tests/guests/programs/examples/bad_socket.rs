//! Connects to an address.

use std::net::TcpStream;

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
        TcpStream::connect("127.0.0.1:9")?;
    }
    Ok(())
}
