use stillbox_sdk::{Json, Result};
use twox_hash::XxHash3_64;

/// The number of hashes with as many bits as the mantissa of a float.
const HASHES: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

/// Returns the number of rows in the test set.
pub fn test_size(rows: u32, fraction: f64) -> u32 {
    (f64::from(rows) * fraction).round() as u32
}

/// Returns whether the rows with a value are in the test set. Numbers are compared by value: `1` and `1.0` are in the same set.
///
/// # Errors
/// The value is not JSON.
pub fn key_is_test(key: Option<Json<'_>>, seed: u64, fraction: f64) -> Result<bool> {
    let mut bytes = Vec::new();
    if let Some(key) = key {
        key.write_key(&mut bytes)?;
    }
    let hash = XxHash3_64::oneshot_with_seed(seed, &bytes) >> (u64::BITS - f64::MANTISSA_DIGITS);
    Ok((hash as f64) < fraction * HASHES)
}
