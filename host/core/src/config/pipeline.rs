//! `[pipeline]`: settings of the whole pipeline.

use std::time::Duration;

use super::location::Located;
use super::name::read_pipeline_name;
use super::parse_context::ParseContext;
use super::path_setting::{self, PathSetting};
use super::table::Table;
use super::until::UntilTable;
use super::{batch_rows, run_time, until};
use crate::limits::LimitSettings;

/// The tables `[pipeline]` and `[limits]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PipelineTable {
    /// The name of the pipeline.
    pub(crate) name: Located<String>,
    /// A description for people. Has no effect.
    pub(crate) description: Option<Located<String>>,
    /// The number of rows in a batch, by default [`DEFAULT_BATCH_ROWS`](super::DEFAULT_BATCH_ROWS).
    pub(crate) batch_rows: Option<Located<usize>>,
    /// The time limit of a whole run. `None` for no limit.
    pub(crate) time: Option<Located<Duration>>,
    /// The number of accepted rows with which a run is complete. `None` for all rows.
    pub(crate) until: Option<UntilTable>,
    /// The folder for the bundles of failures. `None` for no bundles.
    pub(crate) bundle_on_failure: Option<Located<PathSetting>>,
    /// The limits of every step that does not set its own.
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
    let time = run_time::read(&mut table, context);
    let until = until::read(&mut table, context);
    let bundle_on_failure = table.take("bundle-on-failure").and_then(|entry| {
        path_setting::read(&entry, "write a folder, such as `bundle-on-failure = \"bundles\"`", context)
    });
    table.finish(context);
    Some(PipelineTable { name: name?, description, batch_rows, time, until, bundle_on_failure, limits })
}
