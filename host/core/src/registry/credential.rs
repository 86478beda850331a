//! A credential for a registry.

use std::fmt;

/// The credential of a user. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    /// A user name and a password, which may be an access token.
    Password { user: String, password: String },
    /// A token that is exchanged for others.
    Identity(String),
    /// A token that the registry itself takes.
    Token(String),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}
