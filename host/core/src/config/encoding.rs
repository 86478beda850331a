//! `encoding`: the encoding of text files.

use super::parse_context::{ParseContext, shortened};
use super::table::Table;
use crate::format::TextEncoding;

/// Reads `encoding`, a name in the Encoding Standard. UTF-8 by default.
pub(super) fn read(table: &mut Table<'_>, context: &mut ParseContext<'_>) -> TextEncoding {
    let Some(entry) = table.take("encoding") else { return TextEncoding::default() };
    let Some(written) = entry.string(context) else { return TextEncoding::default() };
    TextEncoding::from_name(&written).unwrap_or_else(|| {
        let message = format!("{} is \"{}\", which is not a known encoding", entry.name, shortened(&written));
        context.push(entry.diagnostic(message).label("not an encoding").help(
            "give a name such as \"utf-8\", \"latin-1\", \"windows-1252\", \"utf-16\", \"shift_jis\", \"gb18030\" or \"big5\"",
        ));
        TextEncoding::default()
    })
}
