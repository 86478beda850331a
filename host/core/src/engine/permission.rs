//! Permissions that a guest may need.

/// A permission without which an import gives a guest no access.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permission {
    /// Files and directories.
    Files,
    /// Environment variables and arguments.
    Environment,
    /// Requests by HTTP.
    Http,
    /// Sockets and name lookups.
    Network,
    /// Standard input.
    Input,
    /// Language models.
    Models,
}

impl Permission {
    /// Returns the name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Environment => "environment",
            Self::Http => "HTTP",
            Self::Network => "network",
            Self::Input => "standard input",
            Self::Models => "models",
        }
    }
}
