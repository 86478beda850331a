use stillbox_sdk::Result;
use stillbox_sdk::any::AnyRow;

use super::{Key, Nulls, Order};

/// The first byte of a key. It orders nulls independently of the order of the values.
const NULL_FIRST: u8 = 0;
const VALUE: u8 = 1;
const NULL_LAST: u8 = 2;

/// Appends the sort key of a value, in the key's order.
pub(crate) fn write_key(row: &AnyRow<'_>, column: usize, key: &Key, out: &mut Vec<u8>) -> Result<()> {
    if row.json(column).is_none() {
        out.push(match key.nulls {
            Nulls::First => NULL_FIRST,
            Nulls::Last => NULL_LAST,
        });
        return Ok(());
    }
    out.push(VALUE);
    let start = out.len();
    row.write_key(column, out)?;
    if key.order == Order::Descending {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
    Ok(())
}
