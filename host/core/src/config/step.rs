//! `[[step]]`: one step of the pipeline.

use super::allow::{self, AllowTable};
use super::batch_rows;
use super::combine::{self, Combine};
use super::component_setting::{self, ComponentSetting};
use super::from::{self, FromTable};
use super::instance::{self, CacheMode, InstanceLife};
use super::limits;
use super::location::{ConfigLocation, Located};
use super::name::read_node_name;
use super::names::{self, NameMap};
use super::on_failure;
use super::parameters::{self, Parameters};
use super::parse_context::ParseContext;
use super::projection::{self, ProjectionTable};
use super::route::{self, RouteTable};
use super::step_models::{self, ModelsTable};
use super::table::Table;
use crate::limits::LimitSettings;
use crate::policy::OnFailure;

/// The table `[[step]]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StepTable {
    /// The location of the table's header.
    pub(crate) location: ConfigLocation,
    /// The name of the step in this pipeline.
    pub(crate) name: Located<String>,
    /// The compiled step, or the folder of its crate.
    pub(crate) component: Located<ComponentSetting>,
    /// The parameters of the step.
    pub(crate) parameters: Parameters,
    /// The steps or sources whose rows it takes. `None` for the previous step.
    pub(crate) from: Option<Vec<FromTable>>,
    /// How the rows of several parents are combined.
    pub(crate) combine: Option<Located<Combine>>,
    /// Applied to the incoming columns.
    pub(crate) projection: ProjectionTable,
    /// From the step's names of its inputs to columns of the pipeline.
    pub(crate) inputs: NameMap,
    /// From the step's names of its outputs to columns of the pipeline.
    pub(crate) outputs: NameMap,
    /// The children that take each row. `None` for all of them.
    pub(crate) route: Option<RouteTable>,
    /// The maximum number of rows in a batch. `None` for the pipeline's `batch-rows`.
    pub(crate) batch_rows: Option<Located<usize>>,
    /// The maximum number of concurrent instances. `None` for the number of threads.
    pub(crate) concurrency: Option<Located<usize>>,
    /// How long an instance lives.
    pub(crate) instance: Option<Located<InstanceLife>>,
    /// Whether its results are cached for later runs.
    pub(crate) cache: Option<Located<CacheMode>>,
    /// The limits of this step. The location is that of `limits`, of the last argument that changed a limit, or of the
    /// step.
    pub(crate) limits: Located<LimitSettings>,
    /// The grants of this step.
    pub(crate) allow: AllowTable,
    /// The models of this step.
    pub(crate) models: ModelsTable,
    /// The policy for batches and rows that fail.
    pub(crate) on_failure: Located<OnFailure>,
}

pub(super) fn read(mut table: Table<'_>, context: &mut ParseContext<'_>) -> Option<StepTable> {
    let location = table.location();
    let name = table
        .require("name", "add a line such as `name = \"count-words\"`")
        .and_then(|entry| read_node_name(&entry, context));
    let component = component_setting::read(&mut table, context);
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
    let allow = allow::read(&mut table, context);
    let models = step_models::read(&mut table, context);
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
        allow,
        models,
        on_failure,
    })
}
