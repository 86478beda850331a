//! Compiled components in the user's cache folder, with a checksum: a file may be truncated if the computer lost power, or damaged.

use std::io::{self, Write as _};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::frame::FrameFormat;
use crate::private_dir::{create_temporary, note_use, open_private};

/// A kind of component that is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct ComponentFile(FrameFormat);

impl ComponentFile {
    /// A kind of component. Its files begin with the magic number.
    pub(super) const fn new(magic: [u8; 7]) -> Self {
        Self(FrameFormat::new(magic, 1))
    }

    /// Reads a component. Returns `None` if there is none, or if the file is not as it was written: then it is compiled again.
    pub(super) fn read(self, path: &Path) -> Option<Vec<u8>> {
        let mut file = open_private(path)?;
        let component = self
            .0
            .read(&mut file)
            .inspect_err(|error| tracing::debug!("{}: it is compiled again: {error}", path.display()))
            .ok()?;
        note_use(&file, path);
        Some(component)
    }

    /// Writes a component to a temporary file in the folder of `path`, to be renamed to it.
    pub(super) fn write(self, path: &Path, component: &[u8]) -> io::Result<NamedTempFile> {
        let mut file = create_temporary(path)?;
        file.write_all(&self.0.header(&[component]))?;
        file.write_all(component)?;
        file.as_file().sync_all()?;
        Ok(file)
    }

    /// Returns bytes that change with the format of the files.
    pub(super) fn version(self) -> Vec<u8> {
        self.0.header(&[]).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const FILE: ComponentFile = ComponentFile::new(*b"stilltt");

    #[test]
    fn a_component_that_was_truncated_or_changed_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("step.wasm");
        let component = wasm_encoder::Component::new().finish();
        assert_eq!(FILE.read(&path), None);
        FILE.write(&path, &component).unwrap().persist(&path).unwrap();
        assert_eq!(FILE.read(&path), Some(component.clone()));
        let written = fs::read(&path).unwrap();
        for length in 0..written.len() {
            fs::write(&path, &written[..length]).unwrap();
            assert_eq!(FILE.read(&path), None, "{length} bytes");
        }
        for index in 0..written.len() {
            let mut changed = written.clone();
            changed[index] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert_eq!(FILE.read(&path), None, "byte {index}");
        }
        // Earlier versions stored the component without a header.
        fs::write(&path, &component).unwrap();
        assert_eq!(FILE.read(&path), None);
    }
}
