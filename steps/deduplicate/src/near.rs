use std::collections::HashMap;

use stillbox_sdk::{Json, Result};
use twox_hash::XxHash3_64;

use super::Parameters;
use super::minhash::{MinHash, similarity};

/// Marks the end of a list of texts.
const NONE: u32 = u32::MAX;

/// The signatures of the distinct texts so far.
#[derive(Debug)]
pub(crate) struct Near {
    hashes: MinHash,
    threshold: f64,
    permutations: usize,
    bands: usize,
    /// The signature of each distinct text. They are separate allocations, because growing a single list would temporarily take
    /// twice the memory.
    signatures: Vec<Box<[u32]>>,
    /// The last text for each hash of a band.
    last: HashMap<u64, u32>,
    /// For each text and band, the previous text with the same hash of the band.
    before: Vec<u32>,
    /// For each text, the last text it was compared with, so that a pair is compared only once for all bands.
    compared: Vec<u32>,
    seen: u32,
    text: String,
}

impl Near {
    pub(crate) fn new(parameters: &Parameters) -> Self {
        let Parameters { threshold, shingle, shingle_size, permutations, bands, seed, .. } = *parameters;
        Self {
            hashes: MinHash::new(shingle, shingle_size, permutations, seed),
            threshold,
            permutations,
            bands,
            signatures: Vec::new(),
            last: HashMap::new(),
            before: Vec::new(),
            compared: Vec::new(),
            seen: 0,
            text: String::new(),
        }
    }

    /// Returns whether a text differs from all earlier ones, and adds it if so.
    pub(crate) fn is_new<'a>(&mut self, values: impl Iterator<Item = Option<Json<'a>>>) -> Result<bool> {
        self.text.clear();
        let mut has_text = false;
        for value in values.flatten() {
            if std::mem::replace(&mut has_text, true) {
                self.text.push('\n');
            }
            self.text.push_str(&value.to_text()?);
        }
        if !has_text {
            return Ok(true);
        }
        let signature = self.hashes.signature(&self.text);
        let bands: Vec<u64> = self.contents(&signature).collect();
        let is_new = !self.is_known(&signature, &bands);
        if is_new {
            self.keep(signature, &bands);
        }
        Ok(is_new)
    }

    /// Returns a hash of the content and the index of each band.
    fn contents<'s>(&self, signature: &'s [u32]) -> impl Iterator<Item = u64> + use<'s> {
        let bands = signature.chunks(self.permutations / self.bands).enumerate();
        bands.map(|(band, hashes)| {
            let bytes: Vec<u8> = hashes.iter().flat_map(|hash| hash.to_le_bytes()).collect();
            XxHash3_64::oneshot_with_seed(band as u64, &bytes)
        })
    }

    fn is_known(&mut self, signature: &[u32], bands: &[u64]) -> bool {
        self.seen = self.seen.wrapping_add(1);
        for (band, content) in bands.iter().enumerate() {
            let mut candidate = self.last.get(content).copied().unwrap_or(NONE);
            while candidate != NONE {
                let text = candidate as usize;
                let is_compared = std::mem::replace(&mut self.compared[text], self.seen) == self.seen;
                if !is_compared && similarity(&self.signatures[text], signature) >= self.threshold {
                    return true;
                }
                candidate = self.before[text * self.bands + band];
            }
        }
        false
    }

    fn keep(&mut self, signature: Vec<u32>, bands: &[u64]) {
        let text = self.compared.len() as u32;
        self.signatures.push(signature.into());
        self.compared.push(self.seen);
        for content in bands {
            self.before.push(self.last.insert(*content, text).unwrap_or(NONE));
        }
    }
}
