//! Gives reasons for the rows that it drops, and for rows that it does not drop.

use stillbox_sdk::contract::stillbox::step::drops::{DroppedRow, explain};
use stillbox_sdk::{Batch, Input, Result, Rows, error, step};

#[derive(Input)]
struct Row<'a> {
    text: &'a str,
}

/// Drops texts, by their first word.
#[step]
fn give_reasons(batch: Batch<'_, Row<'_>>) -> Result<Rows<()>> {
    let mut rows = Rows::new();
    for (index, row) in batch.iter().enumerate() {
        let text = row?.text;
        match text.split(' ').next().unwrap_or_default() {
            "short" => rows.drop_row(index, format_args!("too short: {} bytes", text.len())),
            "silent" => {}
            "twice" => {
                rows.drop_row(index, "the first reason");
                rows.drop_row(index, "the second reason");
            }
            "escapes" => rows.drop_row(index, "\u{1b}[2J<script>alert(1)</script>\n::error::a|`b`\u{202e}"),
            "long" => rows.drop_row(index, "é".repeat(10_000)),
            "outside" => rows.drop_row(index + 1_000_000, "of no row"),
            "unique" => rows.drop_row(index, text.replace(|c: char| c.is_ascii_digit(), "x")),
            "flood" => {
                let reason = |number: u32| DroppedRow { row: number, reason: "x".repeat(200) };
                for call in 0..100 {
                    explain(&(call * 10_000..call * 10_000 + 10_000).map(reason).collect::<Vec<_>>());
                }
            }
            "reject" => {
                rows.drop_row(index, "rejected, too");
                rows.reject(index, error!("rejected"));
            }
            _ => {
                rows.drop_row(index, "not dropped");
                rows.push_from(index, ())?;
            }
        }
    }
    Ok(rows)
}
