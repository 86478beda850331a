use stillbox_sdk::{Json, Result};

use super::{Key, Nulls, Order};

/// The first byte of a key. It orders nulls independently of the order of the values.
const NULL_FIRST: u8 = 0;
const VALUE: u8 = 1;
const NULL_LAST: u8 = 2;

/// Appends the sort key of a value, in the key's order.
pub(crate) fn write_key(value: Option<Json<'_>>, key: &Key, out: &mut Vec<u8>) -> Result<()> {
    let Some(value) = value else {
        out.push(match key.nulls {
            Nulls::First => NULL_FIRST,
            Nulls::Last => NULL_LAST,
        });
        return Ok(());
    };
    out.push(VALUE);
    let start = out.len();
    value.write_key(out)?;
    if key.order == Order::Descending {
        for byte in &mut out[start..] {
            *byte = !*byte;
        }
    }
    Ok(())
}
