use stillbox_sdk::Result;
use stillbox_sdk::any::AnyRow;
use twox_hash::XxHash3_64;

/// The number of hashes with as many bits as the mantissa of a float.
const HASHES: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;

/// Returns the number of rows in the test set.
pub fn test_size(rows: u32, fraction: f64) -> u32 {
    (f64::from(rows) * fraction).round() as u32
}

/// Returns whether a row is in the test set, by its first column. Equal values are in the same set: `1` and `1.0`, or the same
/// instant in two time zones.
///
/// # Errors
/// The value cannot be compared.
pub fn key_is_test(row: &AnyRow<'_>, seed: u64, fraction: f64) -> Result<bool> {
    let mut bytes = Vec::new();
    if row.json(0).is_some() {
        row.write_key(0, &mut bytes)?;
    }
    let hash = XxHash3_64::oneshot_with_seed(seed, &bytes) >> (u64::BITS - f64::MANTISSA_DIGITS);
    Ok((hash as f64) < fraction * HASHES)
}
