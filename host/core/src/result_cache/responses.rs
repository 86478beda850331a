//! Responses of requests by HTTP, next to the results of steps.

use std::io::Read as _;

use super::ResultCache;
use super::key::{CacheKey, KEY_BYTES};
use crate::frame::FrameFormat;
use crate::http::{ResponseKey, ResponseStore};
use crate::private_dir::note_use;

/// The frame of a stored response: its key and the response.
const FORMAT: FrameFormat = FrameFormat::new(*b"stillrs", 1);

impl ResponseStore for ResultCache {
    fn response(&self, key: &ResponseKey) -> Option<Vec<u8>> {
        let (path, mut file) = self.usable(&CacheKey::from_bytes(key.0))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).ok()?;
        let payload = FORMAT
            .payload(&bytes)
            .inspect_err(|error| tracing::debug!("{}: the cache entry is not used: {error}", path.display()))
            .ok()?;
        let (found, response) = payload.split_first_chunk::<KEY_BYTES>()?;
        if *found != key.0 {
            return None;
        }
        note_use(&file, &path);
        Some(response.to_vec())
    }

    fn store_response(&self, key: &ResponseKey, response: &[u8]) {
        self.write(&CacheKey::from_bytes(key.0), || {
            let mut frame = FORMAT.start();
            frame.extend_from_slice(&key.0);
            frame.extend_from_slice(response);
            FORMAT.finish(&mut frame);
            Ok(frame)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_found_under_its_key_and_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let cache = ResultCache::at(folder.path().join("cache"));
        let (key, other) = (ResponseKey([1; 32]), ResponseKey([2; 32]));
        assert_eq!(cache.response(&key), None);
        cache.store_response(&key, b"response");
        assert_eq!(cache.response(&key).as_deref(), Some(&b"response"[..]));
        assert_eq!(cache.response(&other), None);
        let [from, to] = [key, other].map(|key| cache.path(&CacheKey::from_bytes(key.0)).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&from, &to).unwrap();
        assert_eq!(cache.response(&other), None);
        let mut bytes = std::fs::read(&from).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&from, bytes).unwrap();
        assert_eq!(cache.response(&key), None);
        assert_eq!(ResultCache::disabled().response(&key), None);
        ResultCache::disabled().store_response(&key, b"response");
    }
}
