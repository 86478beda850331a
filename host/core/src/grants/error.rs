//! Errors of grants.

use std::io;
use std::path::PathBuf;

use super::secret::SecretError;

/// Why a grant cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// A variable of the host is not set.
    #[error("the environment variable {0} is not set, or is not text")]
    NotSet(String),
    /// There is no secret of this name.
    #[error("there is no secret {0}")]
    NoSecret(String),
    /// The value of a secret cannot be used.
    #[error("the secret {name} cannot be used")]
    Secret {
        /// The name of the secret.
        name: String,
        /// The cause.
        source: SecretError,
    },
    /// A folder cannot be opened.
    #[error("the folder {} cannot be opened", path.display())]
    Dir {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A model cannot be used.
    #[error("model \"{name}\" cannot be used: {problem}")]
    Model {
        /// The name of the model.
        name: String,
        /// The problem.
        problem: String,
    },
    /// Only a pipeline has a run at whose end a folder can be moved into place.
    #[error("the folder {} is granted with `write`, which needs a run of a pipeline", .0.display())]
    NoRun(PathBuf),
}
