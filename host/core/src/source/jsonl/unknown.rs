//! Keys that are not columns, collected as one JSON object.

use std::collections::HashSet;

use crate::json::write_serde;

/// The keys of one row that are not columns, with their values.
#[derive(Debug, Default)]
pub(super) struct OtherKeys {
    json: Vec<u8>,
    seen: HashSet<String>,
}

impl OtherKeys {
    /// Starts another row.
    pub(super) fn clear(&mut self) {
        self.json.clear();
        self.seen.clear();
    }

    /// Adds a key with the text of its value.
    ///
    /// # Errors
    /// The row has the key twice.
    pub(super) fn add(&mut self, key: String, value: &str) -> Result<(), String> {
        if self.seen.contains(&key) {
            return Err(key);
        }
        self.json.push(if self.json.is_empty() { b'{' } else { b',' });
        write_serde(&mut self.json, &key);
        self.json.push(b':');
        self.json.extend_from_slice(value.as_bytes());
        self.seen.insert(key);
        Ok(())
    }

    /// Returns the object; `None` if there are no such keys.
    pub(super) fn as_json(&mut self) -> Option<&str> {
        if self.json.is_empty() {
            return None;
        }
        self.json.push(b'}');
        std::str::from_utf8(&self.json).ok()
    }
}
