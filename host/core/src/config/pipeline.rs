//! `[pipeline]`: what holds for the whole of it.

use super::batch_rows;
use super::location::Located;
use super::name::read_pipeline_name;
use super::parse_context::ParseContext;
use super::table::Table;
use crate::limits::LimitSettings;

/// The table `[pipeline]`, and `[limits]` beside it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PipelineTable {
    /// What the pipeline is called.
    pub(crate) name: Located<String>,
    /// What it is for, in the operator's words.
    pub(crate) description: Option<Located<String>>,
    /// Rows in a batch, by default [`DEFAULT_BATCH_ROWS`](super::DEFAULT_BATCH_ROWS).
    pub(crate) batch_rows: Option<Located<usize>>,
    /// What holds for every step that sets nothing else.
    pub(crate) limits: Located<LimitSettings>,
}

pub(super) fn read(
    mut table: Table<'_>,
    limits: Located<LimitSettings>,
    context: &mut ParseContext<'_>,
) -> Option<PipelineTable> {
    let name = table
        .require("name", "add a line such as `name = \"clean-text\"`")
        .and_then(|entry| read_pipeline_name(&entry, context));
    let description = table.take("description").and_then(|entry| entry.string(context));
    let batch_rows = batch_rows::read(&mut table, context);
    table.finish(context);
    Some(PipelineTable { name: name?, description, batch_rows, limits })
}
