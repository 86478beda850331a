//! Permissions that a guest may need.

/// What a guest would have to be granted before an import gives it anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Files and directories.
    Files,
    /// Environment variables and arguments.
    Environment,
    /// Sockets and name lookups.
    Network,
    /// Standard input.
    Input,
}

impl Permission {
    /// The permission in words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Environment => "environment",
            Self::Network => "network",
            Self::Input => "standard input",
        }
    }
}
