//! Reading the pipeline file from disk.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::Config;
use super::diagnostic::{Diagnostic, Diagnostics};
use super::error::ConfigError;
use super::location::ConfigLocation;

/// The maximum size of a pipeline file, in bytes: far more than a person writes, and a bound for endless device files.
const MAX_FILE_BYTES: u64 = 64 << 20;

impl Config {
    /// Reads and parses a pipeline file.
    ///
    /// # Errors
    /// The file cannot be read, is larger than 64 MiB, is not UTF-8, or has problems.
    pub(crate) fn from_file(file: &Path) -> Result<Self, ConfigError> {
        let bytes = read(file).map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::parse(file, &text)?),
            Err(error) => {
                let start = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes());
                // Up to `start` the text equals the file. The replacement character is at `start`.
                let end = start + char::REPLACEMENT_CHARACTER.len_utf8();
                let diagnostic = Diagnostic::new(ConfigLocation::Span(start..end), "the file is not UTF-8 text")
                    .label("invalid UTF-8")
                    .help("save it as UTF-8; if it is not a text file, pass the pipeline file, which is TOML");
                Err(Diagnostics::new(file, text.into_owned().into(), vec![diagnostic]).into())
            }
        }
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is larger than 64 MiB, the maximum for a pipeline file",
        ));
    }
    Ok(bytes)
}
