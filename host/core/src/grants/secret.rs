//! Secrets: values that the host uses for a step, and that no step, file or message contains.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;

/// The largest file of a secret, in bytes.
const MAX_BYTES: u64 = 64 << 10;
/// The shortest secret, in bytes. A shorter text occurs by chance, and could not be removed from messages.
const MIN_BYTES: usize = 8;

/// Where the value of a secret comes from. A pipeline file never contains the value itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SecretSource {
    /// A variable of the environment.
    Env(String),
    /// A file. White space at its end is removed.
    File(PathBuf),
}

/// Why a secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The variable is not set, or not text.
    #[error("the environment variable {0} is not set")]
    NotSet(String),
    /// The file cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// The file is too large.
    #[error("{} is larger than 64 KiB", .0.display())]
    TooLarge(PathBuf),
    /// The value is too short to be removed from messages.
    #[error("its value is shorter than 8 bytes, so it could not be recognised in messages")]
    TooShort,
    /// The value has characters that a header cannot have.
    #[error("its value contains a control character, or one that is not ASCII, which a header cannot have")]
    Character,
}

/// The value of a secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    /// Checks a value.
    ///
    /// # Errors
    /// The value is too short, or cannot be part of a header.
    pub(crate) fn new(value: String) -> Result<Self, SecretError> {
        if value.len() < MIN_BYTES {
            return Err(SecretError::TooShort);
        }
        if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(SecretError::Character);
        }
        Ok(Self(value))
    }

    /// Reads the value.
    ///
    /// # Errors
    /// There is no value, or it cannot be used.
    pub(crate) fn read(source: &SecretSource) -> Result<Self, SecretError> {
        match source {
            SecretSource::Env(name) => Self::new(std::env::var(name).map_err(|_| SecretError::NotSet(name.clone()))?),
            SecretSource::File(path) => {
                let error = |error| SecretError::Read(path.clone(), error);
                let mut text = String::new();
                // A device or pipe may never end.
                File::open(path).map_err(error)?.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(error)?;
                if text.len() as u64 > MAX_BYTES {
                    return Err(SecretError::TooLarge(path.clone()));
                }
                Self::new(text.trim_end().to_owned())
            }
        }
    }

    /// Returns the value. The only callers are the header of a request, and the redactor that looks for it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}
