//! `[[step]]`: one step of the pipeline.

use super::batch_rows;
use super::combine::{self, Combine};
use super::from::{self, FromTable};
use super::instance::{self, CacheMode, InstanceLife};
use super::limits;
use super::location::{ConfigLocation, Located};
use super::name::read_node_name;
use super::names::{self, NameMap};
use super::on_failure;
use super::parameters::{self, Parameters};
use super::parse_context::ParseContext;
use super::path_setting::{self, PathSetting};
use super::projection::{self, ProjectionTable};
use super::route::{self, RouteTable};
use super::table::Table;
use crate::limits::LimitSettings;
use crate::policy::OnFailure;

/// A table `[[step]]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepTable {
    /// The table's header.
    pub(crate) location: ConfigLocation,
    /// What the step is called in this pipeline.
    pub(crate) name: Located<String>,
    /// The compiled step, or the folder of its crate.
    pub(crate) component: Located<PathSetting>,
    /// What the step is told.
    pub(crate) parameters: Parameters,
    /// The steps or sources whose rows it takes; none for the step before.
    pub(crate) from: Option<Vec<FromTable>>,
    /// How the rows of several parents become one.
    pub(crate) combine: Option<Located<Combine>>,
    /// What becomes of the columns that come in.
    pub(crate) projection: ProjectionTable,
    /// From the step's own names of its inputs to the pipeline's columns.
    pub(crate) inputs: NameMap,
    /// From the step's own names of its outputs to the pipeline's columns.
    pub(crate) outputs: NameMap,
    /// Which of the children gets a row; none for all of them.
    pub(crate) route: Option<RouteTable>,
    /// The most rows that an instance gets at once; none for the pipeline's `batch-rows`.
    pub(crate) batch_rows: Option<Located<usize>>,
    /// How many instances are at work at once; none for as many as there are threads.
    pub(crate) concurrency: Option<Located<usize>>,
    /// How long an instance lives.
    pub(crate) instance: Option<Located<InstanceLife>>,
    /// Whether what it makes is kept for later runs.
    pub(crate) cache: Option<Located<CacheMode>>,
    /// The limits that it sets for itself. They stand at `limits`, at the last argument that changed one, or else at
    /// the step.
    pub(crate) limits: Located<LimitSettings>,
    /// What to do when a batch or a row does not pass.
    pub(crate) on_failure: Located<OnFailure>,
}

const COMPONENT_HELP: &str = "add `component = \"…\"`: the step's .wasm file, or the folder of its crate";

pub(super) fn read(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<StepTable> {
    let location = table.location();
    let name = table
        .require("name", "add a line such as `name = \"count-words\"`")
        .and_then(|entry| read_node_name(&entry, context));
    let component = table
        .require("component", COMPONENT_HELP)
        .and_then(|entry| path_setting::read(&entry, COMPONENT_HELP, context));
    let parameters = parameters::read(&mut table, context);
    let from = from::read(&mut table, context);
    let combine = combine::read(&mut table, context);
    let projection = projection::read(&mut table, context);
    let inputs = names::read_table(&mut table, "inputs", context);
    let outputs = names::read_table(&mut table, "outputs", context);
    let route = route::read(&mut table, context);
    let batch_rows = batch_rows::read(&mut table, context);
    let concurrency = instance::read_concurrency(&mut table, context);
    let instance = instance::read_instance(&mut table, context);
    let cache = instance::read_cache(&mut table, context);
    let limits = limits::read(&mut table, "[step.limits]", location.clone(), context);
    let on_failure = on_failure::read(&mut table, context);
    table.finish(context);
    Some(StepTable {
        location,
        name: name?,
        component: component?,
        parameters,
        from,
        combine,
        projection,
        inputs,
        outputs,
        route,
        batch_rows,
        concurrency,
        instance,
        cache,
        limits,
        on_failure,
    })
}
